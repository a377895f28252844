"""
The task of one lane of one stage: it owns the queue, the state and the commit.

A Faust agent only hands chunks over, because an exception that leaves an agent loses the event
and an agent that commits holds up all its other lanes. Whatever fails is handled here.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import structlog

from streams.bisecting import Bisection, TooManyInternalErrorsError, where
from streams.errors import SetupError, StateFullError
from streams.log import (
    TP,
    Chunk,
    Effects,
    FencedError,
    GapError,
    LaneLog,
    LogCorruptError,
    LogUnavailableError,
    Record,
    StateBrokenError,
    UndeclaredError,
    meant_for,
)

if TYPE_CHECKING:
    from streams.stage import Stage

logger = structlog.get_logger(__name__)

BACK_OFF_S, BACK_OFF_MAX_S = 0.1, 5.0
CATCH_UP_S = 0.1
PASSES = 16
"""Of the event loop after a step: about what a webhook needs until its answer is written."""
_OURS = (
    FencedError,
    GapError,
    LogCorruptError,
    LogUnavailableError,
    SetupError,
    StateBrokenError,
    StateFullError,
    TooManyInternalErrorsError,
    UndeclaredError,
)
"""Errors whose text is written by us and holds no data of customers."""


class _Work(NamedTuple):
    positions: dict[str, int]
    records: list[Record]


class Lane:
    """
    One lane of a stage while this process owns it.

    `tried` is set once the first opening has succeeded or failed, `commits` counts, and
    `committed_s` is the monotonic time of the last commit, or of the beginning.
    """

    def __init__(self, stage: Stage, number: int) -> None:
        self.number = number
        self.commits = self._given_up = 0
        self.committed_s = time.monotonic()
        self.tried = asyncio.Event()
        self._stage = stage
        self._log: LaneLog | None = None
        self._queue: deque[tuple[TP, Chunk]] = deque()
        self._inflight: list[tuple[TP, Chunk]] = []
        self._missed: dict[TP, int] = {}
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._kicked, self._leaving = asyncio.Event(), asyncio.Event()
        self._reopen = self._taken = False
        self._handling: asyncio.Future[Effects] | None = None
        self.task = asyncio.create_task(self._run(), name=f"{stage.spec.name}-{number}")

    def __str__(self) -> str:
        """Return it as messages name it."""
        return f"stage {self._stage.spec.name}, lane {self.number}"

    # -- called from outside

    async def offer(self, tp: TP, chunk: Chunk) -> None:
        """
        Queue a chunk; waits while the queue is full, and so holds up the consumer.

        Where other stages read the topic too, it never waits: they must not be held up. The
        lane then reads for itself what it has missed.
        """
        shared = tp.topic in self._stage.shared
        if tp in self._missed or (shared and self._is_full()):
            self._missed[tp] = max(self._missed.get(tp, 0), chunk.end)
            self._news.set()
            return
        for piece in pieces_of(chunk, self._stage.chunk):
            while not shared and self._is_full() and not self.task.done():
                self._room.clear()
                await self._room.wait()
            if self.task.done() or self._leaving.is_set():
                return
            self._queue.append((tp, piece))
            self._news.set()

    def _is_full(self) -> bool:
        return len(self._queue) >= self._stage.settings.queue

    def kick(self) -> None:
        """The lane was assigned again: if it was fenced, it may try to come back now."""
        self._kicked.set()

    def refresh(self) -> None:
        """The state was dropped: open again also where no records arrive."""
        self._reopen = True
        self._news.set()

    def taken(self) -> None:
        """Somebody else wrote to the lane: act as if a commit had been refused."""
        self._taken = True
        self._news.set()

    def leave(self) -> None:
        """
        Finish a commit under way and forget the rest: the next owner reads it again.

        A handler is given a moment to end, or the next owner asks for the same once more.
        """
        self._queue.clear()
        if self._handling is not None:
            moment_s = self._stage.settings.stop_s / 8
            asyncio.get_running_loop().call_later(moment_s, self._handling.cancel)
        for event in (self._leaving, self._room, self._news, self._kicked):
            event.set()

    # -- life

    async def _run(self) -> None:
        back_off = BACK_OFF_S
        while not self._leaving.is_set():
            commits = self.commits
            try:
                self._log = await self._open()
                await self._pump(self._log)
            except FencedError as error:
                await self._fail(error)
                await self._wait_for_assignment()
            except GapError as error:
                await self._fail(error)
                await self._reseek()
            except LogCorruptError as error:
                await self._fail(error)
                self._stage.settings.fatal(error)
                break
            except Exception as error:  # noqa: BLE001 - tried in place for ever, loses nothing
                asked = self._reopen
                if isinstance(error, StateBrokenError):
                    await self._wipe()
                await self._fail(error)
                if not asked:
                    back_off = await self._rest(back_off, progress=self.commits > commits)
            self._queue.extendleft(reversed(self._inflight))
            self._inflight.clear()
        await self._close()
        self._room.set()
        self.tried.set()
        logger.info(
            "lane-closed",
            stage=self._stage.spec.name,
            lane=self.number,
            commits=self.commits,
            given_up=self._given_up,
        )

    async def _open(self) -> LaneLog:
        began = time.perf_counter()
        self._reopen = self._taken = False
        log = await self._stage.log.open_lane(self._stage.spec, self.number)
        took = time.perf_counter() - began
        self._stage.stats.folded += log.recovered
        self._stage.stats.open_s += took
        event = "lane-rebuilt" if log.recovered else "lane-open"
        logger.info(
            event,
            stage=self._stage.spec.name,
            lane=self.number,
            folded=log.recovered,
            seconds=round(took, 3),
        )
        self.tried.set()
        return log

    async def _fail(self, error: Exception) -> None:
        self._stage.stats.failures += 1
        self.tried.set()
        logger.error(
            "lane-failed",
            stage=self._stage.spec.name,
            lane=self.number,
            error=type(error).__name__,
            reason=str(error) if isinstance(error, _OURS) else where(error.__traceback__),
        )
        await self._close()

    async def _close(self) -> None:
        log, self._log = self._log, None
        if log is None:
            return
        try:
            await log.close()
        except Exception as error:  # noqa: BLE001 - a new one is opened whatever became of it
            logger.warning("lane-close-failed", error=type(error).__name__)

    async def _wipe(self) -> None:
        if self._log is None:
            return
        try:
            self._log.wipe()
        except Exception as error:  # noqa: BLE001 - the damage is met again and wiped then
            logger.warning("wipe-failed", error=type(error).__name__)
            await self._pause(BACK_OFF_S)

    async def _rest(self, back_off: float, *, progress: bool) -> float:
        """Pause for longer than the last time, unless something was done; return how long."""
        back_off = BACK_OFF_S if progress else min(back_off * 2, BACK_OFF_MAX_S)
        await self._pause(back_off)
        return back_off

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._leaving.wait()
        except TimeoutError:
            return

    async def _wait_for_assignment(self) -> None:
        """Somebody else has the lane; if no assignment says whose it is, take it back."""
        self._forget()
        self._kicked.clear()
        if self._leaving.is_set():
            return
        try:
            async with asyncio.timeout(self._stage.settings.fenced_wait_s):
                await self._kicked.wait()
        except TimeoutError:
            await self._reseek()

    def _forget(self) -> None:
        self._queue.clear()
        self._missed.clear()
        self._inflight.clear()
        self._room.set()

    async def _reseek(self) -> None:
        """Have the consumer deliver again; must not raise, the next gap tries once more."""
        self._forget()
        try:
            await self._stage.reseek(self.number)
        except Exception as error:  # noqa: BLE001 - the next chunk shows the gap again
            logger.warning("reseek-failed", error=type(error).__name__)

    # -- work

    async def _pump(self, log: LaneLog) -> None:
        while (work := await self._take(log)) is not None:
            if not work.records and work.positions == log.positions:
                self._inflight.clear()  # all of it was delivered before
                continue
            effects = await self._effects(log, work.records)
            if effects is None:
                self._given_up += len(work.records)
                return
            began = time.perf_counter()
            await log.commit(effects, work.positions)
            self._committed(work.records, effects, time.perf_counter() - began)

    async def _take(self, log: LaneLog) -> _Work | None:
        """Take whole queued chunks of all sources in order of arrival; None when leaving."""
        while not (self._queue or self._leaving.is_set() or self._reopen or self._taken):
            self._news.clear()
            if self._missed:
                await self._catch_up(log)
            else:
                await self._news.wait()
        if self._taken:
            raise FencedError("somebody else wrote to the lane")
        if self._reopen:
            raise StateBrokenError("the state was dropped or the store was opened again")
        positions, records, taken = dict(log.positions), list[Record](), 0
        while self._queue and (not taken or taken + self._next_size() <= self._stage.chunk):
            tp, chunk = self._queue.popleft()
            self._inflight.append((tp, chunk))
            taken += len(chunk.records)
            records += self._fresh(tp, chunk, positions[tp.topic])
            positions[tp.topic] = max(positions[tp.topic], chunk.end)
        self._room.set()
        return None if self._leaving.is_set() else _Work(positions, records)

    async def _catch_up(self, log: LaneLog) -> None:
        """Queue what was missed while the queue was full, from the committed position on."""
        start = {tp: log.positions[tp.topic] for tp in self._missed}
        reader = await self._stage.log.reader(start)
        try:
            chunks = await reader.read(CATCH_UP_S)
        finally:
            await reader.close()
        for tp, chunk in chunks.items():
            self._queue.extend((tp, piece) for piece in pieces_of(chunk, self._stage.chunk))
            if chunk.end >= self._missed.get(tp, 0):
                self._missed.pop(tp, None)  # what is offered next begins here

    def _next_size(self) -> int:
        return len(self._queue[0][1].records)

    def _fresh(self, tp: TP, chunk: Chunk, position: int) -> list[Record]:
        """Return what is not processed yet; other stages of the topic may be further behind."""
        if chunk.begin > position:
            raise GapError(f"{tp.topic}/{tp.partition}: expected {position}, got {chunk.begin}")
        stage = self._stage.spec.name
        fresh = [
            record
            for record in chunk.records
            if record.offset >= position and meant_for(stage, record)
        ]
        self._stage.stats.dropped += len(chunk.records) - len(fresh)
        return fresh

    async def _effects(self, log: LaneLog, records: list[Record]) -> Effects | None:
        """Return what the records mean; None when the lane was left meanwhile."""
        stage, began = self._stage, time.perf_counter()
        if stage.job.handler is not None:
            effects = await self._handled(stage.job.handler(records)) if records else Effects()
            if effects is not None:
                stage.spec.check(effects)
            stage.stats.step_s += time.perf_counter() - began
            return effects
        assert stage.job.step is not None  # noqa: S101 - a Job has one of the two
        # A few passes of the event loop after each step, or a webhook, which needs several of
        # them, waits for as many steps.
        async with stage.settings.turn:
            began = time.perf_counter()
            limit = stage.settings.internal_errors_max
            effects = Bisection(stage.job.step, log, limit).run(records)
            stage.spec.check(effects)
            stage.stats.step_s += time.perf_counter() - began
            for _ in range(PASSES):
                await asyncio.sleep(0)
        return effects

    async def _handled(self, answer: Awaitable[Effects]) -> Effects | None:
        self._handling = asyncio.ensure_future(answer)
        try:
            await asyncio.wait([self._handling])
            if self._handling.cancelled() and self._leaving.is_set():
                return None
            return self._handling.result()
        finally:
            self._handling.cancel()
            self._handling = None

    def _committed(self, records: list[Record], effects: Effects, took: float) -> None:
        self._inflight.clear()
        self.commits += 1
        self.committed_s = time.monotonic()
        stats = self._stage.stats
        stats.commit_s += took
        stats.chunks += 1
        stats.records += len(records)
        stats.rejected += len(effects.rejected)


def pieces_of(chunk: Chunk, size: int) -> Iterator[Chunk]:
    """Cut a chunk so that no piece has more than `size` records; positions stay a chain."""
    begin, records = chunk.begin, chunk.records
    for at in range(size, len(records), size):
        end = records[at].offset
        yield Chunk(begin, end, records[at - size : at])
        begin = end
    yield Chunk(begin, chunk.end, records[(len(records) - 1) // size * size :])
