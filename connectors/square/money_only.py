"""
Money that moved without an order to say what for: one line of a custom amount.

Source: developer.squareup.com/docs/refunds-api/overview, .../docs/payments-api/overview
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from connectors.contract import Shop
from connectors.square.content import PaymentNote, RefundNote
from connectors.square.paying import given_back, paid_with_one
from schemas.identity import transaction_id
from schemas.transaction import (
    Kind,
    Line,
    LineKind,
    Status,
    Tender,
    Tip,
    Totals,
    Transaction,
)

_NAME = "Custom amount"


def lone_payment(note: PaymentNote, shop: Shop, refs: tuple[str, ...]) -> Transaction:
    """Return a payment that has no order; its tip is no part of the line."""
    tip = Tip(source="tender", amount=note.tip)
    made = _transaction(
        shop,
        key=f"payment:{note.payment_id}",
        ids={"payment": note.payment_id},
        kind=Kind.SALE,
        status=note.status,
        times=(note.created_at, note.captured_at or note.created_at),
        currency=note.currency,
        amount=note.amount - note.tip,
        tips=(tip,) if note.tip else (),
        tenders=paid_with_one(note),
        cashier=note.cashier,
        refs=refs,
    )
    return replace(
        made,
        register=note.register,
        receipt_number=note.receipt_number,
        customer=note.customer,
    )


def lone_refund(
    note: RefundNote, shop: Shop, refs: tuple[str, ...], order: str = ""
) -> Transaction:
    """
    Return a refund whose order tells of nothing coming back, or that has no order.

    Args:
        order: the order it was written into, if any.
    """
    ids = {"refund": note.refund_id}
    if note.payment_id:
        ids["payment"] = note.payment_id
    if order:
        ids["order"] = order
    when = note.created_at
    if when is None:
        raise AssertionError("a refund part always has a time")
    return _transaction(
        shop,
        key=f"refund:{note.refund_id}",
        ids=ids,
        kind=Kind.REFUND,
        status=note.status,
        times=(when, when),
        currency=note.currency,
        amount=-note.amount,
        tips=(),
        tenders=tuple(given_back([note], (), note.currency)),
        cashier=note.cashier,
        refs=refs,
    )


def _transaction(
    shop: Shop,
    *,
    key: str,
    ids: dict[str, str],
    kind: Kind,
    status: Status,
    times: tuple[datetime, datetime],
    currency: str,
    amount: int,
    tips: tuple[Tip, ...],
    tenders: tuple[Tender, ...],
    refs: tuple[str, ...],
    cashier: str | None,
) -> Transaction:
    began, closed = times[0], None if status is Status.OPEN else times[1]
    return Transaction(
        transaction_id=transaction_id(shop.account_id, "square", key),
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        location_id=shop.location_id,
        provider="square",
        provider_ids=ids,
        kind=kind,
        status=status,
        occurred_at=began,
        closed_at=closed,
        business_day=shop.calendar.day_of(closed or began),
        local_hour=shop.calendar.local(closed or began).hour,
        currency=currency,
        lines=(_line(amount, kind),),
        discounts=(),
        taxes=(),
        service_charges=(),
        tips=tips,
        tenders=tenders,
        totals=_totals(amount, tips, tenders),
        cashier=cashier,
        source_refs=refs,
    )


def _line(amount: int, kind: Kind) -> Line:
    return Line(
        line_id="1",
        kind=LineKind.CUSTOM_AMOUNT,
        pos_product_id=None,
        name=_NAME,
        quantity=Decimal(1) if kind is Kind.SALE else Decimal(-1),
        unit_price=abs(amount),
        gross=amount,
        discount=0,
        tax=0,
        tax_included=0,
        net=amount,
    )


def _totals(amount: int, tips: tuple[Tip, ...], tenders: tuple[Tender, ...]) -> Totals:
    tip = sum(one.amount for one in tips)
    return Totals(
        gross=amount,
        discount=0,
        tax=0,
        tax_included=0,
        net=amount,
        service_charge=0,
        tip=tip,
        total=amount + tip,
        unpaid=amount + tip - sum(tender.amount for tender in tenders),
    )
