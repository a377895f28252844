"""
Who paid what of a sale.

Source: api-docs.lsk.lightspeed.app, Financial V2, schema Payment
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from connectors.lightspeed_k.amounts import minor
from connectors.lightspeed_k.wire import Payment
from connectors.troubles import UnbalancedError
from schemas.transaction import Method, Tender

# Codes are the restaurant's own; these are the ones that K-Series begins with.
_METHODS = {
    "CASH": Method.CASH,
    "CB": Method.CARD,
    "CARD": Method.CARD,
    "CC": Method.CARD,
    "CREDIT": Method.CARD,
    "CREDITCARD": Method.CARD,
    "DEBIT": Method.CARD,
    "AMEX": Method.CARD,
    "MAESTRO": Method.CARD,
    "MASTERCARD": Method.CARD,
    "MC": Method.CARD,
    "VISA": Method.CARD,
    "LSPAY": Method.CARD,
    "LIGHTSPEEDPAYMENTS": Method.CARD,
    "ADYEN": Method.CARD,
    "GIFTCARD": Method.GIFT_CARD,
    "VOUCHER": Method.COUPON,
    "BANKTRANSFER": Method.BANK,
}


class Paid(NamedTuple):
    """How payments meet what is due; `rounding` is what they paid above it."""

    tenders: tuple[Tender, ...]
    tip: int
    surcharge: int
    rounding: int


def method_of(payment: Payment) -> Method:
    """Return how it was paid; a debt of the guest is a house account."""
    if payment.type == "ACCOUNTS_RECEIVABLE":
        return Method.HOUSE_ACCOUNT
    for text in (payment.code, payment.description):
        known = _METHODS.get("".join(filter(str.isalnum, (text or "").upper())))
        if known is not None:
            return known
    return Method.OTHER


def paid_with(
    payments: Sequence[Payment], due: int, dust: int, digits: int, *, sign: int = 1
) -> Paid:
    """
    Return tenders, tips and surcharges that meet what is due.

    It is not told whether tip and surcharge are inside a payment's amount, nor the sign of its
    rounding: the sum that they must make says it. What is short is left unpaid.

    Args:
        dust: minor units that rounding many decimals may have made.
        sign: -1 for payments of a refund that are written positive.

    Raises:
        UnreadableError: an amount is not one of its currency.
        UnbalancedError: more was paid than is due, in every reading.
    """
    amounts = [sign * minor(one.net_amount_with_tax, digits) for one in payments]
    tips = [sign * minor(one.tip, digits) for one in payments]
    extra = [sign * minor(one.surcharge, digits) for one in payments]
    rounded = sum(sign * minor(one.rounding_amount, digits) for one in payments)
    if not payments:
        return Paid((), 0, 0, 0)
    reading = _reading(sum(amounts), sum(tips), sum(extra), rounded, due, dust)
    if reading is None:
        if abs(sum(amounts)) > abs(due) or sum(amounts) * due < 0:
            raise UnbalancedError("payments", sum(amounts), due)
        reading = (0, 0, 0)
    tip_inside, extra_inside, rounding = reading
    tenders = tuple(
        Tender(
            tender_id=one.fisc_id or one.uuid or f"{at + 1}",
            method=method_of(one),
            amount=amounts[at] + (1 - tip_inside) * tips[at] + (1 - extra_inside) * extra[at],
            tip=tips[at],
        )
        for at, one in enumerate(payments)
    )
    return Paid(tenders, sum(tips), sum(extra), rounding)


def _reading(
    paid: int, tip: int, extra: int, rounded: int, due: int, dust: int
) -> tuple[int, int, int] | None:
    """Return whether tip and surcharge are inside, and the rounding; the plainest that fits."""
    for room, (extra_inside, tip_inside), rounding in product(
        sorted({0, dust}), ((0, 0), (1, 0), (0, 1), (1, 1)), (0, rounded, -rounded)
    ):
        over = paid - tip_inside * tip - extra_inside * extra - due
        if abs(over - rounding) <= room:
            return tip_inside, extra_inside, over
    return None
