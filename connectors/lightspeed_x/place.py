"""
Where among the versions a time begins, asked for with few calls.

The X-Series tells neither the newest version nor the version of a time, and an hour's calls are
counted. So the first rows are looked at, then rows further and further up until one is new
enough, then rows between: in turn where the time should be if versions grew evenly with time,
and in the middle, so that it is found however they grow.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from connectors.lightspeed_x.amounts import instant, version

# Beyond any version there is: they count every change of every shop, 10**10 in 2019.
HIGHEST = 2**48

_FIRST_STEP, _LONGER = 1024, 8
_MICROSECOND = timedelta(microseconds=1)


class _Metadata(msgspec.Struct):
    version: Any = None


class Seen(msgspec.Struct):
    """What of any row says where it stands among the versions."""

    version: Any = None
    updated_at: Any = None
    deleted_at: Any = None
    outlet_id: Any = None
    metadata: _Metadata | None = msgspec.field(name="_metadata", default=None)

    @property
    def number(self) -> int:
        """Return the row's version."""
        nested = self.metadata.version if self.metadata is not None else None
        return version(self.version if self.version is not None else nested)

    @property
    def changed_at(self) -> datetime | None:
        """Return when the row last changed; a deletion leaves `updated_at` as it was."""
        times = (instant(self.updated_at), instant(self.deleted_at))
        return max((at for at in times if at is not None), default=None)


class Search:
    """
    One search; ask for the rows after `next()` and `take` them, until it `is_done`.

    Args:
        since: the time whose version is looked for.
        size: of the pages that are asked for.
    """

    def __init__(self, since: datetime, size: int) -> None:
        self._since, self._size = since, size
        self._low, self._high = 0, HIGHEST
        self._low_at: datetime | None = None
        self._high_at: datetime | None = None
        self._span, self._lasted = 0, 0
        self._factor = 0
        self._evenly = self.is_done = False

    @property
    def found(self) -> int:
        """Return a version such that every change at or after the time has a greater one."""
        return self._low

    def next(self) -> int:
        """Return the version behind which the next rows are wanted."""
        if not self._factor:
            return 0
        if self._high == HIGHEST:
            return min(self._low + self._step() * self._factor, HIGHEST - 1)
        self._evenly = not self._evenly
        if self._evenly and self._high_at is None:
            # Nothing is that far up: the list may end right here.
            return self._low
        if self._evenly and self._low_at is not None and self._high_at is not None:
            lasted = max((self._high_at - self._low_at) // _MICROSECOND, 1)
            guess = self._low + (self._high - self._low) * self._gone() // lasted
            return min(max(guess - 1, self._low), self._high - 1)
        return (self._low + self._high) // 2

    def take(self, after: int, rows: Sequence[Seen]) -> None:
        """Learn from the rows that came behind a version, which may be none."""
        old = 0
        while old < len(rows) and self._is_old(rows[old]):
            old += 1
        self._learn_pace(rows)
        if old:
            last = rows[old - 1]
            self._low, self._low_at = max(after + 1, last.number), last.changed_at
        else:
            self._high = after
            self._high_at = rows[0].changed_at if rows else None
        self._factor = self._factor * _LONGER or 1
        # What is new follows at once, or nothing follows; else what is old is looked through.
        ends = old > 0 and (old < len(rows) or len(rows) < self._size)
        self.is_done = ends or self._low >= self._high

    def _learn_pace(self, rows: Sequence[Seen]) -> None:
        """Remember how many versions so much time took."""
        times = [row.changed_at for row in rows]
        if len(rows) > 1 and times[0] is not None and times[-1] is not None:
            lasted = (times[-1] - times[0]) // _MICROSECOND
            if lasted > 0:
                self._span, self._lasted = rows[-1].number - rows[0].number, lasted

    def _step(self) -> int:
        paced = self._span * self._gone() // self._lasted if self._lasted else 0
        return max(paced, _FIRST_STEP)

    def _gone(self) -> int:
        """Return the time from the newest old row to the time looked for, microseconds."""
        if self._low_at is None:
            return 0
        return max((self._since - self._low_at) // _MICROSECOND, 0)

    def _is_old(self, row: Seen) -> bool:
        at = row.changed_at
        return at is not None and at < self._since
