"""
A fleet of processes on Kafka under one fault after the other, judged by the whole audit.

The short form of it is in `tests/streams/test_kafka_roles.py`; these take minutes each:
`make chaos`, or TILLSTREAM_PROOF=long. TILLSTREAM_PROOF_KILLS and _ORDERS make them smaller.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import shutil
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import msgspec
import pytest
from msgspec.structs import replace

from connectors.square.simulator import SquareSimulator, bakeries
from streams.roles import Role
from streams.simulate import serve_simulator
from streams.worker import Worker
from tests.proof.audit import Audit, assert_true
from tests.proof.crew import Crew, Member, Post, crew
from tests.proof.site import API, PATIENCE_S, settled
from tests.proof.trading import HISTORY_DAYS, a_trade
from tests.services.kafka import Cluster, UnavailableError

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.chaos,
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("TILLSTREAM_PROOF") != "long", reason="long form: make chaos"
    ),
]

KILLS = int(os.environ.get("TILLSTREAM_PROOF_KILLS", "200"))
ORDERS = int(os.environ.get("TILLSTREAM_PROOF_ORDERS", "2000"))
"""Of today's trade, each shop; an order is about two and a half webhooks and its fetches."""
SEED = int(os.environ.get("TILLSTREAM_PROOF_SEED", "23"))
SHOPS, LANES, WORKS, SERVES = 12, 12, 3, 2
SESSION_S, SILENCE_S = 4, 20
TRICKLE_S = 0.004
ROOM = 32_000
"""Bytes a file may have while the disk is full."""
CLOCKS = {"+50m": 5 / 6, "-3h": -3, "+3h": 3, "-2d": -48}
"""Brokers refuse what is more than an hour ahead: such a process waits, and loses nothing."""
FAKE_CLOCK = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


class Fleet:
    """The processes, the broker, the shops and what is delivered, while a fault goes on."""

    def __init__(self, hands: Crew, cluster: Cluster, square: SquareSimulator) -> None:
        self.hands, self.cluster, self.square = hands, cluster, square
        self.post = Post([member.url for member in hands.serves])
        self.chance = random.Random(SEED)
        self.figures: dict[str, object] = {}
        self.delivering: asyncio.Task[None] | None = None

    @property
    def sells(self) -> bool:
        """Say whether there is still something to deliver."""
        return self.delivering is not None and not self.delivering.done()

    async def taken(self, further: int) -> None:
        """Wait until so many more webhooks were accepted, or there are no more."""
        goal, deadline = self.post.accepted + further, time.monotonic() + 120
        while self.sells and self.post.accepted < goal:
            assert time.monotonic() < deadline, "nothing is accepted any more"
            await asyncio.sleep(0.02)


Fault = Callable[[Fleet], Awaitable[None]]


async def kills(fleet: Fleet) -> None:
    """Kill a random process again and again; the next one before all lanes are back."""
    done = during_start = 0
    while done < KILLS:
        member = fleet.chance.choice(fleet.hands.members)
        await asyncio.sleep(fleet.chance.uniform(0.0, 1.0))
        await asyncio.to_thread(member.kill)
        member.start()
        done += 1
        if fleet.chance.random() < 0.2:
            await asyncio.sleep(fleet.chance.uniform(0.1, 1.5))
            await asyncio.to_thread(member.kill)
            member.start()
            done, during_start = done + 1, during_start + 1
        await asyncio.to_thread(member.ready)
    fleet.figures |= {"kills": done, "during_start": during_start, "sold_out": not fleet.sells}


async def rolling(fleet: Fleet) -> None:
    """Restart all, one after the other, three times; nothing is lost to a stop."""
    stops = []
    for _ in range(3):
        for member in fleet.hands.members:
            stops.append(await asyncio.to_thread(member.terminate))
            await asyncio.to_thread(member.up)
            await fleet.taken(50)
    fleet.figures["stop_s_max"] = round(max(stops), 2)


async def frozen(fleet: Fleet) -> None:
    """Freeze each worker past its session: it is fenced, and comes back by itself."""
    for member in fleet.hands.works:
        assert member.process is not None
        member.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(3 * SESSION_S)
        member.process.send_signal(signal.SIGCONT)
        await fleet.taken(100)
        await asyncio.to_thread(member.ready)


