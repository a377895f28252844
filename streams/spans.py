"""Stretches of tables: rows of one account, some days of them, in key order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import msgspec

from streams.views import Views

PAGE = 1000


class Span(msgspec.Struct, frozen=True):
    """
    A stretch of one table: keys that begin with `prefix`, above `after`, not above `until`.

    Args:
        until: compared as bytes; a key that begins with it is still inside.
    """

    lane: int
    prefix: bytes
    after: bytes | None = None
    until: bytes | None = None

    def holds(self, key: bytes) -> bool:
        """Say whether a key is not above the end."""
        return self.until is None or key[: len(self.until)] <= self.until


def day_span(account_id: str, lane: int, first: date | None, last: date | None) -> Span:
    """Return the stretch of a table keyed account/day/… within days, both inclusive."""
    prefix = f"{account_id}/"
    # 0xff is above every key of the day before, as no UTF-8 text contains it
    after = None if first is None else f"{prefix}{first - timedelta(days=1)}".encode() + b"\xff"
    until = None if last is None else f"{prefix}{last}".encode()
    return Span(lane, prefix.encode(), after, until)


def rows_in(views: Views, table: str, span: Span) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and rows of a whole span, looked up page by page."""
    after = span.after
    while True:
        page = views.scan(table, span.lane, span.prefix, after=after, limit=PAGE)
        for key, row in page:
            if not span.holds(key):
                return
            yield key, row
        if len(page) < PAGE:
            return
        after = page[-1][0]
