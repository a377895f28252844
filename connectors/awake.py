"""A time limit that counts only the time in which the process was awake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class _Ticks:
    """Counts a limit down, a second at a time, and lets it end when none is left."""

    def __init__(self, limit: asyncio.Timeout, seconds: int) -> None:
        self._limit = limit
        self._left = seconds
        self._loop = asyncio.get_running_loop()
        self._next = self._loop.call_later(1, self._tick)

    def _tick(self) -> None:
        self._left -= 1
        if self._left:
            self._next = self._loop.call_later(1, self._tick)
        else:
            self._limit.reschedule(self._loop.time())

    def stop(self) -> None:
        self._next.cancel()


@asynccontextmanager
async def awake_for(seconds: int) -> AsyncIterator[None]:
    """
    Limit what is awaited inside; standing still, however long, counts as a second at most.

    A process that was frozen would else give up the moment it wakes, with the answer unread in
    its socket; an answer that holds the only good pair of tokens would be lost by that.

    Raises:
        TimeoutError: it took longer.
    """
    async with asyncio.timeout(None) as limit:
        ticks = _Ticks(limit, seconds)
        try:
            yield
        finally:
            ticks.stop()
