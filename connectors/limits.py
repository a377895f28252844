"""
Keep to a provider's rate limits: windows counted exactly, and buckets the provider reports.

Times are whole nanoseconds of the monotonic clock, levels of buckets whole thousandths.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from enum import StrEnum
from typing import Protocol

import msgspec

from connectors.contract import Request

SECOND = 1_000_000_000
WHOLE = 1000
"""Thousandths of one unit of a bucket."""


class Scope(StrEnum):
    """Over whose calls a limit is counted; of the application: all merchants' together."""

    ACCOUNT = "account"
    MERCHANT = "merchant"
    APPLICATION = "application"


class Budget(msgspec.Struct, frozen=True):
    """A pace for an account where no limit is published: calls in seconds, spread evenly."""

    calls: int
    seconds: int = 1


class Quota(msgspec.Struct, frozen=True):
    """A published limit: never more than `calls` reach the provider in any `seconds`."""

    calls: int
    seconds: int
    scope: Scope = Scope.ACCOUNT


def one_unit(_request: Request) -> int:
    """Return that a call costs one unit, in thousandths."""
    return WHOLE


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """
    A leaky bucket of which answers tell the level, as "<level>/<size>".

    Args:
        size, drip: units, and units a second, until the provider says others.
        cost: of a call in thousandths of a unit, rather too much than too little.
    """

    size: int
    drip: int
    level_header: str
    drip_header: str
    cost: Callable[[Request], int] = one_unit
    scope: Scope = Scope.MERCHANT


class Slices(msgspec.Struct, frozen=True, kw_only=True):
    """
    A limit of which answers tell how many calls are left, and when the next slice begins.

    Args:
        left_header: calls that are left; none where it is missing.
        ends_header: when the next slice begins, in whole seconds since 1970.
        of_header: words for which limit it is; `own_word` says that it is one of calls of the
            same budget only, not of all.
        longest_s: of a slice; an end that is further away is a wrong clock's.
    """

    left_header: str
    ends_header: str
    of_header: str
    own_word: str
    longest_s: int
    scope: Scope = Scope.ACCOUNT


Limit = Budget | Quota | Bucket | Slices


class Limiter(Protocol):
    """What a call has to pass; who entered must leave."""

    async def enter(self, request: Request) -> None:
        """Wait until the call may be made."""
        ...

    def leave(self, request: Request, headers: Mapping[str, str] | None) -> None:
        """Take note that the call is over; `headers` of its answer, when there was one."""
        ...


class Window:
    """
    At most so many calls in any window of time, as the provider sees them.

    A call holds its place from before it is sent until a window after its answer came: so it
    does not matter how long it was under way.
    """

    def __init__(self, quota: Quota) -> None:
        self._calls = quota.calls
        self._window = quota.seconds * SECOND
        self._ended: deque[int] = deque(maxlen=quota.calls)
        self._inside = 0
        self._turn = asyncio.Lock()
        self._left = asyncio.Event()

    async def enter(self, request: Request) -> None:
        """Wait for a free place; who came first is served first."""
        del request
        async with self._turn:
            while not self._free():
                if self._ended:
                    await _until(self._ended[0] + self._window)
                else:
                    self._left.clear()
                    await self._left.wait()
            self._inside += 1

    def leave(self, request: Request, headers: Mapping[str, str] | None) -> None:
        """Begin the window at whose end the place is free again."""
        del request, headers
        self._inside -= 1
        self._ended.append(time.monotonic_ns())
        self._left.set()

    def _free(self) -> bool:
        over = time.monotonic_ns() - self._window
        while self._ended and self._ended[0] <= over:
            self._ended.popleft()
        return self._inside + len(self._ended) < self._calls


class LeakyBucket:
    """
    Never lets the provider's bucket run over.

    While calls are under way our own estimate counts, without what drips; when none is, what
    the provider said last. Before it has said anything, one call at a time is made.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._size = bucket.size * WHOLE
        self._drip = bucket.drip * WHOLE
        self._level = 0
        self._at = time.monotonic_ns()
        self._known = False
        self._inside = 0
        self._turn = asyncio.Lock()
        self._left = asyncio.Event()

    async def enter(self, request: Request) -> None:
        """Wait until the bucket has room for what the call costs."""
        cost = min(self._bucket.cost(request), self._size)
        async with self._turn:
            while wait := self._wait(cost):
                if self._inside:
                    self._left.clear()
                    await self._left.wait()
                else:
                    await _until(self._at + wait)
            self._level += cost
            self._inside += 1

    def leave(self, request: Request, headers: Mapping[str, str] | None) -> None:
        """Take over what the provider said of its bucket."""
        del request
        self._inside -= 1
        told = headers or {}
        drip = _thousandths(told.get(self._bucket.drip_header, ""))
        if drip:
            self._drip = drip
        level, _, size = told.get(self._bucket.level_header, "").partition("/")
        reading, room = _thousandths(level), _thousandths(size)
        if room:
            self._size = room
        if reading is not None:
            self._level = max(self._level, reading) if self._inside else reading
            self._known = True
        self._at = time.monotonic_ns()
        self._left.set()

    def _wait(self, cost: int) -> int:
        """Return the nanoseconds from `_at` until there is room; 0 is now."""
        if self._inside:
            full = self._level + cost > self._size
            return int(full or not self._known)
        now = time.monotonic_ns()
        self._level = max(0, self._level - (now - self._at) * self._drip // SECOND)
        self._at = now
        missing = self._level + min(cost, self._size) - self._size
        return 0 if missing <= 0 else missing * SECOND // self._drip + 1


@asynccontextmanager
async def admitted(limiters: Sequence[Limiter], request: Request) -> AsyncIterator[Answered]:
    """Pass all limiters, in their order, and leave them whatever becomes of the call."""
    inside: list[Limiter] = []
    answered = Answered()
    try:
        for limiter in limiters:
            await limiter.enter(request)
            inside.append(limiter)
        yield answered
    finally:
        for limiter in inside:
            limiter.leave(request, answered.headers)


class Answered:
    """Where the headers of the answer go, when one comes."""

    def __init__(self) -> None:
        self.headers: Mapping[str, str] | None = None


async def _until(when: int) -> None:
    wait = when - time.monotonic_ns()
    if wait > 0:
        await asyncio.sleep(timedelta(microseconds=wait // 1000 + 1).total_seconds())


def _thousandths(text: str) -> int | None:
    """Read a number, rounded up; None when it is none, or none that is honest."""
    try:
        value = Decimal(text.strip())
        if not 0 <= value < WHOLE * WHOLE:
            return None
        return int((value * WHOLE).to_integral_value(ROUND_CEILING))
    except (InvalidOperation, ValueError):
        return None
