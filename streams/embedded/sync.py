"""Group fsync: one at a time, in a thread; whoever arrives meanwhile shares the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

IDLE_S = 0.002
"""Nobody waits for a stage commit, so its fsync may be late; appenders must not wait for it."""


class Synced(Protocol):
    """Who is told what became durable."""

    def durable_mark(self) -> Callable[[], None]:
        """Return what is to be called once all that is written now is durable."""
        ...

    def sync_failed(self, error: BaseException) -> Exception:
        """Take note of a failed fsync and return what the waiting appenders shall see."""
        ...


class GroupSync:
    """Brings the write-ahead log to disk; all methods but `flush` run on the event loop."""

    def __init__(self, owner: Synced, flush: Callable[[], None]) -> None:
        self._owner = owner
        self._flush = flush
        self._pool = ThreadPoolExecutor(1, "log-fsync")
        self._waiting: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._dirty = False
        self.running = False

    def written(self, waiter: asyncio.Future[None] | None) -> None:
        """Something was written; `waiter` is told when it is durable, None is in no hurry."""
        self._dirty = True
        if waiter is not None:
            self._waiting.append(waiter)
        self._schedule()

    def _schedule(self) -> None:
        if self._waiting:
            self._begin()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(IDLE_S, self._begin)

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.running or not self._dirty:
            return
        self.running, self._dirty = True, False
        waiting, self._waiting = self._waiting, []
        mark = self._owner.durable_mark()
        job = asyncio.get_running_loop().run_in_executor(self._pool, self._flush)
        job.add_done_callback(lambda done: self._end(done, waiting, mark))

    def _end(
        self,
        done: asyncio.Future[None],
        waiting: list[asyncio.Future[None]],
        mark: Callable[[], None],
    ) -> None:
        self.running = False
        if error := done.exception():
            self.fail(self._owner.sync_failed(error), waiting)
            return
        mark()
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)
        if self._dirty:
            self._schedule()

    def fail(self, error: Exception, waiting: list[asyncio.Future[None]]) -> None:
        """Tell everybody who waits; nothing is promised about what they wrote."""
        everybody, self._waiting, self._dirty = waiting + self._waiting, [], False
        for waiter in everybody:
            if not waiter.done():
                waiter.set_exception(error)

    async def drain(self) -> None:
        """Return when all that was written is durable or has failed."""
        while self.running or self._dirty:
            self._begin()
            await asyncio.sleep(0.001)

    def close(self) -> None:
        """End the thread."""
        if self._timer is not None:
            self._timer.cancel()
        self._pool.shutdown()
