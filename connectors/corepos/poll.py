"""
What CORE-POS's database is asked, and in which order.

Source: CORE-POS/IS4C fannie/cron/tasks/TransArchiveTask.php (the nightly rotation),
fannie/item/DeleteItemPage.php (products are deleted, in HQ mode without a trace),
fannie/classlib2.0/data/models/op/ProdUpdateModel.php (the log of changes, by whom)
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from datetime import date, datetime, timedelta

import msgspec

from connectors.contract import Conversation, Page, Request, Response, Shop
from connectors.corepos.asking import (
    ARCHIVE,
    COUNTS,
    PRODUCTS,
    PRODUCTS_IN_USE,
    TODAY,
    TODAYS_BOUNDS,
    Chat,
    Query,
    array,
    arrays,
    pages,
    select,
    select_all,
    store_of,
)
from connectors.corepos.catalog import upcs_in_use
from connectors.corepos.columns import local_time, whole
from connectors.corepos.position import LOOKBACK, OVERLAP, Position, digest, kept, recall
from connectors.corepos.product_log import product_log
from connectors.corepos.records import tables
from connectors.corepos.wire import ROW

SALES = "dtransactions"

# Rows that a till uploads late go to the archive under their own day, with the next rotation.
RESCANNED = timedelta(days=3)
_DAY = timedelta(days=1)


class _Bounds(msgspec.Struct, frozen=True):
    """The live table's greatest id, 0 when it is empty, and the day of its oldest row."""

    last: int
    oldest: date | None


def poll(shop: Shop, since: datetime, until: datetime) -> Conversation:
    """
    Ask for the rows of [since, until): the live table first, then the archive by days.

    The nightly rotation copies before it deletes, so this order can see a row twice and never
    miss one. A till that was offline uploads old rows at any time, so the live table is read by
    `store_row_id`, and what is known of it is not asked for again; a row belongs to the day of
    its own clock. A row's transaction always comes whole, as far as it is in the table.
    """
    before = yield from recall()
    known = before if before is not None and before.leads_to(since) else None
    bounds = yield from _bounds(shop)
    first, last = shop.calendar.local(since).date(), shop.calendar.local(until).date()
    position = Position(until=until, archived={} if known is None else known.archived)
    if bounds.oldest is not None and bounds.oldest <= last:
        usable = known is not None and known.is_of(bounds.last, until, shop)
        start = known if known is not None and usable else Position(until=until)
        position = yield from _live(shop, start, position)
    if first < last or bounds.oldest is None or bounds.oldest > last:
        position = yield from _archived(shop, first - RESCANNED, last, position)
    yield from _changed_products(shop, since)
    if shop.calendar.local(since + LOOKBACK).date() < last:
        yield from _products_in_use(shop)
    seen = yield from tables({} if before is None else before.tables)
    position = msgspec.structs.replace(position, tables=seen)
    if before is None or known is not None:
        yield from kept(position)


def _bounds(shop: Shop) -> Generator[Request, Response | None, _Bounds]:
    rows = yield from select(TODAYS_BOUNDS, store_of(shop))
    said = ROW.decode(rows[0]) if rows else None
    if said is None or said.store_row_id is None or said.datetime is None:
        return _Bounds(0, None)
    oldest = shop.calendar.local(local_time(said.datetime, shop.calendar)).date()
    return _Bounds(whole(said.store_row_id, "store_row_id"), oldest)


def _live(
    shop: Shop, known: Position, position: Position
) -> Generator[Request | Page, Response | None, Position]:
    """Bring the transactions that have rows which are not known yet."""
    query = (("after", str(known.floor)), *store_of(shop))
    rows = yield from select_all(TODAY, query, "store_row_id")
    ids = {whole(ROW.decode(row).store_row_id, "store_row_id") for row in rows}
    fresh = [
        group
        for group in groups_of(rows)
        if any(known.is_new(whole(ROW.decode(row).store_row_id, "")) for row in group)
    ]
    yield from pages(SALES, map(array, fresh))
    last = max(ids | {known.last})
    recent = frozenset(one for one in ids | known.recent if one > last - OVERLAP)
    return msgspec.structs.replace(position, last=last, recent=recent)


def _archived(
    shop: Shop, first: date, last: date, position: Position
) -> Generator[Request | Page, Response | None, Position]:
    """Bring the archived days [first, last] that are not as they were seen before."""
    seen: dict[str, str] = {}
    day = first
    while day <= last:
        name, following = day.isoformat(), (day + _DAY).isoformat()
        query = (("from", name), ("to", following), *store_of(shop))
        rows = yield from select(ARCHIVE, query)
        if rows:
            seen[name] = digest(rows)
        if seen.get(name) != position.archived.get(name):
            yield from pages(SALES, map(array, groups_of(rows)))
        day += _DAY
    return msgspec.structs.replace(position, archived=seen)


def groups_of(rows: Iterable[bytes]) -> list[list[bytes]]:
    """
    Return the rows of each transaction that they name; none is left out.

    Rows that share a number on several days stay together: reading them tells them apart.
    """
    found: dict[tuple[str, ...], list[bytes]] = {}
    for row in rows:
        said = ROW.decode(row)
        names = (said.store_id, said.register_no, said.emp_no, said.trans_no)
        found.setdefault(tuple(map(str, names)), []).append(row)
    return list(found.values())


def snapshot(shop: Shop) -> Conversation:
    """Ask for all products and their log, all other records, and counts of the stock."""
    yield from product_log(shop)
    rows = yield from select_all(PRODUCTS, store_of(shop), "id")
    yield from pages("products", arrays(rows))
    yield from _products_in_use(shop)
    yield from tables({})
    counts = yield from select(COUNTS, store_of(shop))
    yield from pages("inventory_counts", arrays(counts))


def _changed_products(shop: Shop, since: datetime) -> Chat:
    """
    Ask for what was changed by CORE-POS's own pages; other tools may write no time.

    The log comes first: it knows who, and what was between two polls.
    """
    wall = f"{shop.calendar.local(since):%Y-%m-%d %H:%M:%S}"
    query: Query = (("since", wall), *store_of(shop))
    yield from product_log(shop)
    rows = yield from select_all(PRODUCTS, query, "id")
    yield from pages("products", arrays(rows))


def _products_in_use(shop: Shop) -> Chat:
    """Ask which products there are: those that are missing were deleted."""
    rows = yield from select_all(PRODUCTS_IN_USE, store_of(shop), "id")
    upcs = upcs_in_use(map(ROW.decode, rows), shop)
    body = msgspec.json.encode({"products_in_use": sorted(upcs)})
    yield Page(resource="products_in_use", bodies=(body,))
