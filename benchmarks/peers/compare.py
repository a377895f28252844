"""Both engines over one broker, one process each, one after the other; rows are checked."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import msgspec
import uvloop

from benchmarks.peers import job
from benchmarks.peers.ours import topics_of
from benchmarks.process import cpu_s
from benchmarks.webhooks import Percentiles, percentiles
from streams.kafka.log import KafkaLog
from streams.log import TP, Out, lane_of
from streams.runtime import Runtime
from tests.services import kafka

ENVIRONMENT = Path("build/peer-venv")
QUIX = "quixstreams==3.28.1"
RATE, WARM_UP_S = 200, 3
LOOK_S = 0.05
PATIENCE_S = 600.0
AT_ONCE = 1000


class Engine(NamedTuple):
    """
    One way to do the job.

    Args:
        arguments: of the process, behind address, folder and name of the run.
        groups: whose committed positions say how far the two stages are.
    """

    name: str
    python: str
    module: str
    prefix: str
    arguments: tuple[str, ...]
    groups: tuple[str, str]

    def command(self, address: str, folder: Path, name: str) -> list[str]:
        """Return the command line of its process."""
        given = (f"{self.prefix}{address}", str(folder), name)
        return [self.python, "-W", "ignore", "-m", self.module, *given, *self.arguments]


def engines() -> list[Engine]:
    """Return ours and its peer, exactly once and at least once."""
    ours = Engine(
        "tillstream, exactly once", sys.executable, "benchmarks.peers.ours", "kafka://", (),
        (".normalise", ".project"),
    )  # fmt: skip
    quix = [
        Engine(
            f"quix streams, {guarantee.replace('-', ' ')}",
            str(ENVIRONMENT / "bin" / "python"), "benchmarks.peers.quix", "", (guarantee,),
            ("", ""),
        )
        for guarantee in ("exactly-once", "at-least-once")
    ]  # fmt: skip
    return [ours, *quix]


class Peer(msgspec.Struct, kw_only=True):
    """
    What one engine did.

    Args:
        per_s: raw events a second, from the first one processed until all is committed.
        cpu_us: of its process for each raw event, start and end included.
        latency: from a raw event to its row, read with read_committed, at `RATE` a second.
    """

    engine: str
    runs_per_s: list[int]
    per_s: int
    cpu_us: int
    latency: Percentiles


def environment() -> None:
    """Make the peer's environment, unless it is there: its pins are not ours."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True)
    install = [str(python), "-m", "pip", "install", "-q", QUIX]
    subprocess.run(install, check=True)  # noqa: S603 - our own command


def measure(count: int, rounds: int, seconds: int) -> list[Peer]:
    """Measure all engines, interleaved."""
    environment()
    with tempfile.TemporaryDirectory(prefix="tillstream-peers-") as name:
        folder = Path(name)
        with kafka.serving(folder) as address:
            return uvloop.run(_measure(address, folder, count, rounds, seconds))


async def _measure(
    address: str, folder: Path, count: int, rounds: int, seconds: int
) -> list[Peer]:
    events = list(job.orders(count))
    expected = job.oracle(events)
    runs: dict[str, list[tuple[float, float]]] = {}
    for number in range(rounds):
        for at, engine in enumerate(engines()):
            bench = _Bench(address, folder, engine, f"speed-{number}-{at}")
            runs.setdefault(engine.name, []).append(await bench.speed(events, expected))
    peers = []
    for at, engine in enumerate(engines()):
        bench = _Bench(address, folder, engine, f"latency-{at}")
        took, cpu = zip(*runs[engine.name], strict=True)
        peers.append(
            Peer(
                engine=engine.name,
                runs_per_s=[round(count / one) for one in took],
                per_s=round(count / median(took)),
                cpu_us=round(median(cpu) / count * 1e6),
                latency=await bench.latency(seconds),
            )
        )
    return peers


