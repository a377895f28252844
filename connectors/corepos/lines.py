"""
The goods of a transaction: items and open rings, voids taken back, discount and tax shared out.

`gross` is what a row's total says, its own sale price or member price already in it; only a
discount on the whole sale (rows of type S) is a discount.

Source: CORE-POS/IS4C fannie/classlib2.0/lib/DTrans.php; rows of a running system
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from msgspec import Struct

from connectors.corepos.content import Note, Sort
from schemas.money import allocate
from schemas.quantity import EACH
from schemas.transaction import Line, LineKind

VOID = "V"

# Rows say that something was weighed, not in which unit; a sum must not pretend to be pieces.
WEIGHED = "unit"


class Rung(Struct):
    """One line while voids are taken back from it."""

    note: Note
    quantity: Decimal
    gross: int
    discount: int = 0
    tax: int = 0


def rung(notes: Sequence[Note]) -> list[Rung]:
    """
    Return the lines that are left when voids are taken back.

    A void names no line: it takes back from the last earlier one of the same goods at the
    same price that has enough. A void without one is a line of its own: the undoing of an
    earlier transaction is made of them.

    Source: rows of status V, in CORE-POS/IS4C pos/is4c-nf/parser-class-lib/parse/VoidCmd.php
    """
    lines: list[Rung] = []
    for note in notes:
        if note.sort not in {Sort.GOODS, Sort.OPEN_RING}:
            continue
        voided = _voided_by(note, lines) if note.status == VOID else None
        if voided is None:
            lines.append(Rung(note, note.quantity, note.total))
            continue
        voided.quantity += note.quantity
        voided.gross += note.total
        if not voided.quantity and not voided.gross:
            lines.remove(voided)
    return lines


def _voided_by(void: Note, lines: Sequence[Rung]) -> Rung | None:
    for line in reversed(lines):
        note = line.note
        if (
            (note.sort, note.upc, note.unit_price) == (void.sort, void.upc, void.unit_price)
            and line.quantity * void.quantity < 0
            and abs(line.quantity) >= abs(void.quantity)
        ):
            return line
    return None


def share_discount(lines: Sequence[Rung], discount: int) -> None:
    """Share a discount on the whole sale; what may be discounted bears it (discountable)."""
    if not discount:
        return
    fit = [line for line in lines if line.gross * discount > 0]
    bearing = [line for line in fit if line.note.discountable] or fit or list(lines)
    shares = allocate(discount, [abs(line.gross) for line in bearing])
    for line, share in zip(bearing, shares, strict=True):
        line.discount += share


def share_tax(lines: Sequence[Rung], tax: int, rated: Callable[[Note], bool]) -> None:
    """
    Share a tax over the lines of its rate.

    CORE-POS says what a sale's tax is, not what a line's is: the shares follow the prices.
    """
    if not tax:
        return
    fit = [line for line in lines if rated(line.note) and (line.gross - line.discount)]
    same = [line for line in fit if (line.gross - line.discount) * tax > 0]
    bearing = same or fit or [line for line in lines if line.note.tax_rate] or list(lines)
    shares = allocate(tax, [abs(line.gross - line.discount) for line in bearing])
    for line, share in zip(bearing, shares, strict=True):
        line.tax += share


def line_of(rung_line: Rung) -> Line:
    """Return the canonical line; open rings have no product, only their department's name."""
    note = rung_line.note
    known = note.sort is Sort.GOODS and note.upc not in {"", "0"}
    return Line(
        line_id=str(note.number),
        kind=LineKind.ITEM if known else LineKind.CUSTOM_AMOUNT,
        pos_product_id=note.upc if known else None,
        name=note.description or ("" if known else note.upc or "Item"),
        sku=note.upc if known else None,
        quantity=rung_line.quantity,
        unit=WEIGHED if note.weighed else EACH,
        unit_price=note.unit_price,
        gross=rung_line.gross,
        discount=rung_line.discount,
        tax=rung_line.tax,
        tax_included=0,
        net=rung_line.gross - rung_line.discount,
    )