async def broker_away(fleet: Fleet) -> None:
    """Take the only broker away: webhooks get a 503 at once, and are taken afterwards."""
    (broker,) = fleet.cluster.brokers
    broker.kill()
    gone = time.monotonic()
    while any([await asyncio.to_thread(is_ready, it) for it in fleet.hands.serves]):
        assert time.monotonic() - gone < SILENCE_S, "nobody notices that the broker is gone"
        await asyncio.sleep(0.1)
    noticed, taken = time.monotonic(), fleet.post.accepted
    await asyncio.sleep(float(os.environ.get("TILLSTREAM_PROOF_OUTAGE_S", "600")))
    assert fleet.post.accepted == taken, "something was promised that nobody keeps"
    broker.start()
    await asyncio.to_thread(broker.wait)
    back = time.monotonic()
    await fleet.taken(20)
    fleet.figures |= {
        "noticed_after_s": round(noticed - gone, 1),
        "taken_again_after_s": round(time.monotonic() - back, 1),
    }


def is_ready(member: Member) -> bool:
    """Say whether a process takes requests."""
    return httpx.get(f"{member.url}/readyz", timeout=15).status_code == 200


async def comings_and_goings(fleet: Fleet) -> None:
    """Let a worker leave and come again and again: every time lanes move."""
    for _ in range(20):
        member = fleet.chance.choice(fleet.hands.works)
        await asyncio.to_thread(member.terminate)
        await fleet.taken(100)
        await asyncio.to_thread(member.up)
        await fleet.taken(100)


async def folders_lost(fleet: Fleet) -> None:
    """Delete or damage the local state of every process while it is down."""
    for number, member in enumerate(fleet.hands.members):
        await asyncio.to_thread(member.kill)
        if number % 2:
            shutil.rmtree(member.folder)
        else:
            for file in list(member.folder.rglob("*.sst"))[::2]:
                file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        await asyncio.to_thread(member.up)
        await fleet.taken(50)


async def disk_full(fleet: Fleet) -> None:
    """Let the files of a process not grow any more: it waits for room and goes on by itself."""
    for member in (fleet.hands.works[0], fleet.hands.serves[0]):
        os.truncate(member.words_file, 0)  # what it says is on the same disk
        with no_room_for(member):
            began = time.monotonic()
            while "StateFullError" not in member.words_file.read_text():
                assert time.monotonic() - began < PATIENCE_S, "the disk does not fill"
                await asyncio.sleep(0.1)
            await fleet.taken(100)
        freed = time.monotonic()
        await asyncio.to_thread(member.ready)
        fleet.figures[f"{member.name}_ready_s"] = round(time.monotonic() - freed, 1)
        await fleet.taken(50)


