"""
Transactions out of parts: an order with its payments and refunds, or money without an order.

Pure, and blind to the order in which parts came: the newest of each part is all it sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from connectors.contract import Shop
from connectors.square.content import (
    BILL,
    PAYMENT_NOTE,
    REFUND_NOTE,
    Bill,
    PaymentNote,
    RefundNote,
)
from connectors.square.money_only import lone_payment, lone_refund
from connectors.square.paying import given_back, paid_with, refunds_of
from schemas.identity import transaction_id
from schemas.part import Part
from schemas.transaction import Kind, Status, Tender, Tip, Totals, Transaction

PROVIDER = "square"


def assemble(key: str, parts: Mapping[str, Part], shop: Shop) -> tuple[Transaction, ...]:
    """
    Return the transactions of one provider key; none while its order is not known.

    Money refunded into an order that tells of nothing coming back is a refund of its own.
    """
    bill: Bill | None = None
    payments: list[PaymentNote] = []
    refunds: list[RefundNote] = []
    for part in parts.values():
        kind = part.part_id.partition(":")[0]
        if kind == "order":
            bill = BILL.decode(part.content)
        elif kind == "payment":
            payments.append(PAYMENT_NOTE.decode(part.content))
        elif kind == "refund":
            refunds.append(REFUND_NOTE.decode(part.content))
    refs = tuple(sorted([f"{part.part_id}@{part.version}" for part in parts.values()]))
    if bill is None:
        if key.startswith("order:"):
            return ()
        return (
            *(lone_payment(note, shop, refs) for note in payments),
            *(lone_refund(note, shop, refs) for note in refunds),
        )
    payments.sort(key=lambda note: (note.created_at, note.payment_id))
    if bill.returned:
        back = refunds_of(bill, refunds)
        return (_transaction(_Known(key, bill, payments, back, shop, refs)),)
    refunds.sort(key=lambda note: note.refund_id)
    apart = [lone_refund(note, shop, refs, bill.order_id) for note in refunds]
    if not bill.sold and bill.status is not Status.OPEN and not payments:
        # An opened drawer, or an order that was emptied: nothing changed hands.
        return tuple(apart)
    return (_transaction(_Known(key, bill, payments, [], shop, refs)), *apart)


class _Known(NamedTuple):
    """All that is known of one order; payments and refunds by age."""

    key: str
    bill: Bill
    payments: list[PaymentNote]
    refunds: list[RefundNote]
    shop: Shop
    refs: tuple[str, ...]


def _transaction(known: _Known) -> Transaction:
    key, bill, payments, back, shop, refs = known
    status, occurred_at, closed_at = _standing(bill, back)
    decides = occurred_at if bill.returned and not bill.sold else closed_at or occurred_at
    tenders = paid_with(bill, payments)
    if back:
        tenders += given_back(back, bill.returned_tips, bill.currency)
    tips = _tips(bill, tenders)
    return Transaction(
        transaction_id=transaction_id(shop.account_id, PROVIDER, key),
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        location_id=shop.location_id,
        provider=PROVIDER,
        provider_ids=_ids(bill, payments, back),
        kind=_kind(bill),
        status=status,
        occurred_at=occurred_at,
        closed_at=closed_at,
        business_day=shop.calendar.day_of(decides),
        local_hour=shop.calendar.local(decides).hour,
        currency=bill.currency,
        lines=bill.lines,
        discounts=bill.discounts,
        taxes=bill.taxes,
        service_charges=bill.service_charges,
        tips=tips,
        tenders=tuple(tenders),
        totals=_totals(bill, tips, tenders),
        register=next((note.register for note in payments if note.register), None),
        cashier=_cashier(payments, back),
        receipt_number=_receipt(payments),
        customer=_customer(bill, payments),
        source_refs=refs,
    )


def _standing(
    bill: Bill, refunds: Sequence[RefundNote]
) -> tuple[Status, datetime, datetime | None]:
    """Return the status, when it began, and when it was closed."""
    status, occurred_at = bill.status, bill.created_at
    if bill.returned:
        status = _status_of_return(bill, refunds)
        if not bill.sold:
            occurred_at = _first(refunds) or occurred_at
    return status, occurred_at, bill.closed_at if status is not Status.OPEN else None


def _kind(bill: Bill) -> Kind:
    if not bill.returned:
        return Kind.SALE
    return Kind.EXCHANGE if bill.sold else Kind.REFUND


def _status_of_return(bill: Bill, refunds: Sequence[RefundNote]) -> Status:
    """Return open while money is on its way, cancelled where it was refused altogether."""
    if bill.status is not Status.COMPLETED:
        return bill.status
    states = {note.status for note in refunds}
    if Status.OPEN in states:
        return Status.OPEN
    if states == {Status.CANCELLED} and not bill.sold:
        return Status.CANCELLED
    return Status.COMPLETED


def _first(refunds: Sequence[RefundNote]) -> datetime | None:
    """Return when money first went back: that decides a refund's day, not its order."""
    live = [note for note in refunds if note.status is not Status.CANCELLED] or refunds
    return min((note.created_at for note in live if note.created_at is not None), default=None)


def _tips(bill: Bill, tenders: Sequence[Tender]) -> tuple[Tip, ...]:
    """Return tips as the tenders tell them; else as the order does."""
    given = [Tip(source="tender", amount=one.tip) for one in tenders if one.tip > 0]
    if not given and bill.order_tip:
        given = [Tip(source="order", amount=bill.order_tip)]
    back = [Tip(source="tender", amount=note.amount) for note in bill.returned_tips]
    if bill.gratuity:
        given.append(Tip(source="gratuity", amount=bill.gratuity))
    return (*given, *back)


def _totals(bill: Bill, tips: Sequence[Tip], tenders: Sequence[Tender]) -> Totals:
    net = bill.gross - bill.discount - bill.tax_included
    tip = sum([one.amount for one in tips])
    total = net + bill.tax + bill.service_charge + tip + bill.rounding
    return Totals(
        gross=bill.gross,
        discount=bill.discount,
        tax=bill.tax,
        tax_included=bill.tax_included,
        net=net,
        service_charge=bill.service_charge,
        tip=tip,
        total=total,
        rounding=bill.rounding,
        unpaid=total - sum([tender.amount for tender in tenders]),
    )


def _ids(
    bill: Bill, payments: Sequence[PaymentNote], refunds: Sequence[RefundNote]
) -> dict[str, str]:
    """Return Square's ids; several of one kind are joined by commas."""
    paid = sorted(
        {note.payment_id for note in payments} | {note.payment_id for note in bill.tenders}
    )
    ids = {"order": bill.order_id}
    if paid:
        ids["payment"] = ",".join(paid)
    if refunds:
        ids["refund"] = ",".join(sorted({note.refund_id for note in refunds}))
    if bill.source_orders:
        ids["source_order"] = ",".join(bill.source_orders)
    return ids


def _cashier(payments: Sequence[PaymentNote], refunds: Sequence[RefundNote]) -> str | None:
    taken = [*(note.cashier for note in payments), *(note.cashier for note in refunds)]
    return next((cashier for cashier in taken if cashier), None)


def _receipt(payments: Sequence[PaymentNote]) -> str | None:
    live = (note for note in payments if note.status is not Status.CANCELLED)
    first = next(live, None)
    return first.receipt_number if first is not None else None


def _customer(bill: Bill, payments: Sequence[PaymentNote]) -> str | None:
    if bill.customer:
        return bill.customer
    said = [
        *(note.customer for note in payments),
        *(note.customer for note in bill.tenders),
    ]
    return next((customer for customer in said if customer), None)
