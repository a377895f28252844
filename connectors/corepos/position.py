"""
How far the live table was read: what lets the next poll ask for new rows only.

`store_row_id` grows with each row that reaches the server, whatever its own time. Whoever
carries conversations out keeps the position for us, and may forget it: then all of the day is
read again, which changes nothing.

Source: column store_row_id of core_trans.dtransactions (AUTO_INCREMENT); on servers before
MariaDB 10.2.4 and MySQL 8.0 a restart while the table is empty begins a new count
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec
from msgspec import Struct

from connectors.contract import Request, Response, Shop
from connectors.corepos.asking import POSITION, array, keep, select

LOOKBACK = timedelta(hours=3)

# Ids are given before a transaction commits: a smaller one may become visible later.
OVERLAP = 500


class Position(Struct, frozen=True, kw_only=True):
    """
    What is in the log already.

    Args:
        until: the end of the last poll's window.
        last: the greatest `store_row_id` seen.
        recent: all that were seen of the last `OVERLAP` ones before it.
        archived: a digest of the rows of each archived day, by the day.
        tables: a digest of the tables of departments and vendors, by what they are called.
    """

    until: datetime
    last: int = 0
    recent: frozenset[int] = frozenset()
    archived: dict[str, str] = {}
    tables: dict[str, str] = {}

    @property
    def floor(self) -> int:
        """Return the greatest id of which it is sure that all before it are known."""
        return max(0, self.last - OVERLAP)

    def leads_to(self, since: datetime) -> bool:
        """Say whether a window goes on where the last one ended; others ask for all anew."""
        return since >= self.until - LOOKBACK

    def is_of(self, last: int, until: datetime, shop: Shop) -> bool:
        """
        Say whether the live table still counts on from here.

        A count that went down is another one, and a server of several stores has several. Once
        a day all is read, whatever was known: so nothing that this missed is missed for long.
        """
        if not shop.location_id:
            return False
        days = [shop.calendar.local(moment).date() for moment in (self.until, until)]
        return last >= self.last and days[0] == days[1]

    def is_new(self, row_id: int) -> bool:
        """Say whether a row was not there before."""
        return row_id > self.floor and row_id not in self.recent


_position = msgspec.json.Decoder(Position)


def recall() -> Generator[Request, Response | None, Position | None]:
    """Ask for the position that was kept; None where there is none."""
    rows = yield from select(POSITION, ())
    try:
        return _position.decode(rows[0]) if rows else None
    except msgspec.MsgspecError:
        return None


def kept(position: Position) -> Generator[Request, Response | None, None]:
    """Have the position kept; ask only when all before it was handed on."""
    yield from keep(POSITION, msgspec.json.encode(position))


def digest(rows: list[bytes]) -> str:
    """Return the same text for the same rows."""
    return sha256(array(sorted(rows))).hexdigest()
