"""
Who paid what: tenders are negative rows, change is a positive cash row.

Source: CORE-POS/IS4C table tenders (TenderCode, ChangeMessage), column voided (8 is change)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from connectors.corepos.content import Note, Sort
from schemas.transaction import Method, Tender

# Codes are each site's own; these are the ones that CORE-POS ships.
_METHODS = {
    "CA": Method.CASH,
    "CK": Method.BANK,
    "TV": Method.BANK,
    "CC": Method.CARD,
    "DC": Method.CARD,
    "EF": Method.CARD,
    "EC": Method.CARD,
    "GD": Method.GIFT_CARD,
    "TC": Method.GIFT_CARD,
    "MI": Method.HOUSE_ACCOUNT,
    "WT": Method.COUPON,
}
_ALSO_A_CARD = {"EF": "EBT", "EC": "EBT"}


class Paid(Struct):
    """One tender while change is taken off; `amount` is from the shop's side."""

    note: Note
    method: Method
    amount: int
    change: int = 0


def tenders_of(notes: Sequence[Note]) -> tuple[Tender, ...]:
    """
    Return the tenders, change taken off the money that it was given for.

    Coupons reduce what is due without being money; they are tenders all the same, because
    CORE-POS balances them as such.
    """
    paid = _without_voids(
        Paid(note, _method(note), -note.total)
        for note in notes
        if note.sort in {Sort.TENDER, Sort.COUPON} and not note.change and note.total
    )
    changes = [note for note in notes if note.change and note.total]
    for note in changes:
        _give_back(paid, note)
    return tuple([_tender(one) for one in paid if one.amount or one.change])


def _method(note: Note) -> Method:
    return Method.COUPON if note.sort is Sort.COUPON else _METHODS.get(note.code, Method.OTHER)


def _without_voids(rows: Iterable[Paid]) -> list[Paid]:
    """Return the tenders that stand: one that was taken back again takes its twin along."""
    kept: list[Paid] = []
    for one in rows:
        twin = next(
            (
                other
                for other in reversed(kept)
                if other.note.code == one.note.code and other.amount == -one.amount
            ),
            None,
        )
        if twin is None:
            kept.append(one)
        else:
            kept.remove(twin)
    return kept


def _give_back(paid: list[Paid], change: Note) -> None:
    """
    Take change off cash first, else off what was paid last (cash back on a card).

    Change without money is how cash is refunded; negative change belongs to the undoing of a
    transaction, whose cash went back without it.
    """
    left = change.total
    if left < 0:
        undone = next((one for one in paid if one.method is Method.CASH), None)
        if undone is not None:
            undone.amount -= left
            return
    cash = [one for one in reversed(paid) if one.method is Method.CASH]
    other = [one for one in reversed(paid) if one.method is not Method.CASH]
    for one in (*cash, *other):
        if left > 0 and one.amount > 0 and one.method is not Method.COUPON:
            given = min(left, one.amount)
            one.amount -= given
            one.change += given
            left -= given
    if left:
        paid.append(Paid(change, Method.CASH, -left))


def _tender(one: Paid) -> Tender:
    return Tender(
        tender_id=str(one.note.number),
        method=one.method,
        amount=one.amount,
        change=one.change,
        brand=_ALSO_A_CARD.get(one.note.code),
    )
