"""
How a payment or refund was paid, and the notes we keep of each.

Source: developer.squareup.com/docs/payments-api/take-payments (source types),
.../reference/square/objects/ExternalPaymentDetails, .../objects/Tender,
.../objects/PaymentRefund
"""

from __future__ import annotations

from connectors.square.clock import instant
from connectors.square.content import PaymentNote, RefundNote, TenderNote
from connectors.square.lines import minor
from connectors.square.wire import (
    BrandDetails,
    CardDetails,
    ExternalDetails,
    Money,
    Payment,
    Refund,
    TenderItem,
)
from connectors.troubles import UnreadableError, WrongCurrencyError, must_equal
from schemas.transaction import Method, Status

_METHODS = {
    "CARD": Method.CARD,
    "THIRD_PARTY_CARD": Method.CARD,
    "CASH": Method.CASH,
    "SQUARE_GIFT_CARD": Method.GIFT_CARD,
    "WALLET": Method.WALLET,
    "SQUARE_ACCOUNT": Method.WALLET,
    "BANK_ACCOUNT": Method.BANK,
    "BUY_NOW_PAY_LATER": Method.OTHER,
    "OTHER": Method.OTHER,
}
_EXTERNAL = {
    "CHECK": Method.BANK,
    "BANK_TRANSFER": Method.BANK,
    "OTHER_GIFT_CARD": Method.GIFT_CARD,
    "SQUARE_CASH": Method.WALLET,
    "SOCIAL": Method.WALLET,
    "EMONEY": Method.WALLET,
    "CARD": Method.CARD,
    "STORED_BALANCE": Method.HOUSE_ACCOUNT,
    "FOOD_VOUCHER": Method.COUPON,
}
# Square's brand of its own gift cards, which come as source type CARD.
_GIFT_CARD_BRAND = "SQUARE_GIFT_CARD"

_PAYMENT_STATUS = {
    "COMPLETED": Status.COMPLETED,
    "CANCELED": Status.CANCELLED,
    "FAILED": Status.CANCELLED,
}
_REFUND_STATUS = {
    "COMPLETED": Status.COMPLETED,
    "APPROVED": Status.COMPLETED,
    "REJECTED": Status.CANCELLED,
    "FAILED": Status.CANCELLED,
}
_PAID = {"AUTHORIZED": None, "VOIDED": False, "FAILED": False}


def method_of(
    source: str | None, card: CardDetails | None, external: ExternalDetails | None
) -> Method:
    """Return how it was paid, whichever of Square's two vocabularies says it."""
    if source == "EXTERNAL":
        kind = external.type if external is not None else None
        return _EXTERNAL.get(kind or "", Method.OTHER)
    if card is not None and card.card is not None and card.card.card_brand == _GIFT_CARD_BRAND:
        return Method.GIFT_CARD
    return _METHODS.get(source or "", Method.OTHER)


def _brand(card: CardDetails | None, other: BrandDetails | None) -> str | None:
    if card is not None and card.card is not None and card.card.card_brand:
        return card.card.card_brand
    return (other.brand or other.buy_now_pay_later_brand) if other is not None else None


def _last_four(card: CardDetails | None) -> str | None:
    return card.card.last_4 if card is not None and card.card is not None else None


def tender_note(tender: TenderItem) -> TenderNote | None:
    """Return a note of a tender; None for NO_SALE, which only opened the drawer."""
    if tender.type == "NO_SALE":
        return None
    card = tender.card_details
    status = card.status if card is not None else None
    change = tender.cash_details.change_back_money if tender.cash_details is not None else None
    return TenderNote(
        payment_id=tender.payment_id or tender.id or "",
        method=method_of(tender.type, card, None),
        amount=minor(tender.amount_money),
        tip=minor(tender.tip_money),
        change=minor(change),
        paid=_PAID.get(status or "", True),
        brand=_brand(card, tender.buy_now_pay_later_details),
        last_four=_last_four(card),
        customer=tender.customer_id or None,
    )


def refund_note(refund: Refund) -> RefundNote:
    """
    Return a note of a refund, Square's own or the shorter one inside an order.

    Raises:
        UnreadableError: it has no id or no amount.
    """
    if not refund.id or refund.amount_money is None:
        raise UnreadableError("a refund without id or amount")
    details = refund.destination_details
    card = details.card_details if details is not None else None
    external = details.external_details if details is not None else None
    source = refund.destination_type or ("CARD" if card is not None else None)
    return RefundNote(
        refund_id=refund.id,
        payment_id=refund.payment_id or refund.tender_id or "",
        status=_REFUND_STATUS.get(refund.status or "", Status.OPEN),
        amount=refund.amount_money.amount,
        currency=refund.amount_money.currency or "",
        method=method_of(source, card, external),
        brand=_brand(card, None),
        last_four=_last_four(card),
        cashier=refund.team_member_id or None,
        created_at=None if refund.created_at is None else instant(refund.created_at),
    )


def payment_note(payment: Payment) -> PaymentNote:
    """
    Return a note of a payment.

    Raises:
        UnreadableError: it has no amount.
        UnbalancedError: amount and tip do not make its total.
        WrongCurrencyError: its amounts are of two currencies.
    """
    amount, tip, total = payment.amount_money, payment.tip_money, payment.total_money
    if amount is None and total is None:
        raise UnreadableError("a payment without an amount")
    currency = _one_currency(amount, tip, total)
    if amount is not None and total is not None:
        must_equal("payment total_money", amount.amount + minor(tip), total.amount)
    cash, card, device = payment.cash_details, payment.card_details, payment.device_details
    timeline = card.card_payment_timeline if card is not None else None
    captured = timeline.captured_at if timeline is not None else None
    return PaymentNote(
        payment_id=payment.id,
        status=_PAYMENT_STATUS.get(payment.status or "", Status.OPEN),
        method=method_of(payment.source_type, card, payment.external_details),
        amount=total.amount if total is not None else minor(amount) + minor(tip),
        tip=minor(tip),
        change=minor(cash.change_back_money) if cash is not None else 0,
        currency=currency,
        created_at=instant(payment.created_at),
        captured_at=None if captured is None else instant(captured),
        brand=_brand(card, payment.wallet_details or payment.buy_now_pay_later_details),
        last_four=_last_four(card),
        customer=payment.customer_id or None,
        cashier=payment.team_member_id or payment.employee_id or None,
        register=(device.device_id or device.device_installation_id or None)
        if device
        else None,
        receipt_number=payment.receipt_number or None,
    )


def _one_currency(*amounts: Money | None) -> str:
    found = ""
    for money in amounts:
        if money is not None and money.currency:
            if found and money.currency != found:
                raise WrongCurrencyError(money.currency, found)
            found = money.currency
    return found