class _Bench:
    """One run of one engine, with topics of its own."""

    def __init__(self, address: str, folder: Path, engine: Engine, name: str) -> None:
        self._address, self._engine, self._name = address, engine, name
        self._folder = folder / name
        self._raw, self._changes, self._rows = (
            [TP(f"{name}.{topic}", lane) for lane in range(job.LANES)]
            for topic in (job.RAW, job.CHANGES, job.ROWS)
        )

    async def speed(
        self, events: Sequence[job.Json], expected: tuple[Mapping[str, job.Row], int]
    ) -> tuple[float, float]:
        """Have all events processed; return seconds of wall and processor."""
        async with self._log() as log:
            for at in range(0, len(events), AT_ONCE):
                await self._append(log, events[at : at + AT_ONCE])
            async with self._process() as process:
                await self._finished(log, process)
                took, cpu = time.time() - await process.first, process.cpu()
            await self._check(log, expected)
        return took, cpu

    async def latency(self, seconds: int) -> Percentiles:
        """Send events at a steady rate and see when their rows are there."""
        events = list(job.orders((seconds + WARM_UP_S) * RATE, own_product=True))
        async with self._log() as log:
            await self._append(log, [{**events[0], "order_id": "first"}])
            async with self._process() as process:
                await self._finished(log, process)
                due: dict[str, float] = {}
                seen = asyncio.create_task(self._watch(log, due, len(events)))
                begin = time.perf_counter() + 0.1
                async with asyncio.TaskGroup() as group:
                    for number, event in enumerate(events):
                        at = begin + number / RATE
                        await asyncio.sleep(max(0.0, at - time.perf_counter()))
                        due[event["items"][0]["product"]] = at
                        group.create_task(self._append(log, [event]))
                took = await seen
        return percentiles(took[WARM_UP_S * RATE :], seconds * RATE)

    async def _watch(self, log: KafkaLog, due: dict[str, float], count: int) -> list[float]:
        reader = await log.reader(
            {tp: end for tp, (_, end) in (await log.bounds(self._rows)).items()}
        )
        took: list[float] = []
        try:
            while len(took) < count:
                chunks = await reader.read(1.0)
                now = time.perf_counter()
                for chunk in chunks.values():
                    for record in chunk.records:
                        product = (record.key or b"").rpartition(b"|")[2].decode()
                        if product in due:
                            took.append(now - due.pop(product))
        finally:
            await reader.close()
        return took

    # -- the log

    @asynccontextmanager
    async def _log(self) -> AsyncIterator[KafkaLog]:
        def fatal(error: BaseException) -> None:
            raise error

        runtime = Runtime(
            f"kafka://{self._address}",
            app_id=f"{self._name}-driver",
            datadir=self._folder / "driver",
            jobs=(),
            topics=topics_of(self._name),
            fatal=fatal,
        )
        await runtime.start()
        try:
            assert isinstance(runtime.log, KafkaLog)
            yield runtime.log
        finally:
            await runtime.stop()

    async def _append(self, log: KafkaLog, events: Sequence[job.Json]) -> None:
        outs = [
            Out(key, msgspec.json.encode(event), (), lane_of(key, job.LANES))
            for event in events
            for key in (event["account"].encode(),)
        ]
        await log.append(self._raw[0].topic, outs)

    async def _finished(self, log: KafkaLog, process: _Process) -> None:
        """Wait until both stages have committed all there is."""
        deadline = time.monotonic() + PATIENCE_S
        for group, source in zip(self._engine.groups, (self._raw, self._changes), strict=True):
            while not await self._is_through(log, f"{self._name}{group}", source):
                if not process.is_running() or time.monotonic() > deadline:
                    raise RuntimeError(f"{self._engine.name} ended or hangs: see its errors")
                await asyncio.sleep(LOOK_S)

    async def _is_through(self, log: KafkaLog, group: str, source: list[TP]) -> bool:
        done = await log.offsets.fetch(group, source)
        bounds = await log.bounds(source)
        # The marker of a transaction may follow the last record.
        return all((done[tp] or 0) >= end - 1 for tp, (_, end) in bounds.items())

    async def _check(self, log: KafkaLog, expected: tuple[Mapping[str, job.Row], int]) -> None:
        """Compare what came out with the oracle."""
        rows: dict[str, job.Row] = {}
        async for record in self._records(log, self._rows):
            rows[record.key.decode()] = msgspec.json.decode(record.value)
        changes = [record async for record in self._records(log, self._changes)]
        found = (rows, len(changes))
        assert found == expected, f"{self._engine.name}: not the rows of the oracle"

    async def _records(self, log: KafkaLog, tps: Sequence[TP]) -> AsyncIterator[Any]:
        bounds = await log.bounds(tps)
        reader = await log.reader({tp: begin for tp, (begin, _) in bounds.items()})
        try:
            while any(reader.positions[tp] < end for tp, (_, end) in bounds.items()):
                for chunk in (await reader.read(1.0)).values():
                    for record in chunk.records:
                        yield record
        finally:
            await reader.close()

    @asynccontextmanager
    async def _process(self) -> AsyncIterator[_Process]:
        folder = self._folder / "worker"
        folder.mkdir(parents=True)
        process = await asyncio.create_subprocess_exec(
            *self._engine.command(self._address, folder, self._name),
            stdout=asyncio.subprocess.PIPE,
        )
        running = _Process(process)
        try:
            yield running
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


class _Process:
    """An engine at work."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.first: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.startswith(b"first ") and not self.first.done():
                self.first.set_result(float(line.split()[1]))

    def is_running(self) -> bool:
        """Say whether it has not ended."""
        return self._process.returncode is None

    def cpu(self) -> float:
        """Return the seconds that all its threads have had of the processor."""
        return cpu_s(self._process.pid)
