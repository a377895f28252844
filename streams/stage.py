"""A stage: one job, its lanes, and what they have done so far. Knows no particular log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from streams.lane import Lane
from streams.log import TP, AsyncHandler, Chunk, EventLog, StageSpec, Step


@dataclass(frozen=True, slots=True)
class Job:
    """
    What a stage does: `step` is pure, `handler` talks to the world outside; one of the two.

    Args:
        chunk: records a lane takes at a time; None leaves it to the log.
    """

    spec: StageSpec
    step: Step | None = None
    handler: AsyncHandler | None = None
    chunk: int | None = None

    def __post_init__(self) -> None:
        if (self.step is None) == (self.handler is None):
            raise ValueError(f"stage {self.spec.name} needs either a step or a handler")


@dataclass(slots=True)
class StageStats:
    """Counters and seconds since the process began, for metrics; all only grow."""

    chunks: int = 0
    records: int = 0
    dropped: int = 0
    rejected: int = 0
    failures: int = 0
    folded: int = 0
    step_s: float = 0.0
    commit_s: float = 0.0
    open_s: float = 0.0


@dataclass(frozen=True, slots=True)
class StageSettings:
    """
    What stages of one process share.

    Args:
        turn: one step at a time in a process, and a pass of the event loop between two.
        seek: has the consumer deliver a partition again from an offset on.
        fatal: ends the process; called when the log is damaged.
        chunk: records a lane takes at a time.
        queue: chunks a lane holds beside the one it works on.
        internal_errors_max: records of one chunk that may make a step raise.
        fenced_wait_s: how long a lane that somebody took waits for an assignment.
        stop_s: how long lanes may take to finish their commits.
    """

    turn: asyncio.Lock
    seek: Callable[[TP, int], Awaitable[None]]
    fatal: Callable[[BaseException], None]
    chunk: int = 2000
    queue: int = 2
    internal_errors_max: int = 50
    fenced_wait_s: float = 12.0
    stop_s: float = 1.0


class Stage:
    """
    Lanes of one job.

    Args:
        shared: sources that other stages of the process read too.
    """

    def __init__(
        self,
        job: Job,
        log: EventLog,
        settings: StageSettings,
        shared: frozenset[str] = frozenset(),
    ) -> None:
        self.job = job
        self.shared = shared
        self.spec: StageSpec = job.spec
        self.log = log
        self.settings = settings
        self.chunk = job.chunk or settings.chunk
        self.lanes: dict[int, Lane] = {}
        self.stats = StageStats()

    def assigned(self, tps: Iterable[tuple[str, int]]) -> None:
        """
        Open and leave lanes as the assignment says; call with all partitions of the process.

        Lanes that stay are kept open: had somebody else one in between, its next commit is
        fenced and it opens again by itself.
        """
        wanted = {partition for topic, partition in tps if topic in self.spec.sources}
        for number in set(self.lanes) - wanted:
            self.lanes.pop(number).leave()
        for number in sorted(wanted):
            if number in self.lanes:
                self.lanes[number].kick()
            else:
                self.lanes[number] = Lane(self, number)

    async def offer(self, tp: TP, chunk: Chunk) -> None:
        """Hand a chunk to its lane; one of a lane that was left is read by its next owner."""
        if lane := self.lanes.get(tp[1]):
            await lane.offer(TP(*tp), chunk)

    async def reseek(self, lane: int) -> None:
        """Have all sources of a lane delivered again from the committed positions on."""
        sources = [TP(topic, lane) for topic in self.spec.sources]
        for tp, offset in (await self.log.committed(self.spec.name, sources)).items():
            await self.settings.seek(tp, offset)

    def refresh(self) -> None:
        """Have every lane open again: the state was dropped."""
        for lane in self.lanes.values():
            lane.refresh()

    @property
    def committed_s(self) -> float:
        """Monotonic time of the last commit of any lane; of its opening where none was."""
        return max((lane.committed_s for lane in self.lanes.values()), default=0.0)

    async def opened(self) -> None:
        """Return when every lane has been opened or has failed to open once."""
        for lane in list(self.lanes.values()):
            await lane.tried.wait()

    async def stop(self) -> None:
        """Leave all lanes; whatever takes too long is cancelled, which the log survives."""
        tasks = [lane.task for lane in self.lanes.values()]
        for lane in self.lanes.values():
            lane.leave()
        self.lanes.clear()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self.settings.stop_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=self.settings.stop_s / 2)
