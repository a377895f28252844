"""
Ask CORE-POS's database for rows, and its web service for products.

Transactions can only be read by SQL (the web service opens the operational database alone). A
question to the database is a `SELECT` request: its path is the table's role, its query the
bounds; the answer is a JSON array of rows, columns as they are. Its web service is asked by
JSON-RPC like any other.

Source: CORE-POS/IS4C fannie/cron/tasks/TransArchiveTask.php, fannie/ws/index.php,
fannie/classlib2.0/webservices/FannieEntity.php
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from datetime import date, datetime, timedelta

import msgspec

from connectors.contract import (
    Conversation,
    Page,
    PermanentError,
    Request,
    Response,
    Shop,
)
from connectors.corepos.columns import whole
from connectors.corepos.wire import ROW

Chat = Generator[Request | Page, Response | None, None]

SELECT = "SELECT"
TODAY, ARCHIVE = "/dtransactions", "/archive"
ROWS_A_PAGE = 2000
ROWS_A_BODY = 500

# Rows that a till uploads late go to the archive under their own day, with the next rotation.
RESCANNED = timedelta(days=3)
WEB_SERVICE = "/fannie/ws/"
ENTITY = "\\COREPOS\\Fannie\\API\\webservices\\FannieEntity"

_OK = 200
_DAY = timedelta(days=1)
_rows = msgspec.json.Decoder(list[msgspec.Raw])


class _Result(msgspec.Struct):
    result: list[str]


class _Answer(msgspec.Struct):
    result: _Result


_answer = msgspec.json.Decoder(_Answer)


def poll(shop: Shop, since: datetime, until: datetime) -> Conversation:
    """
    Ask for the rows of [since, until): the live table first, then the archive by days.

    The nightly rotation copies before it deletes, so this order can see a row twice and never
    miss one; and a till that was offline uploads old rows at any time, so that the live table
    is read whole, by `store_row_id`. A row belongs to the day of its own clock.
    """
    yield from _pages(_live())
    first, last = shop.calendar.local(since).date(), shop.calendar.local(until).date()
    if first == last:
        # Nothing of today is in the archive yet.
        return
    day = first - RESCANNED
    while day < last:
        yield from _pages(_archived(day))
        day += _DAY


def _live() -> Generator[Request, Response | None, list[bytes]]:
    """Read the live table to its end; ids that go down begin a new count and end nothing."""
    found: list[bytes] = []
    after = 0
    while True:
        query = (("after", str(after)), ("limit", str(ROWS_A_PAGE)))
        page = yield from _select(TODAY, query)
        found += page
        ids = [whole(ROW.decode(row).store_row_id, "store_row_id") for row in page]
        if len(page) < ROWS_A_PAGE or max(ids) <= after:
            return found
        after = max(ids)


def _archived(day: date) -> Generator[Request, Response | None, list[bytes]]:
    """Read one day of the archive, which has an index on time and none on ids."""
    query = (("from", day.isoformat()), ("to", (day + _DAY).isoformat()))
    return (yield from _select(ARCHIVE, query))


def _select(
    path: str, query: tuple[tuple[str, str], ...]
) -> Generator[Request, Response | None, list[bytes]]:
    question = Request(method=SELECT, path=path, query=query, budget="database")
    answer = yield question
    if answer is None or answer.status != _OK:
        raise PermanentError(f"{path}: the database did not answer with rows")
    try:
        return [bytes(row) for row in _rows.decode(answer.body)]
    except msgspec.MsgspecError as error:
        raise PermanentError(f"{path}: the answer cannot be read") from error


def _pages(rows: Generator[Request, Response | None, list[bytes]]) -> Chat:
    """Read rows and yield them as bodies, a transaction each."""
    found = yield from rows
    yield Page(resource="dtransactions", bodies=tuple(bodies_of(found)))


def bodies_of(rows: Iterable[bytes]) -> list[bytes]:
    """
    Return a body for each transaction that the rows name; no row is left out.

    Rows that share a number on several days stay together: reading them tells them apart.
    """
    found: dict[tuple[str, ...], list[bytes]] = {}
    for row in rows:
        said = ROW.decode(row)
        names = (said.store_id, said.register_no, said.emp_no, said.trans_no)
        found.setdefault(tuple(map(str, names)), []).append(row)
    return [array(group) for group in found.values()]


def array(rows: Sequence[bytes]) -> bytes:
    """Return rows as a JSON array of their exact bytes."""
    return b"[" + b",".join(rows) + b"]"


def snapshot(shop: Shop) -> Conversation:
    """Ask for all products and for the counts that people made of them."""
    yield from entity("Products", {})
    where = (("store", shop.location_id),) if shop.location_id else ()
    counts = yield from _select("/inventory-counts", where)
    yield Page(resource="inventory_counts", bodies=(array(counts),) if counts else ())


def entity(name: str, columns: dict[str, str]) -> Chat:
    """
    Ask the web service for the rows of one entity.

    It knows no paging and no "changed since", and it answers what it cannot read with no rows:
    so an empty answer is never a reason to delete.

    Raises:
        PermanentError: it refused, or cannot be read.
    """
    call = {
        "jsonrpc": "2.0",
        "method": ENTITY,
        "params": {"entity": name, "submethod": "get", "columns": columns},
        "id": 1,
    }
    question = Request(
        method="POST", path=WEB_SERVICE, body=msgspec.json.encode(call), budget="web-service"
    )
    answer = yield question
    if answer is None or answer.status != _OK:
        raise PermanentError(f"{WEB_SERVICE}: no answer about {name}")
    try:
        rows = _answer.decode(answer.body).result.result
    except msgspec.MsgspecError as error:
        raise PermanentError(f"{WEB_SERVICE}: the answer about {name} is an error") from error
    for begin in range(0, len(rows), ROWS_A_BODY):
        some = [row.encode() for row in rows[begin : begin + ROWS_A_BODY]]
        yield Page(resource=name, bodies=(array(some),))
