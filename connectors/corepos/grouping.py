"""
Which rows make one transaction.

CORE-POS's own key (day, register, cashier, number) cuts a sale at midnight and names several
sales where numbers begin again. What holds: in one sale of a lane `trans_id` and `pos_row_id`
run in step, so their difference is the same for all its rows. A lane whose counter begins
again (emptied by truncation, or an old server's restart) does so between days, so the trading
day is part of the key; days change at four in the morning, when no shop is in a sale. Rows
without `pos_row_id` (the office's own, and those older than the column) have only the old key;
there a number that does not go on counting begins another sale.

Source: columns pos_row_id, trans_id of core_trans.dtransactions; counted on a running system:
60 lane transactions, one group each, the midnight one included
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta

from msgspec import Struct

from connectors.contract import Shop
from connectors.corepos.columns import whole
from connectors.corepos.content import PACK, Key, Note
from connectors.corepos.rows import SHRINK, note_of, sort_of, status_of
from connectors.corepos.sums import balance
from connectors.corepos.wire import Row

_DAY_CHANGES = timedelta(hours=4)

# A lane's number that was seen before, this much later, is another sale's; old rows stand for
# another sale after any pause in which a shop closes.
_ANOTHER_SALE = timedelta(hours=12)
_CLOSED = timedelta(hours=4)

Numbers = tuple[int, int, int, int, int | None]


class Group(Struct):
    """The rows of one transaction in a body; `begins` when its first row is among them."""

    key: Key
    notes: list[Note]
    begins: bool


class _Found(Struct):
    first: int
    notes: dict[bytes, Note] = {}


def groups_of(rows: Iterable[Row], digits: int, shop: Shop) -> Iterator[Group]:
    """
    Yield the transactions of a body; rows that only inform, and shrink, are left out.

    Raises:
        UnreadableError: a column is not what it should be.
    """
    found: dict[Numbers, _Found] = {}
    for row in rows:
        place = whole(row.trans_id, "trans_id")
        group = found.setdefault(_numbers(row), _Found(place))
        group.first = min(group.first, place)
        sort = sort_of(row)
        if sort is None or status_of(row) == SHRINK:
            continue
        note = note_of(row, sort, digits, shop)
        # A second upload of a row has another store_row_id and is the same in all else.
        group.notes[PACK.encode(note)] = note
    for numbers, group in found.items():
        if group.notes:
            yield from _sales(numbers, group, shop)


def _numbers(row: Row) -> Numbers:
    in_lane = None
    if row.pos_row_id is not None:
        in_lane = whole(row.pos_row_id, "pos_row_id") - whole(row.trans_id, "trans_id")
    return (
        whole(row.store_id, "store_id"),
        whole(row.register_no, "register_no"),
        whole(row.emp_no, "emp_no"),
        whole(row.trans_no, "trans_no"),
        in_lane,
    )


def _sales(numbers: Numbers, found: _Found, shop: Shop) -> Iterator[Group]:
    store, register, cashier, number, in_lane = numbers
    notes = sorted(found.notes.values(), key=lambda note: (note.at, note.number))
    for sale in (_split_old if in_lane is None else _split_lane)(notes):
        first, last = shop.calendar.local(sale[0].at), shop.calendar.local(sale[-1].at)
        if in_lane is None:
            kind, day, place = "day", first, f"{first:%H%M%S}"
        else:
            kind, day, place = "lane", last - _DAY_CHANGES, str(in_lane)
        key = Key(kind, store, f"{day:%Y-%m-%d}", register, cashier, number, place)
        yield Group(key, in_order(sale), begins=found.first <= 1)


def _split_lane(notes: Sequence[Note]) -> list[list[Note]]:
    """Split rows in the order of time where a lane's counter began again."""
    return _split(
        notes,
        lambda last, seen, note: note.number in seen and note.at - last.at > _ANOTHER_SALE,
    )


def _split_old(notes: Sequence[Note]) -> list[list[Note]]:
    """
    Split rows that have only the old key, in the order of time, where another sale begins.

    A number that comes again begins one; where that leaves sales that do not sum to zero, so
    does a number that goes down (never needed for a sale that was resumed, which sums to zero).
    """
    coarse = _split(
        notes,
        lambda last, seen, note: note.number in seen or note.at - last.at > _CLOSED,
    )
    if not any(map(balance, coarse)):
        return coarse
    fine = _split(
        notes,
        lambda last, _, note: note.number <= last.number or note.at - last.at > _CLOSED,
    )
    return coarse if any(map(balance, fine)) else fine


def _split(
    notes: Sequence[Note], begins: Callable[[Note, AbstractSet[int], Note], bool]
) -> list[list[Note]]:
    sales: list[list[Note]] = []
    seen: set[int] = set()
    for note in notes:
        if sales and not begins(sales[-1][-1], seen, note):
            sales[-1].append(note)
        else:
            sales.append([note])
            seen = set()
        seen.add(note.number)
    return sales


def in_order(notes: Iterable[Note]) -> list[Note]:
    """Return the newest row of each number, by number; the same choice as a part's."""
    newest: dict[int, Note] = {}
    for note in sorted(notes, key=lambda note: (note.at, PACK.encode(note))):
        newest[note.number] = note
    return [newest[number] for number in sorted(newest)]
