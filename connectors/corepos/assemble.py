"""
Transactions out of rows; pure, and blind to the order in which rows came.

A sale whose rows are not all known makes nothing yet. What undoes an earlier transaction is a
refund: the earlier one stands as it was rung.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from connectors.contract import Shop
from connectors.corepos.content import NOTE, Key, Note, Sort
from connectors.corepos.lines import Rung, line_of, rung, share_discount, share_tax
from connectors.corepos.paying import tenders_of
from connectors.corepos.sums import balance, is_cancelled, is_closed, valid
from connectors.corepos.taxes import Rated, taxes_of
from schemas.identity import transaction_id
from schemas.part import Part
from schemas.transaction import Discount, Kind, Line, Status, Tender, Totals, Transaction

PROVIDER = "corepos"

_OF_THE_WHOLE = {Sort.DISCOUNT, Sort.TAX}


def assemble(key: str, parts: Mapping[str, Part], shop: Shop) -> tuple[Transaction, ...]:
    """
    Return the transaction of one key; none while it is not whole.

    Cancelled and suspended ones (all rows X) are kept as cancelled, with what was rung.
    """
    notes = sorted(
        [NOTE.decode(part.content) for part in parts.values()], key=lambda note: note.number
    )
    name = Key.parse(key)
    cancelled = is_cancelled(notes)
    counting = notes if cancelled else valid(notes)
    if not cancelled and not _whole(name, counting):
        return ()
    lines = rung(counting)
    tenders = () if cancelled else tenders_of(counting)
    if not lines and not tenders and (cancelled or not _moved(counting)):
        return ()
    refs = tuple(sorted([f"{part.part_id}@{part.version}" for part in parts.values()]))
    return (_transaction(name, counting, lines, tenders, shop, refs),)


def _whole(name: Key, notes: Sequence[Note]) -> bool:
    return balance(notes) == 0 and (name.kind == "day" or is_closed(notes))


def _moved(notes: Sequence[Note]) -> bool:
    return any(note.total for note in notes if note.sort in _OF_THE_WHOLE)


def _transaction(
    name: Key,
    notes: Sequence[Note],
    rung_lines: list[Rung],
    tenders: tuple[Tender, ...],
    shop: Shop,
    refs: tuple[str, ...],
) -> Transaction:
    discount = -sum([note.total for note in notes if note.sort is Sort.DISCOUNT])
    tax = sum([note.total for note in notes if note.sort is Sort.TAX])
    taxes = taxes_of(notes, tax)
    lines = _lines(notes, rung_lines, discount, taxes)
    begun, closed = min(note.at for note in notes), max(note.at for note in notes)
    return Transaction(
        transaction_id=transaction_id(shop.account_id, PROVIDER, str(name)),
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        location_id=shop.location_id,
        provider=PROVIDER,
        provider_ids=_ids(name, notes),
        kind=_kind(lines),
        status=Status.CANCELLED if is_cancelled(notes) else Status.COMPLETED,
        occurred_at=begun,
        closed_at=closed,
        business_day=shop.calendar.day_of(closed),
        local_hour=shop.calendar.local(closed).hour,
        currency=shop.currency or "",
        lines=lines,
        discounts=(Discount(name=_discount_name(notes), amount=discount),) if discount else (),
        taxes=tuple([one.tax for one in taxes]),
        service_charges=(),
        tips=(),
        tenders=tenders,
        totals=_totals(lines, discount, tax, tenders),
        register=str(name.register),
        cashier=str(name.cashier),
        receipt_number=name.receipt,
        customer=next((note.member for note in reversed(notes) if note.member), None),
        source_refs=refs,
    )


def _lines(
    notes: Sequence[Note], rung_lines: list[Rung], discount: int, taxes: Sequence[Rated]
) -> tuple[Line, ...]:
    """Return the lines, discount and taxes of the whole sale shared out over them."""
    if not rung_lines and (discount or taxes):
        bearing = next(note for note in notes if note.sort in _OF_THE_WHOLE and note.total)
        rung_lines = [Rung(bearing, Decimal(0), 0)]
    share_discount(rung_lines, discount)
    for one in taxes:
        share_tax(rung_lines, one.tax.amount, one.rated)
    return tuple([line_of(one) for one in rung_lines])


def _kind(lines: Sequence[Line]) -> Kind:
    """Return the kind by the way the goods went; a price adjustment moves none."""
    moved = [line.quantity or line.gross for line in lines if line.quantity] or [
        line.gross for line in lines
    ]
    back, out = any(one < 0 for one in moved), any(one > 0 for one in moved)
    if back:
        return Kind.EXCHANGE if out else Kind.REFUND
    return Kind.SALE


def _totals(
    lines: Sequence[Line], discount: int, tax: int, tenders: Sequence[Tender]
) -> Totals:
    gross = sum([line.gross for line in lines])
    total = gross - discount + tax
    return Totals(
        gross=gross,
        discount=discount,
        tax=tax,
        tax_included=0,
        net=gross - discount,
        service_charge=0,
        tip=0,
        total=total,
        unpaid=total - sum([tender.amount for tender in tenders]),
    )


def _discount_name(notes: Sequence[Note]) -> str:
    named = [note for note in notes if note.sort is Sort.DISCOUNT and note.total]
    return named[0].description if named and named[0].description else "Discount"


def _ids(name: Key, notes: Sequence[Note]) -> dict[str, str]:
    """Return CORE-POS's numbers: its own, and of what it resumes, undoes or sets aside."""
    ids = {"transaction": name.receipt, "store": str(name.store)}
    for note in notes:
        if note.sort is Sort.RESUMES:
            ids["resumes"] = note.description
        elif note.sort is Sort.UNDOES:
            ids["undoes"] = note.description
        elif note.suspended:
            ids["suspended"] = name.receipt
    return ids
