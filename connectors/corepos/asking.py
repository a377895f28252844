"""
Questions to CORE-POS: which rows of which table.

A question is a `SELECT` request: its path is the table's role, its query the bounds; the answer
is a JSON array of rows, columns as they are. Whether the database or the web service answers is
the business of the way to the account.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from connectors.contract import Page, PermanentError, Request, Response, Shop
from connectors.corepos.columns import whole
from connectors.corepos.wire import ROW

Chat = Generator[Request | Page, Response | None, None]
Query = tuple[tuple[str, str], ...]
Rows = Generator[Request, Response | None, list[bytes]]

SELECT, KEEP = "SELECT", "KEEP"
DATABASE = "database"
TODAY, TODAYS_BOUNDS, ARCHIVE = "/dtransactions", "/dtransactions/bounds", "/archive"
PRODUCTS, PRODUCTS_IN_USE = "/products", "/products/in-use"
PRODUCT_LOG, ARCHIVED_LOG = "/products/log", "/products/log/archived"
DEPARTMENTS, VENDORS, MEMBERS = "/departments", "/vendors", "/members"
COUNTS, STORES = "/inventory-counts", "/stores"
POSITION, BOOKMARK = "/position", "/bookmark"
TODAYS_SUMS, ARCHIVED_SUMS = "/dtransactions/sums", "/archive/sums"

ROWS_A_PAGE = 2000
ROWS_A_BODY = 500
BODIES_A_PAGE = 250

_OK = 200
_rows = msgspec.json.Decoder(list[msgspec.Raw])


def select(path: str, query: Query) -> Rows:
    """
    Ask the database; return rows as their exact bytes.

    Raises:
        PermanentError: it answered with anything else.
    """
    answer = yield Request(method=SELECT, path=path, query=query, budget=DATABASE)
    if answer is None or answer.status != _OK:
        raise PermanentError(f"{path}: the database did not answer with rows")
    try:
        return [bytes(row) for row in _rows.decode(answer.body)]
    except msgspec.MsgspecError as error:
        raise PermanentError(f"{path}: the answer cannot be read") from error


def select_all(path: str, query: Query, column: str) -> Rows:
    """
    Ask for all rows, page by page, in the order of a column that grows.

    Raises:
        PermanentError: as in `select`; or a page does not go on where the last one ended.
    """
    found: list[bytes] = []
    page: int | None = 0
    while page is not None:
        rows, page = yield from select_page(path, query, column, page)
        found += rows
    return found


def select_page(
    path: str, query: Query, column: str, page: int
) -> Generator[Request, Response | None, tuple[list[bytes], int | None]]:
    """
    Ask for the rows after `page`; return them and where the next page begins, None at the end.

    Raises:
        PermanentError: as in `select_all`.
    """
    bounds = (*query, ("page", str(page)), ("limit", str(ROWS_A_PAGE)))
    rows = yield from select(path, bounds)
    if len(rows) < ROWS_A_PAGE:
        return rows, None
    last = whole(getattr(ROW.decode(rows[-1]), column), column)
    if last <= page:
        raise PermanentError(f"{path}: a page does not go on where the last one ended")
    return rows, last


def keep(path: str, body: bytes) -> Generator[Request, Response | None, None]:
    """
    Have something kept for later; ask only when all before it was handed on.

    Args:
        path: POSITION, kept as long as the process; BOOKMARK, kept with the account's runs.
    """
    yield Request(method=KEEP, path=path, body=body, budget=DATABASE)


def store_of(shop: Shop) -> Query:
    """Return the bound of the shop's own store; one without a location has every store."""
    return (("store", shop.location_id),) if shop.location_id else ()


def pages(resource: str, bodies: Iterable[bytes]) -> Iterator[Page]:
    """Yield bodies in pages of bounded size."""
    left = iter(bodies)
    while some := tuple(islice(left, BODIES_A_PAGE)):
        yield Page(resource=resource, bodies=some)


def array(rows: Sequence[bytes]) -> bytes:
    """Return rows as a JSON array of their exact bytes."""
    return b"[" + b",".join(rows) + b"]"


def arrays(rows: Sequence[bytes]) -> Iterator[bytes]:
    """Yield rows as arrays of bounded size."""
    for begin in range(0, len(rows), ROWS_A_BODY):
        yield array(rows[begin : begin + ROWS_A_BODY])
