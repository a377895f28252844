"""
Who paid what of a check.

Source: doc.toasttab.com/openapi/orders/tag/Data-definitions/schema/Payment
"""

from __future__ import annotations

from connectors.toast.amounts import minor
from connectors.toast.wire import Check, Payment
from schemas.transaction import Method, Tender

_METHODS = {
    "CASH": Method.CASH,
    "CREDIT": Method.CARD,
    "GIFTCARD": Method.GIFT_CARD,
    "HOUSE_ACCOUNT": Method.HOUSE_ACCOUNT,
    "LEVELUP": Method.WALLET,
    # Both are value that the guest has with the house, spent from a card or an account of it.
    "REWARDCARD": Method.GIFT_CARD,
    "TOAST_SV": Method.GIFT_CARD,
}

# A payment in one of these states paid nothing, or no longer does.
_FAILED = frozenset(
    {
        "CANCELLED",
        "DENIED",
        "ERROR",
        "ERROR_NETWORK",
        "PROCESSING_VOID",
        "VOIDED",
        "VOIDED_AT_RISK",
    }
)


def method_of(payment: Payment) -> Method:
    """Return how it was paid; what the restaurant named itself is "other"."""
    return _METHODS.get(payment.type or "", Method.OTHER)


def paying(check: Check) -> list[Payment]:
    """Return the payments that stand: neither voided nor refused."""
    return [
        one
        for one in check.payments or ()
        if one.void_info is None and one.payment_status not in _FAILED
    ]


def tender_of(payment: Payment, digits: int) -> Tender:
    """Return the tender of a payment; Toast keeps the tip apart, we count it in."""
    amount = minor(payment.amount, digits)
    tip = minor(payment.tip_amount, digits)
    method = method_of(payment)
    handed = minor(payment.amount_tendered, digits) if method is Method.CASH else 0
    return Tender(
        tender_id=payment.guid,
        method=method,
        amount=amount + tip,
        tip=tip,
        change=max(handed - amount, 0),
        brand=payment.card_type or None,
        last_four=payment.last4_digits or None,
    )
