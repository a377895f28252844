"""
CORE-POS's own log of changed products, read by its number: each row once, none left out.

`prodUpdateID` grows with each row, whatever time is written into it; a row's time is that of
the page that wrote it, and one written while we poll may have a time of before. How far the log
was read is the account's bookmark: whoever carries conversations out keeps it with the runs.

Sources: CORE-POS/IS4C fannie/classlib2.0/data/models/op/ProdUpdateModel.php;
fannie/cron/CompressProdUpdate/archive.php (moves all rows into prodUpdateArchive, without their
numbers, and truncates the table, which begins a new count)
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

import msgspec
from msgspec import Struct

from connectors.contract import Request, Response, Shop
from connectors.corepos.asking import (
    ARCHIVED_LOG,
    BOOKMARK,
    PRODUCT_LOG,
    Chat,
    arrays,
    keep,
    pages,
    select,
    select_page,
    store_of,
)
from connectors.corepos.columns import text, whole
from connectors.corepos.position import digest
from connectors.corepos.wire import ROW

RESOURCE = "product_log"
OVERLAP = 100
"""Rows in writing when we ask: their numbers are given before they become visible."""

_NUMBER = "prodUpdateID"
_EARLIEST = "1970-01-01 00:00:00"
Asked = Generator[Request, Response | None, tuple[list[bytes], int | None]]


class Bookmark(Struct, frozen=True, kw_only=True):
    """
    How far the log was read.

    Args:
        last: the greatest number seen, 0 for none.
        row: a digest of that row; another row under its number is of another count.
        modified: that row's time, on the shop's clock.
        recent: the numbers seen of the last `OVERLAP` ones up to it.
    """

    last: int = 0
    row: str = ""
    modified: str = ""
    recent: frozenset[int] = frozenset()

    @property
    def floor(self) -> int:
        """Return the greatest number of which it is sure that all before it are known."""
        return max(0, self.last - OVERLAP)

    def is_of(self, rows: Iterable[bytes]) -> bool:
        """Say whether the table still counts on from here: it has the last row as it was."""
        return not self.last or any(
            _number(row) == self.last and digest([row]) == self.row for row in rows
        )

    def is_new(self, row: bytes) -> bool:
        """Say whether a row was not there before."""
        number = _number(row)
        return number > self.floor and number not in self.recent

    def after(self, rows: list[bytes]) -> Bookmark:
        """Return the bookmark behind these rows, which are in the order of their numbers."""
        if not rows or _number(rows[-1]) < self.last:
            return self
        newest = rows[-1]
        last = _number(newest)
        numbers = self.recent.union(map(_number, rows))
        return Bookmark(
            last=last,
            row=digest([newest]),
            modified=text(ROW.decode(newest).modified),
            recent=frozenset(one for one in numbers if one > last - OVERLAP),
        )


_bookmark = msgspec.json.Decoder(Bookmark)


def product_log(shop: Shop) -> Chat:
    """Ask for the rows that are not known yet; it may be long, so no page waits for another."""
    mark = yield from _recalled()
    rows, page = yield from _rows(shop, mark.floor)
    if not mark.is_of(rows):
        # what was written last may have gone into the archive before we could see it
        since = (("since", max(mark.modified, _EARLIEST)), *store_of(shop))
        archived = yield from select(ARCHIVED_LOG, since)
        yield from pages(RESOURCE, arrays(archived))
        mark = Bookmark()
        rows, page = yield from _rows(shop, 0)
    while True:
        yield from pages(RESOURCE, arrays([row for row in rows if mark.is_new(row)]))
        mark = mark.after(rows)
        if page is None:
            break
        rows, page = yield from _rows(shop, page)
    yield from keep(BOOKMARK, msgspec.json.encode(mark, order="deterministic"))


def _rows(shop: Shop, after: int) -> Asked:
    return select_page(PRODUCT_LOG, store_of(shop), _NUMBER, after)


def _recalled() -> Generator[Request, Response | None, Bookmark]:
    """Ask for the bookmark that was kept; one that cannot be read is none."""
    rows = yield from select(BOOKMARK, ())
    try:
        return _bookmark.decode(rows[0]) if rows else Bookmark()
    except msgspec.MsgspecError:
        return Bookmark()


def _number(row: bytes) -> int:
    return whole(ROW.decode(row).prodUpdateID, _NUMBER)
