"""
Pages of rows in key order.

A cursor says after which row the next page begins, so rows that come or go meanwhile neither
shift a page nor repeat a row. It names the question it belongs to; a forged one can only start
somewhere else among the caller's own rows, because the question is always asked anew.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import TypeVar

import msgspec

from schemas.account import Account
from schemas.codec import unpack
from streams.directory import Directory
from streams.http.problems import ProblemError
from streams.spans import Span
from streams.views import Views

PAGE_DEFAULT = 100
PAGE_MAX = 1000
CURSOR_LENGTH_MAX = 1024

RowT = TypeVar("RowT", bound=msgspec.Struct)
ItemT = TypeVar("ItemT")


class Page(msgspec.Struct):
    """Rows, and the cursor of the next page; no cursor means that there is none."""

    rows: list[tuple[bytes, bytes]]
    cursor: str | None


class _Cursor(msgspec.Struct, array_like=True):
    question: str
    after: str


def question_of(*parts: object) -> str:
    """Return a short name of a question, by which a cursor is known to belong to it."""
    return sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:16]


def make_cursor(question: str, after: str) -> str:
    """Return the text that the caller sends back to go on after a row."""
    raw = msgspec.json.encode(_Cursor(question, after))
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def read_cursor(question: str, cursor: str | None) -> str | None:
    """
    Return after which row to go on; None is the beginning.

    Raises:
        ProblemError: 400, the cursor is none of ours or of another question.
    """
    if cursor is None:
        return None
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        read = msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True), type=_Cursor)
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise ProblemError(400, "the cursor is not one that this API gave") from None
    if read.question != question:
        raise ProblemError(400, "the cursor belongs to another question")
    return read.after


def page(
    views: Views,
    table: str,
    spans: Sequence[Span],
    *,
    limit: int,
    question: str,
    cursor: str | None,
) -> Page:
    """
    Return one page over spans whose keys are in ascending order; errors as in `read_cursor`.

    A span costs a look-up only when the page has not been filled before it.
    """
    after = read_cursor(question, cursor)
    rows: list[tuple[bytes, bytes]] = []
    for span in spans:
        for key, row in _rows(
            views, table, span, None if after is None else after.encode(), limit
        ):
            if len(rows) == limit:
                return Page(rows, make_cursor(question, rows[-1][0].decode()))
            rows.append((key, row))
    return Page(rows, None)


def page_where(
    views: Views,
    table: str,
    spans: Sequence[Span],
    keep: Callable[[bytes], bool],
    *,
    limit: int,
    question: str,
    cursor: str | None,
) -> Page:
    """Return one page of the rows that are to be kept; arguments and errors as in `page`."""
    rows: list[tuple[bytes, bytes]] = []
    while True:
        some = page(views, table, spans, limit=PAGE_MAX, question=question, cursor=cursor)
        for key, row in some.rows:
            if not keep(row):
                continue
            if len(rows) == limit:
                return Page(rows, make_cursor(question, rows[-1][0].decode()))
            rows.append((key, row))
        if some.cursor is None:
            return Page(rows, None)
        cursor = some.cursor


def _rows(
    views: Views, table: str, span: Span, after: bytes | None, limit: int
) -> Iterator[tuple[bytes, bytes]]:
    begin = max(filter(None, (after, span.after)), default=None)
    if begin is not None and begin > span.prefix and not begin.startswith(span.prefix):
        return
    inside = begin if begin is not None and begin > span.prefix else None
    for key, row in views.scan(table, span.lane, span.prefix, after=inside, limit=limit + 1):
        if not span.holds(key):
            return
        yield key, row


def account_spans(directory: Directory, accounts: Iterable[Account]) -> list[Span]:
    """Return the whole of each account, in the order of keys."""
    return [
        Span(directory.lane(account.account_id), f"{account.account_id}/".encode())
        for account in sorted(accounts, key=lambda acct: acct.account_id)
    ]


def all_rows(views: Views, table: str, spans: Iterable[Span], cls: type[RowT]) -> list[RowT]:
    """Return every row of the spans."""
    return [
        unpack(cls, row)
        for span in spans
        for _, row in views.scan(table, span.lane, span.prefix, after=span.after)
    ]


def page_of_list(
    items: Sequence[ItemT],
    name: Callable[[ItemT], str],
    *,
    limit: int,
    question: str,
    cursor: str | None,
) -> tuple[list[ItemT], str | None]:
    """
    Return one page of items that are in ascending order of `name`; errors as `read_cursor`.

    For what is small enough to be looked at as a whole: accounts, runs, ranked products.
    """
    after = read_cursor(question, cursor)
    rest = [item for item in items if after is None or name(item) > after]
    chosen = rest[:limit]
    more = len(rest) > limit
    return chosen, make_cursor(question, name(chosen[-1])) if more else None
