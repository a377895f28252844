"""Our pipeline on Kafka by one or more worker processes, watched from outside."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import uvloop

from benchmarks.corpus import BODIES_PER_SHOP, LANES, Till
from benchmarks.process import broker_of, cpu_s, peak_mb
from benchmarks.throughput import load, runtime_of
from schemas import topics
from streams.kafka.log import KafkaLog
from streams.log import TP
from streams.stages import normalise, project
from tests.services import kafka

LOOK_S = 0.05
PATIENCE_S = 3_600.0
IDLE_S = 5.0


class Pipeline(msgspec.Struct, kw_only=True):
    """
    So many raw events through normalise and project.

    Args:
        cpu_us: processor time of all workers for an event, from the first commit to the last.
        broker_us: the broker's; None where it is not a process of ours.
        peak_mb: the largest resident memory of a worker.
        idle_ms: processor time of all workers in a second without events.
    """

    events: int
    lanes: int
    workers: int
    per_s: int
    cpu_us: float
    broker_us: float | None
    peak_mb: int
    idle_ms: float


def measure(
    count: int, *, lanes: int = LANES, workers: int = 1, of_each: int = BODIES_PER_SHOP
) -> Pipeline:
    """
    Measure on a broker of its own.

    Args:
        of_each: events of one shop; many lanes are busy only with many shops.
    """
    with tempfile.TemporaryDirectory(prefix="tillstream-bench-") as name:
        folder, till = Path(name), Till(lanes=lanes)
        with kafka.serving(folder) as address:
            log = f"kafka://{address}"
            uvloop.run(load(folder / "load", till, count, log=log, of_each=of_each))
            crew = _Crew(log, folder, till, workers)
            return uvloop.run(crew.measure(count))


class _Spent(NamedTuple):
    """Clocks at one moment, and the raw events committed until then."""

    wall_s: float
    workers_s: float
    broker_s: float | None
    events: int


class _Crew:
    """Some workers, and the look from outside at how far they are."""

    def __init__(self, log: str, folder: Path, till: Till, workers: int) -> None:
        self._log, self._folder, self._till, self._workers = log, folder, till, workers
        self._broker = broker_of(folder)
        self._pids: list[int] = []

    async def measure(self, count: int) -> Pipeline:
        """Have all events processed."""
        runtime = runtime_of(self._folder / "look", self._till, working=False, log=self._log)
        await runtime.start()
        try:
            assert isinstance(runtime.log, KafkaLog)
            async with self._working():
                began, ended = await self._processed(runtime.log, count)
                idle_ms = await self._idle()
                peak = max(peak_mb(pid) for pid in self._pids)
        finally:
            await runtime.stop()
        events = ended.events - began.events
        broker = (
            None
            if began.broker_s is None or ended.broker_s is None
            else round((ended.broker_s - began.broker_s) / events * 1e6, 1)
        )
        return Pipeline(
            events=count,
            lanes=self._till.lanes,
            workers=self._workers,
            per_s=round(events / (ended.wall_s - began.wall_s)),
            cpu_us=round((ended.workers_s - began.workers_s) / events * 1e6, 1),
            broker_us=broker,
            peak_mb=peak,
            idle_ms=round(idle_ms, 1),
        )

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-W", "ignore", "-m", "benchmarks.kafka_worker",
                self._log, str(self._folder / f"worker-{number}"), str(self._till.lanes),
                env=os.environ | {"BENCHMARK_KEYS": self._till.keys},
            )
            for number in range(self._workers)
        ]  # fmt: skip
        self._pids = [process.pid for process in processes]
        try:
            yield
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                await process.wait()

    async def _processed(self, log: KafkaLog, count: int) -> tuple[_Spent, _Spent]:
        began: _Spent | None = None
        async with asyncio.timeout(PATIENCE_S):
            while True:
                now = await self._spent(log)
                began = began or (now if now.events else None)
                if began and now.events == count and await self._is_through(log):
                    return began, now
                await asyncio.sleep(LOOK_S)

    async def _spent(self, log: KafkaLog) -> _Spent:
        lanes = [TP(topics.RAW, lane) for lane in range(self._till.lanes)]
        done = await log.offsets.fetch(log.group(normalise.SPEC.name), lanes)
        return _Spent(
            wall_s=time.monotonic(),
            workers_s=sum(map(cpu_s, self._pids)),
            broker_s=None if self._broker is None else cpu_s(self._broker),
            events=sum(offset or 0 for offset in done.values()),
        )

    async def _is_through(self, log: KafkaLog) -> bool:
        lanes = [TP(topics.TRANSACTIONS, lane) for lane in range(self._till.lanes)]
        done = await log.offsets.fetch(log.group(project.SPEC.name), lanes)
        bounds = await log.bounds(lanes)
        # The marker of a transaction may follow the last record.
        return all((done[tp] or 0) >= end - 1 for tp, (_, end) in bounds.items())

    async def _idle(self) -> float:
        """Return milliseconds of processor that all workers take in a second of rest."""
        before = sum(map(cpu_s, self._pids))
        await asyncio.sleep(IDLE_S)
        return (sum(map(cpu_s, self._pids)) - before) / IDLE_S * 1e3