@contextmanager
def no_room_for(member: Member) -> Iterator[None]:
    """Bound the size of every file that a running process writes."""
    assert member.process is not None
    limit, pid = resource.RLIMIT_FSIZE, member.process.pid
    before = resource.prlimit(pid, limit, (ROOM, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(pid, limit, before)


async def clocks_jump(fleet: Fleet) -> None:
    """Set the clocks of processes forward and back, each to another time than the others'."""
    if FAKE_CLOCK is None:
        pytest.skip("needs libfaketime: apt-get install libfaketime")
    for member in fleet.hands.members:
        clock_of(member).write_text("+0")
        member.further = {
            "LD_PRELOAD": str(FAKE_CLOCK),
            "FAKETIME_TIMESTAMP_FILE": str(clock_of(member)),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        await asyncio.to_thread(member.terminate)
        await asyncio.to_thread(member.up)
    for jump, hours in CLOCKS.items():
        for member in (fleet.hands.works[0], fleet.hands.serves[0]):
            clock_of(member).write_text(jump)
            began = time.monotonic()
            while abs(await asyncio.to_thread(hours_ahead, member) - hours) > 0.1:
                assert time.monotonic() - began < PATIENCE_S, "the clock does not move"
                await asyncio.sleep(0.2)
        await fleet.taken(50)
        await asyncio.sleep(SESSION_S)
    for member in fleet.hands.members:
        clock_of(member).write_text("+0")


def clock_of(member: Member) -> Path:
    """Return the file that says how far the clock of a process is off."""
    return member.folder.with_suffix(".clock")


def hours_ahead(member: Member) -> float:
    """Say how far the clock of a process is ahead of ours."""
    told = parsedate_to_datetime(httpx.get(f"{member.url}/livez", timeout=15).headers["date"])
    return (told - datetime.now(UTC)).total_seconds() / 3600


async def one_of_three_brokers(fleet: Fleet) -> None:
    """Kill one broker after the other, each for a while; two copies of everything are left."""
    for broker in fleet.cluster.brokers:
        broker.kill()
        await fleet.taken(200)
        broker.start()
        await asyncio.to_thread(broker.wait)
        await fleet.taken(100)


FAULTS: tuple[Fault, ...] = (
    kills,
    rolling,
    frozen,
    broker_away,
    one_of_three_brokers,
    comings_and_goings,
    folders_lost,
    disk_full,
    clocks_jump,
)


@contextmanager
def a_broker(folder: Path, size: int) -> Iterator[Cluster]:
    try:
        cluster = Cluster(folder, size)
    except UnavailableError as error:
        pytest.skip(f"no Kafka: {error}")
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()


@asynccontextmanager
async def trading(folder: Path, brokers: int) -> AsyncIterator[Fleet]:
    """Run a fleet whose shops are connected and whose history is being imported."""
    with (
        a_broker(folder / "broker", brokers) as cluster,
        crew(folder, cluster.address, lanes=LANES, serves=SERVES, works=WORKS) as hands,
    ):
        usual = a_trade(hands.site, live_orders=ORDERS, seed=SEED)
        square = SquareSimulator(replace(usual.config, shops=bakeries(SHOPS)))
        async with serve_simulator(square) as url:
            hands.site.square_url = url
            await asyncio.to_thread(hands.start)
            products = [msgspec.to_builtins(it) for it in square.own_products()]
            await asyncio.to_thread(
                hands.site.set_up, square.config, products, HISTORY_DAYS + 2
            )
            yield Fleet(hands, cluster, square)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_no_fault_loses_or_doubles_a_cent(fault: Fault, tmp_path: Path) -> None:
    began = time.monotonic()
    brokers = 3 if fault is one_of_three_brokers else 1
    async with trading(tmp_path, brokers) as fleet:
        post, hands = fleet.post, fleet.hands
        fleet.delivering = asyncio.create_task(post.deliver(fleet.square, TRICKLE_S))
        await fleet.taken(20)
        await fault(fleet)
        await fleet.delivering
        for member in hands.members:
            await asyncio.to_thread(member.ready)
        with hands.site.client() as api:
            await asyncio.to_thread(ask_for_everything, fleet, api)
        audited = await audit(fleet)
    told = {
        "fault": fault.__name__,
        "webhooks": post.accepted,
        "seconds": round(time.monotonic() - began),
        **fleet.figures,
        **audited,
    }
    report = Path("build") / "chaos.jsonl"
    report.parent.mkdir(exist_ok=True)
    with report.open("a") as file:
        file.write(json.dumps(told) + "\n")


def ask_for_everything(fleet: Fleet, api: httpx.Client) -> None:
    """Have the whole history imported once more: what no webhook told comes now."""
    for account in fleet.hands.site.accounts.values():
        url = f"{API}/accounts/{account}/sync/historical"
        api.post(url, json={"days": HISTORY_DAYS + 2}).raise_for_status()


async def audit(fleet: Fleet) -> dict[str, object]:
    """Look at everything through a copy of our own, and compare it with what was sold."""
    site = fleet.hands.site
    settings = site.settings().model_copy(update={"data_dir": site.folder / "auditor"})
    worker = Worker(settings, fatal=pytest.fail, role=Role.SERVE)
    await worker.start(serve=False)
    try:
        await settled(worker)
        found = Audit(worker)
        assert await found.letters() == []
        transactions = await found.transactions()
        rows = await found.views(transactions)
        figures = assert_true(fleet.square.totals(), rows, site.accounts)
        runs = await found.sync_counts()
        ends = worker.runtime.views.ends().items()
        raw = sum(end for tp, end in ends if tp.topic == "pos.raw")
    finally:
        await worker.stop()
    return {
        "raw_events": raw,
        "transactions": len(transactions),
        "rows": sum(len(table) for table in rows.values()),
        "figures_equal": figures,
        "sync_runs": runs,
    }
