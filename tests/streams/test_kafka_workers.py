"""Workers as processes: they share lanes, hand over, die, freeze, and lose their broker."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest

from streams.log import TP, LogUnavailableError, Out
from streams.runtime import Runtime
from tests.services.kafka import Cluster, UnavailableError
from tests.streams.conftest import Kafka
from tests.streams.kafka_worker import LANES, WORKER_TOPICS
from tests.streams.shop import Deaths, everything, expected_totals, sale, until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
LONG = pytest.mark.skipif(
    os.environ.get("TILLSTREAM_CHAOS") != "long", reason="long form: TILLSTREAM_CHAOS=long"
)
SOURCES = {"till": ("raw", "prices"), "sums": ("sales",)}


class Crew:
    """Worker processes of one application, by name."""

    def __init__(self, kafka: Kafka, folder: Path, query: str = "") -> None:
        self._kafka, self._folder, self._query = kafka, folder, query
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        url = self._kafka.url(self._query, worker=name)
        command = [sys.executable, "-W", "ignore", "-m", "tests.streams.kafka_worker"]
        with (folder / "worker.log").open("ab") as out:
            self.processes[name] = subprocess.Popen(  # noqa: S603 - our own worker
                [*command, url, str(folder), self._kafka.app_id],
                cwd=ROOT,
                stdout=out,
                stderr=out,
            )

    def signal(self, name: str, number: int) -> None:
        self.processes[name].send_signal(number)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def leave(self, name: str) -> float:
        """Have a worker end itself; returns the seconds it took."""
        process, began = self.processes.pop(name), time.monotonic()
        process.terminate()
        assert process.wait(10) == 0, self.log(name)[-3000:]
        return time.monotonic() - began

    def log(self, name: str) -> str:
        return (self._folder / name / "worker.log").read_text()

    def status(self, name: str) -> dict:
        path = self._folder / name / "status.json"
        return json.loads(path.read_text()) if path.exists() else {"lanes": {}, "stats": {}}

    def lanes(self, name: str) -> list[int]:
        return self.status(name)["lanes"].get("till", [])

    def is_at_work(self, name: str) -> bool:
        """Say whether the process of now has processed something."""
        status = self.status(name)
        alive = status.get("pid") == self.processes[name].pid
        return alive and self.records("sums", name) > 0

    def records(self, stage: str, *names: str) -> int:
        return sum(self.status(name)["stats"][stage]["records"] for name in names)


@contextmanager
def crew(kafka: Kafka, folder: Path, query: str = "") -> Iterator[Crew]:
    workers = Crew(kafka, folder, query)
    try:
        yield workers
    finally:
        for process in workers.processes.values():
            process.kill()
            process.wait()


@asynccontextmanager
async def till(kafka: Kafka, folder: Path) -> AsyncIterator[Runtime]:
    """Open the log without stages: who appends and who checks."""
    outside = Runtime(
        kafka.url(worker="outside"),
        app_id=kafka.app_id,
        datadir=folder / "outside",
        jobs=(),
        topics=WORKER_TOPICS,
        fatal=Deaths(),
    )
    await outside.start()
    try:
        yield outside
    finally:
        await outside.stop()


def events(count: int) -> list[Out]:
    """Return sales with every third one twice, and poison now and then."""
    outs = []
    for number in range(count):
        outs.append(sale(number))
        if number % 3 == 0:
            outs.append(sale(number // 2))
        if number % 500 == 250:
            outs.append(Out(b"account-1", b"poison"))
    return outs


async def trade(outside: Runtime, count: int, seconds: float) -> int:
    """Append events over some seconds; returns how many."""
    outs = events(count)
    began = time.monotonic()
    for at in range(0, len(outs), 50):
        await outside.log.append("raw", outs[at : at + 50])
        due = began + seconds * at / len(outs)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    return len(outs)


async def behind(outside: Runtime) -> bool:
    """Say whether any stage has records left to process."""
    for stage, topics in SOURCES.items():
        tps = [TP(topic, lane) for topic in topics for lane in range(LANES)]
        bounds = await outside.log.bounds(tps)
        committed = await outside.log.committed(stage, tps)
        # One marker of a transaction may follow what is committed.
        if any(committed[tp] < end - 1 for tp, (_, end) in bounds.items()):
            return True
    return False


async def finished(outside: Runtime, timeout_s: float) -> None:
    """Wait until all that was appended is processed by both stages."""
    async with asyncio.timeout(timeout_s):
        while await behind(outside):  # noqa: ASYNC110 - the broker has no event for it
            await asyncio.sleep(0.1)


async def assert_exact(outside: Runtime, count: int, *, poison: bool = True) -> None:
    """Compare with the oracle: each sale once, each total right, each poison put aside once."""
    sales = [json.loads(r.value)["id"] for r in await everything(outside.log, "sales", LANES)]
    assert sorted(sales) == sorted(f"s{number}" for number in range(count))
    totals = {r.key: r.value for r in await everything(outside.log, "totals", LANES)}
    assert totals == expected_totals(range(count))
    if poison:  # else it was not known how much of it was taken
        assert len(await everything(outside.log, "rejected", LANES)) == count // 500


async def test_two_workers_share_the_lanes_and_one_takes_all_when_the_other_leaves(
    kafka, tmp_path
):
    async with till(kafka, tmp_path) as outside:
        with crew(kafka, tmp_path) as workers:
            workers.start("a")
            await until(lambda: len(workers.lanes("a")) == LANES, 20)
            workers.start("b")
            await until(lambda: len(workers.lanes("b")) == LANES / 2, 20)
            await until(lambda: len(workers.lanes("a")) == LANES / 2, 20)
            assert sorted(workers.lanes("a") + workers.lanes("b")) == list(range(LANES))
            trading = asyncio.create_task(trade(outside, 6000, 4))
            await asyncio.sleep(1.5)
            assert workers.leave("a") < 4
            began = time.monotonic()
            await until(lambda: len(workers.lanes("b")) == LANES, 20)
            assert time.monotonic() - began < 3
            total = await trading
            await finished(outside, 20)
            workers.leave("b")
            assert workers.records("till", "a", "b") == total, "work was done twice"
        await assert_exact(outside, 6000)


@pytest.mark.chaos
async def test_kills_at_random_moments_lose_and_double_nothing(kafka, tmp_path):
    moments, count = random.Random(11), 14_000
    async with till(kafka, tmp_path) as outside:
        # Small chunks, so that there is always a commit under way.
        with crew(kafka, tmp_path, "static=1&chunk=10") as workers:
            await trade(outside, count, 0)
            for name in "ab":
                workers.start(name)
            for _ in range(6):
                name = moments.choice("ab")
                await until(lambda name=name: workers.is_at_work(name), 20)
                await asyncio.sleep(moments.uniform(0, 0.3))
                assert await behind(outside), "the work was over before all kills"
                workers.kill(name)
                workers.start(name)
            await finished(outside, 60)
            assert "fatal" not in workers.log("a") + workers.log("b")
        await assert_exact(outside, count)


@pytest.mark.chaos
async def test_a_worker_that_froze_is_fenced_and_comes_back_by_itself(kafka, tmp_path):
    async with till(kafka, tmp_path) as outside:
        with crew(kafka, tmp_path) as workers:
            for name in "ab":
                workers.start(name)
            await until(lambda: workers.lanes("a") and workers.lanes("b"), 20)
            trading = asyncio.create_task(trade(outside, 8000, 9))
            await asyncio.sleep(1)
            workers.signal("a", signal.SIGSTOP)
            await until(lambda: len(workers.lanes("b")) == LANES, 20)
            await asyncio.sleep(1)
            workers.signal("a", signal.SIGCONT)
            await until(lambda: len(workers.lanes("b")) == LANES / 2, 20)
            await trading
            await finished(outside, 20)
            assert len(workers.lanes("a")) == LANES / 2
        await assert_exact(outside, 8000)


@contextmanager
def brokers_of_our_own(folder: Path, size: int = 1) -> Iterator[tuple[Cluster, Kafka]]:
    try:
        cluster = Cluster(folder, size)
        cluster.start()
    except UnavailableError as error:
        pytest.skip(f"no broker of our own: {error}")
    try:
        kafka = Kafka(cluster.address)
        yield cluster, kafka
        kafka.admin.close()
    finally:
        cluster.stop()


@pytest.mark.chaos
@pytest.mark.parametrize("seconds", [2, pytest.param(40, marks=LONG)])
async def test_a_broker_that_dies_and_comes_back_loses_and_doubles_nothing(tmp_path, seconds):
    with brokers_of_our_own(tmp_path) as (cluster, kafka):
        async with till(kafka, tmp_path) as outside:
            with crew(kafka, tmp_path) as workers:
                for name in "ab":
                    workers.start(name)
                await until(lambda: workers.lanes("a") and workers.lanes("b"), 30)
                trading = asyncio.create_task(trade(outside, 6000, 4))
                await asyncio.sleep(2)
                (broker,) = cluster.brokers
                broker.kill()
                await asyncio.sleep(seconds)
                broker.start()
                await asyncio.to_thread(broker.wait)
                with suppress(LogUnavailableError):
                    await trading
                await until(lambda: outside.log.silent_s < 2, 30)
                # Senders send again what was not acknowledged; duplicates count once.
                await outside.log.append("raw", [sale(number) for number in range(6000)])
                await finished(outside, 60)
            await assert_exact(outside, 6000, poison=seconds <= 2)


@LONG
@pytest.mark.chaos
async def test_one_of_three_brokers_may_die_for_ever(tmp_path):
    with brokers_of_our_own(tmp_path, 3) as (cluster, kafka):
        async with till(kafka, tmp_path) as outside:
            with crew(kafka, tmp_path) as workers:
                for name in "ab":
                    workers.start(name)
                await until(lambda: workers.lanes("a") and workers.lanes("b"), 40)
                trading = asyncio.create_task(trade(outside, 6000, 6))
                await asyncio.sleep(2)
                cluster.brokers[0].kill()
                await trading
                await finished(outside, 60)
            await assert_exact(outside, 6000)
