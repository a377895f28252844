"""
Keep to what a provider says is left of a slice of time, where every answer says it.

So a budget that is smaller than the published one, or that others use too, is kept as well.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from connectors.contract import Request
from connectors.instants import http_date
from connectors.limits import SECOND, Slices

EVERY = ""
"""In place of a budget's name: the slice is of all calls."""

PUNCTUAL_S = 2
"""An answer's Date that is no further from our clock is what the way and whole seconds make."""

DIGITS = 10
"""Of seconds since 1970, until 2286."""


class SliceKeeper:
    """
    Never makes more calls in a slice than its provider has left of it.

    What is left is what was said last, less the calls that the provider may not have counted
    then. A slice of which nothing was said yet is tried with one call. Where answers say
    nothing, or what only a wrong clock can say, all calls pass: other limits hold them.

    Args:
        clock: nanoseconds since 1970.
    """

    def __init__(self, slices: Slices, clock: Callable[[], int] = time.time_ns) -> None:
        self._slices = slices
        self._clock = clock
        self._left: dict[tuple[str, int], int] = {}
        self._inside = 0
        self._told = True
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()

    async def enter(self, request: Request) -> None:
        """Wait until every slice that the call is part of has one left for it."""
        async with self._turn:
            while not self._passes(request.budget):
                self._changed.clear()
                wait = self._wait(request.budget)
                seconds = None if wait is None else wait.total_seconds()
                try:
                    async with asyncio.timeout(seconds):
                        await self._changed.wait()
                except TimeoutError:
                    continue
            for slice_ in self._of(request.budget):
                self._left[slice_] -= 1
            self._inside += 1

    def leave(self, request: Request, headers: Mapping[str, str] | None) -> None:
        """Take over what the answer says; no answer says nothing."""
        self._inside -= 1
        self._changed.set()
        if headers is None:
            return
        said = self._slices
        ends, now = _whole(headers.get(said.ends_header, "")), self._clock() // SECOND
        if ends is not None:
            ends -= _ahead(headers, now)
        self._told = ends is not None and abs(ends - now) <= said.longest_s
        if ends is None or not self._told or ends <= now:
            return
        words = {word.strip() for word in headers.get(said.of_header, "").split(",")}
        slice_ = (request.budget if said.own_word in words else EVERY, ends)
        left = (_whole(headers.get(said.left_header, "")) or 0) - self._inside
        self._left[slice_] = min(self._left.get(slice_, left), left)

    def _of(self, budget: str) -> list[tuple[str, int]]:
        """Return the slices of a call that have not ended, and forget all that have."""
        now = self._clock()
        self._left = {it: left for it, left in self._left.items() if it[1] * SECOND > now}
        return [it for it in self._left if it[0] in {EVERY, budget}]

    def _passes(self, budget: str) -> bool:
        slices = self._of(budget)
        if not slices:
            return not (self._told and self._inside)
        return all(self._left[it] > 0 for it in slices)

    def _wait(self, budget: str) -> timedelta | None:
        """Return how long until a slice that is used up ends; None: until a call does."""
        full = [it[1] for it in self._of(budget) if self._left[it] <= 0]
        if not full:
            # It may have ended since it was looked at, and then no call would wake us.
            return None if self._inside else timedelta(0)
        wait = max(0, min(full) * SECOND - self._clock())
        return timedelta(microseconds=wait // 1000 + 1)


def _ahead(headers: Mapping[str, str], now: int) -> int:
    """
    Return how many seconds the provider's clock is surely ahead of ours, negative behind.

    Both are whole seconds, so it may be one more: a slice rather ends too late than too early.
    """
    date = http_date(headers.get("date", ""))
    ahead = 0 if date is None else int(date.timestamp()) - now
    return ahead - 1 if abs(ahead) > PUNCTUAL_S else 0


def _whole(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS else None
