"""
Who paid what of a sale.

Payments of nothing stand beside real ones, archived ones were taken back. What a till says of
change (`change` of the sale) is money given back beside payments that make the total already,
or out of payments that make more than it.

Source: developers.lightspeedhq.com/retail/endpoints/Sale, .../SalePayment; recorded sale 56
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from connectors.amounts import minor
from connectors.lightspeed_r.amounts import flag, identity, text
from connectors.lightspeed_r.wire import Payment, Sale
from connectors.troubles import UnbalancedError
from schemas.transaction import Method, Tender

_METHODS = {
    "cash": Method.CASH,
    "credit card": Method.CARD,
    "debit card": Method.CARD,
    "check": Method.BANK,
    "gift card": Method.GIFT_CARD,
    "credit account": Method.HOUSE_ACCOUNT,
}


def tenders_of(
    sale: Sale, payments: Sequence[Payment], total: int, digits: int
) -> tuple[Tender, ...]:
    """
    Return the tenders; a tip is on top of what a payment paid of the sale.

    Raises:
        UnbalancedError: the payments do not make what the sale says was paid.
    """
    stood = [payment for payment in payments if _stands(payment)]
    amounts = [minor(payment.amount, digits, "amount") for payment in stood]
    if sale.calcPayments is not None and payments:
        said = minor(sale.calcPayments, digits, "calcPayments")
        every = sum([minor(payment.amount, digits, "amount") for payment in payments])
        # Whether archived payments are in it, Lightspeed does not say.
        if said not in {sum(amounts), every}:
            raise UnbalancedError("calcPayments", sum(amounts), said)
    tenders = [
        _tender(payment, amount, minor(payment.tipAmount, digits, "tipAmount"))
        for payment, amount in zip(stood, amounts, strict=True)
    ]
    tenders = [one for one in tenders if one.amount or one.tip]
    given_back = minor(sale.change, digits, "change")
    if given_back > 0:
        _give_back(tenders, given_back, out_of=sum(amounts) - given_back == total)
    return tuple(tenders)


def _stands(payment: Payment) -> bool:
    charge = payment.CCCharge
    return not flag(payment.archived) and not (charge is not None and flag(charge.declined))


def _give_back(tenders: list[Tender], change: int, *, out_of: bool) -> None:
    """Write the change to the last payments of cash; out of them no more than there is."""
    for i in reversed(range(len(tenders))):
        one = tenders[i]
        if change and one.method is Method.CASH:
            given = min(change, max(one.amount, 0)) if out_of else change
            amount = one.amount - given if out_of else one.amount
            tenders[i] = structs.replace(one, amount=amount, change=given)
            change -= given


def _tender(payment: Payment, amount: int, tip: int) -> Tender:
    charge = payment.CCCharge
    digits = text(charge.xnum)[-4:] if charge is not None else ""
    return Tender(
        tender_id=text(payment.salePaymentID) or "payment",
        method=_method(payment),
        amount=amount + tip,
        tip=tip,
        brand=(text(charge.card_type) or None) if charge is not None else None,
        last_four=digits if digits.isascii() and digits.isdigit() else None,
    )


def _method(payment: Payment) -> Method:
    kind = text(payment.PaymentType.type).lower() if payment.PaymentType is not None else ""
    if kind in _METHODS:
        return _METHODS[kind]
    return Method.HOUSE_ACCOUNT if identity(payment.creditAccountID) else Method.OTHER
