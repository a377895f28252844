"""
Pages and cursors as Square has them: a cursor is good for its own query, for five minutes.

Source: developer.squareup.com/docs/build-basics/common-api-patterns/pagination
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

import msgspec

from connectors.simulation.chance import Chance

CURSOR_LIVES = timedelta(minutes=5)


class RefusedError(Exception):
    """Square answers an error; `status` and the fields of its error object."""

    def __init__(self, status: int, code: str, field: str = "", detail: str = "") -> None:
        super().__init__(f"{status} {code} {field}".rstrip())
        self.status, self.code, self.field, self.detail = status, code, field, detail


class Row(NamedTuple):
    """One thing in a list: what the list is sorted by, its id, and its bytes."""

    by: datetime
    id: str
    body: bytes


class _Cursor(msgspec.Struct, array_like=True, frozen=True):
    query: str
    until: datetime
    minted: int
    by: datetime
    id: str


_cursor = msgspec.json.Decoder(_Cursor)


class Pager:
    """Cuts lists into pages; `stale` of a thousand cursors are expired when used."""

    def __init__(self, seed: int, stale: int) -> None:
        self._chance = Chance(seed, "cursors")
        self._stale = stale
        self._minted = 0
        self._bad: set[int] = set()

    def cut(
        self,
        rows: Sequence[Row],
        *,
        query: str,
        cursor: str,
        limit: int,
        descending: bool,
        now: datetime,
    ) -> tuple[list[Row], str]:
        """
        Return one page and the cursor of the next ("" at the end).

        Raises:
            RefusedError: the cursor is of another query, expired, or none of ours.
        """
        ordered = sorted(rows, key=lambda row: (row.by, row.id), reverse=descending)
        if cursor:
            last = self._read(cursor, query, now)
            ordered = [row for row in ordered if _behind(row, last, descending=descending)]
        page = ordered[:limit]
        if len(ordered) <= limit:
            return page, ""
        return page, self._mint(query, page[-1], now)

    def _mint(self, query: str, last: Row, now: datetime) -> str:
        self._minted += 1
        if self._chance.happens(self._stale):
            self._bad.add(self._minted)
        cursor = _Cursor(query, now + CURSOR_LIVES, self._minted, last.by, last.id)
        return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode()

    def _read(self, text: str, query: str, now: datetime) -> _Cursor:
        try:
            cursor = _cursor.decode(base64.urlsafe_b64decode(text))
        except (msgspec.DecodeError, binascii.Error, ValueError):
            cursor = None
        if (
            cursor is None
            or cursor.query != query
            or cursor.until < now
            or cursor.minted in self._bad
        ):
            raise RefusedError(400, "INVALID_CURSOR", "cursor", "Invalid cursor.")
        return cursor


def _behind(row: Row, last: _Cursor, *, descending: bool) -> bool:
    here, there = (row.by, row.id), (last.by, last.id)
    return here < there if descending else here > there


def fingerprint(path: str, query: Mapping[str, str], body: bytes) -> str:
    """Return what makes two calls the same query: everything but the cursor."""
    asked: object = None
    if body:
        try:
            asked = msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            raise RefusedError(400, "BAD_REQUEST", "", "The body is not JSON.") from error
        if isinstance(asked, dict):
            asked.pop("cursor", None)
    rest = sorted((name, value) for name, value in query.items() if name != "cursor")
    return sha256(msgspec.json.encode([path, rest, asked], order="sorted")).hexdigest()[:16]


def window(
    rows: Sequence[Row],
    begin: datetime | None,
    end: datetime | None,
) -> list[Row]:
    """Return the rows within a range; both ends are in it, as Square documents."""
    return [
        row
        for row in rows
        if (begin is None or begin <= row.by) and (end is None or row.by <= end)
    ]
