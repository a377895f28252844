"""
Rows of `dtransactions` as notes: which of them count, and what each of them is.

Source: CORE-POS/IS4C fannie/classlib2.0/data/models/trans/DTransactionsModel.php
(normalizeLog: the dlog view), pos/is4c-nf/lib/TransRecord.php
"""

from __future__ import annotations

from decimal import Decimal

from connectors.contract import Shop
from connectors.corepos.columns import code, local_time, minor, number, quantity, text, whole
from connectors.corepos.content import Note, Sort
from connectors.corepos.wire import Row

TRAINING_CASHIER, TEST_REGISTER = 9999, 99
DISPLAYED, CANCELLED, SHRINK = "D", "X", "Z"
MEMBER_SPECIAL = "M"

# A row's `voided` says what kind of row it is as much as whether it is void.
_CHANGE = 8
_UNDOES = "VOIDING TRANSACTION "
_SUSPENDED = "S"
_MOVES_NOTHING = Decimal(0)
_ONE = Decimal(1)
_CENT = Decimal("0.01")


def is_training(row: Row) -> bool:
    """Say whether the row is of a training cashier or a test register (column emp_no 9999)."""
    return (
        whole(row.emp_no, "emp_no") == TRAINING_CASHIER
        or whole(row.register_no, "register_no") == TEST_REGISTER
    )


def status_of(row: Row) -> str:
    """Return the row's status; blank for a normal one."""
    return code(row.trans_status)


def sort_of(row: Row) -> Sort | None:
    """
    Return what the row is; None for what only the till's screen or its log shows.

    Coupons are written as items and become tenders (subtype CP or IC); a discount on the whole
    sale was an item once (upc DISCOUNT). Tax by rate is only in rows that are not displayed.
    """
    kind, subtype, upc = code(row.trans_type), code(row.trans_subtype), text(row.upc)
    shown_only = status_of(row) == DISPLAYED
    if kind == "L":
        return _LOGGED.get(upc)
    if kind == "C":
        return Sort.UNDOES if text(row.description).startswith(_UNDOES) else None
    if shown_only:
        return None
    if upc == "DISCOUNT":
        return Sort.DISCOUNT
    if kind in {"I", "T"} and subtype in {"CP", "IC"}:
        return Sort.COUPON
    return _SORTS.get(kind)


_LOGGED = {"TAXLINEITEM": Sort.TAX_SHARE, "RESUME": Sort.RESUMES}
_SORTS = {
    "I": Sort.GOODS,
    "D": Sort.OPEN_RING,
    "T": Sort.TENDER,
    "S": Sort.DISCOUNT,
    "A": Sort.TAX,
}


def note_of(row: Row, sort: Sort, digits: int, shop: Shop) -> Note:
    """
    Return what is kept of a row.

    Raises:
        UnreadableError: a column is not what it should be.
    """
    at = local_time(row.datetime or row.tdate, shop.calendar)
    description = text(row.description)
    if sort is Sort.UNDOES:
        description = description.removeprefix(_UNDOES)
    is_share = sort is Sort.TAX_SHARE
    price = row.total if _is_keyed(row) else row.unitPrice
    return Note(
        number=whole(row.trans_id, "trans_id"),
        sort=sort,
        status=status_of(row),
        code=str(whole(row.numflag, "numflag")) if is_share else code(row.trans_subtype),
        at=at,
        upc=text(row.upc),
        description=description,
        quantity=_moved(row),
        weighed=whole(row.scale, "scale") == 1,
        unit_price=abs(minor(price, digits, "unitPrice")),
        total=minor(row.regPrice if is_share else row.total, digits, "total"),
        tax_rate=whole(row.tax, "tax"),
        discountable=whole(row.discountable, "discountable") != 0,
        change=sort is Sort.TENDER and whole(row.voided, "voided") == _CHANGE,
        suspended=text(row.charflag) == _SUSPENDED,
        member=_member(row),
    )


def _moved(row: Row) -> Decimal:
    """
    Return how much changed hands.

    A member special moves nothing (its ItemQtty is 0); what costs one cent a piece is an amount
    keyed as a quantity, and one piece.

    Source: CORE-POS/IS4C fannie/classlib2.0/lib/DTrans.php (sumQuantity)
    """
    if status_of(row) == MEMBER_SPECIAL:
        return _MOVES_NOTHING
    moved = quantity(row.quantity, "quantity")
    if _is_keyed(row):
        return -_ONE if moved < 0 else _ONE
    return moved


def _is_keyed(row: Row) -> bool:
    return number(row.unitPrice, "unitPrice") == _CENT


def _member(row: Row) -> str | None:
    """
    Return the member's number; buyers of member type 0 are no members.

    The number that stands for them is a setting of each site, their type is not.

    Source: CORE-POS/IS4C table memtype (0 is "Non-member"); column card_no
    """
    card = text(row.card_no)
    if card in {"", "0"} or whole(row.memType, "memType") == 0:
        return None
    return card
