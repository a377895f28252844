"""
Who paid what of a bill: the order's tenders, made exact by the payments and refunds we know.

A payment that was cancelled, failed, or is only authorised is no part of what was paid.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connectors.square.content import (
    Bill,
    PaymentNote,
    RefundNote,
    TenderNote,
    TipNote,
)
from schemas.transaction import Status, Tender


def paid_with(bill: Bill, payments: Sequence[PaymentNote]) -> list[Tender]:
    """Return the tenders of what was sold, in the order's order, later payments behind."""
    if not payments:
        return [_tender(note) for note in bill.tenders if note.paid]
    known = {note.payment_id: note for note in payments if note.currency in {"", bill.currency}}
    tenders: list[Tender] = []
    for note in bill.tenders:
        payment = known.pop(note.payment_id, None)
        if payment is None or payment.status is Status.OPEN:
            # The order may know of the capture before the payment's own news has come.
            if note.paid:
                tenders.append(_tender(note))
        elif payment.status is Status.COMPLETED:
            tenders.append(_tender(payment))
    late = sorted(known.values(), key=lambda note: (note.created_at, note.payment_id))
    tenders += [_tender(note) for note in late if note.status is Status.COMPLETED]
    return tenders


def paid_with_one(payment: PaymentNote) -> tuple[Tender, ...]:
    """Return the tender of a payment without an order; none unless it was completed."""
    return (_tender(payment),) if payment.status is Status.COMPLETED else ()


def _tender(note: TenderNote | PaymentNote) -> Tender:
    return Tender(
        tender_id=note.payment_id,
        method=note.method,
        amount=note.amount,
        tip=note.tip,
        change=note.change,
        brand=note.brand,
        last_four=note.last_four,
    )


def refunds_of(bill: Bill, refunds: Sequence[RefundNote]) -> list[RefundNote]:
    """
    Return the refunds that belong to a return, each once.

    An order lists a refund under the payment it goes back to, at times without the prefix that
    Square's refund ids have; so it is known by its id, or by payment and amount.
    """
    known = sorted(refunds, key=_age)
    unmatched = list(known)
    told = []
    for note in bill.refunds:
        twin = next((one for one in unmatched if _same(one, note)), None)
        if twin is not None:
            unmatched.remove(twin)
        elif not any(one.refund_id == note.refund_id for one in known):
            told.append(note)
    return [*known, *sorted(told, key=_age)]


def _age(note: RefundNote) -> tuple[bool, str, str]:
    made = note.created_at
    return made is None, "" if made is None else made.isoformat(), note.refund_id


def _same(known: RefundNote, told: RefundNote) -> bool:
    return (
        known.refund_id == told.refund_id
        or known.refund_id.endswith(f"_{told.refund_id}")
        or (known.payment_id == told.payment_id and known.amount == told.amount)
    )


def given_back(
    refunds: Iterable[RefundNote], tips: Iterable[TipNote], currency: str
) -> list[Tender]:
    """Return the tenders of what came back; negative, as the tips in them are."""
    left: dict[str, int] = {}
    for one in tips:
        left[one.payment_id] = left.get(one.payment_id, 0) + one.amount
    unnamed = left.pop("", 0)
    tenders = []
    for note in refunds:
        if note.status is Status.CANCELLED or note.currency not in {"", currency}:
            continue
        tip, unnamed = left.pop(note.payment_id, 0) + unnamed, 0
        tenders.append(
            Tender(
                tender_id=note.refund_id,
                method=note.method,
                amount=-note.amount,
                tip=tip,
                brand=note.brand,
                last_four=note.last_four,
            )
        )
    return tenders
