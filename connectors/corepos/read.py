"""
Any body of CORE-POS's: rows of a table, alone or with their column names, or an answer of its
web service. The columns of a row tell which table it is from.

Whatever is wrong with a body is said in the outcome, in words that hold none of its own text.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum, auto

import msgspec
from msgspec import UNSET

from connectors.bodies import UNBELIEVABLE, must_be_text, must_fit, rejected
from connectors.contract import Ignored, Outcome, Parts, ProductSet, Shop
from connectors.corepos.catalog import changes, products
from connectors.corepos.columns import microseconds, whole
from connectors.corepos.content import PACK
from connectors.corepos.grouping import Group, groups_of
from connectors.corepos.records import TABLES, all_of
from connectors.corepos.rows import is_training
from connectors.corepos.stock import counted, wasted
from connectors.corepos.sums import balance, is_closed
from connectors.corepos.troubles import UnbalancedError
from connectors.corepos.wire import ANSWER, OBJECT, ROW, ROWS, Row, Rows
from connectors.troubles import NoCurrencyError, UnreadableError
from schemas.money import exponent
from schemas.part import Part

ELSEWHERE = "all of it happened at another store"
TRAINING = "only training and test rows, which no sum of CORE-POS's counts"
OTHER = "rows of a table that tells nothing about sales, products or stock"
NOT_SOLD = "only rows of the till's log: nothing was sold"


class Table(Enum):
    """The tables whose rows we know; of the others only that they tell us nothing."""

    TRANSACTIONS = auto()
    PRODUCTS = auto()
    CHANGES = auto()
    COUNTS = auto()
    OTHER = auto()


def read(body: bytes, shop: Shop, received_at: datetime) -> Outcome:
    """Say what a body means to a shop; a shop without a location takes every store's."""
    try:
        return _outcome(body, shop, received_at)
    except UNBELIEVABLE as error:
        return rejected(error, "CORE-POS's")


def _outcome(body: bytes, shop: Shop, received_at: datetime) -> Outcome:
    must_fit(body)
    must_be_text(body)
    if body.lstrip()[:1] == b"[":
        return _rows(ROWS.decode(body), shop)
    said = OBJECT.decode(body)
    if said.rows is not None:
        return _rows(said.rows, shop)
    if (whole_set := _whole_set(said, shop, microseconds(received_at))) is not None:
        return whole_set
    if said.result:
        return _answer(bytes(said.result), shop)
    if said.error:
        return Ignored("an answer that only tells of an error")
    if said.trans_no is UNSET:
        raise UnreadableError("no rows of CORE-POS's and no answer of its web service")
    return _rows([ROW.decode(body)], shop)


def _whole_set(said: Rows, shop: Shop, as_of_us: int) -> Parts | None:
    """Read what says of itself that it is all there is; None where nothing does."""
    if said.products_in_use is not None:
        ids = frozenset(said.products_in_use)
        return Parts(all_products=ProductSet(ids=ids, as_of_us=as_of_us))
    for table in TABLES:
        if (found := getattr(said, table.resource)) is not None:
            return Parts(all_records=all_of(table, found, shop, as_of_us))
    return None


def _answer(result: bytes, shop: Shop) -> Outcome:
    """
    Read what the web service found; of all it can be asked for, only products matter here.

    Source: CORE-POS/IS4C fannie/classlib2.0/webservices/FannieEntity.php
    """
    try:
        rows = [ROW.decode(row) for row in ANSWER.decode(result).result]
    except msgspec.ValidationError:
        return Ignored(OTHER)
    return Ignored(OTHER) if {_table(row) for row in rows} == {None} else _rows(rows, shop)


def _rows(rows: Sequence[Row], shop: Shop) -> Outcome:
    """
    Say what rows of one table mean.

    Raises:
        BodyError: they are of no table we know, or contradict each other.
    """
    if not rows:
        return Ignored("no rows")
    tables = {_table(row) for row in rows}
    if len(tables) > 1:
        raise UnreadableError("rows of several tables in one body")
    match tables.pop():
        case Table.TRANSACTIONS:
            return _sales(rows, shop)
        case Table.PRODUCTS:
            return Parts(products=products(rows, shop))
        case Table.CHANGES:
            return Parts(history=changes(rows, shop))
        case Table.COUNTS:
            return Parts(counts=counted(rows, shop))
        case Table.OTHER:
            return Ignored(OTHER)
        case None:
            raise UnreadableError("rows of no table that we know")


def _table(row: Row) -> Table | None:
    for table, column in (
        (Table.TRANSACTIONS, row.trans_no),
        (Table.PRODUCTS, row.normal_price),
        (Table.CHANGES, row.updateType),
        (Table.COUNTS, row.countDate),
        (Table.OTHER, row.dept_no),
        (Table.OTHER, row.vendorID),
    ):
        if column is not UNSET:
            return table
    return None


def _sales(rows: Sequence[Row], shop: Shop) -> Outcome:
    """
    Read rows of transactions.

    Raises:
        NoCurrencyError: the account does not say in which currency they are.
        UnbalancedError: a whole transaction whose rows do not sum to zero.
    """
    here = [row for row in rows if _here(row, shop)]
    if not here:
        return Ignored(ELSEWHERE)
    counting = [row for row in here if not is_training(row)]
    if not counting:
        return Ignored(TRAINING)
    if not shop.currency:
        raise NoCurrencyError
    digits = exponent(shop.currency)
    groups = list(groups_of(counting, digits, shop))
    for group in groups:
        _check(group)
    waste = wasted(counting, shop)
    parts = tuple([part for group in groups for part in _parts(group)])
    if not parts and not waste:
        return Ignored(NOT_SOLD)
    return Parts(parts=parts, counts=waste)


def _here(row: Row, shop: Shop) -> bool:
    """Say whether a row is of this store; 0 stands for the only one."""
    store = whole(row.store_id, "store_id")
    return not shop.location_id or store == 0 or str(store) == shop.location_id


def _check(group: Group) -> None:
    """
    Insist that the rows of a transaction sum to zero, unless some of them are still to come.

    A lane's sale has its first row and its tax row, or it is not whole: the nightly rotation
    cuts at midnight. Rows of the office and of old come whole.

    Source: SUM(total) is 0 over every transaction of the running system that was looked at
    """
    difference = balance(group.notes)
    whole_here = group.key.kind == "day" or (group.begins and is_closed(group.notes))
    if difference and whole_here:
        raise UnbalancedError(group.key.receipt, difference)


def _parts(group: Group) -> list[Part]:
    """Return a part for each row; nothing in a row says how often it was changed."""
    return [
        Part(str(group.key), f"row:{note.number}", 0, microseconds(note.at), PACK.encode(note))
        for note in group.notes
    ]
