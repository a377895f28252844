"""Faults that are done to a fleet on Kafka while shops sell; `test_fleet` is the judge."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from statistics import median

import httpx
import msgspec
import pytest

from connectors.square.simulator import SquareSimulator
from streams.cli.console import MISUSED
from tests.proof.costs import Asked, Mark
from tests.proof.crew import Crew, Member, Post
from tests.proof.pauses import pauses
from tests.proof.site import PATIENCE_S
from tests.services.kafka import Cluster
from tests.services.registry import SchemaRegistry

KILLS = int(os.environ.get("TILLSTREAM_PROOF_KILLS", "200"))
ROUNDS = int(os.environ.get("TILLSTREAM_PROOF_ROUNDS", "3"))
"""How often each process is restarted, or frozen."""
MOVE_S = float(os.environ.get("TILLSTREAM_PROOF_MOVE_S", "30"))
OUTAGE_S = float(os.environ.get("TILLSTREAM_PROOF_OUTAGE_S", "600"))
SESSION_S, SILENCE_S = 4, 20
MOVES, REFUSALS = 20, 3
STOP_S, THAW_S, SET_S = 12.0, 10.0, 10.0
KILL_S, JUMP_S, QUICKLY_S = 4.0, 30.0, 40.0
ROOM = 32_000
"""Bytes a file may have while the disk is full."""
CLOCKS = {"+50m": 5 / 6, "-3h": -3, "+3h": 3, "-2d": -48}
"""Brokers refuse what is more than an hour ahead: such a process waits, and loses nothing."""
FAKE_CLOCK = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


class Fleet:
    """The processes, the broker, the shops and what is delivered, while a fault goes on."""

    def __init__(
        self,
        hands: Crew,
        cluster: Cluster,
        square: Asked,
        registry: SchemaRegistry | None,
        seed: int,
    ) -> None:
        self.hands, self.cluster, self.square = hands, cluster, square
        self.registry = registry
        self.post = Post([member.url for member in hands.serves])
        self.chance = random.Random(seed)
        self.figures: dict[str, object] = {}
        self.marks: list[Mark] = []
        self.delivering: asyncio.Task[None] | None = None

    async def sell(self, over_s: float = QUICKLY_S) -> None:
        """Have the webhooks delivered, evenly over so many seconds."""
        same = SquareSimulator(self.square.config)
        count = await asyncio.to_thread(lambda: sum(1 for _ in same.deliveries()))
        self.delivering = asyncio.create_task(self.post.deliver(self.square, over_s / count))
        await self.taken(20)

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

    def mark(self, what: str) -> None:
        """Remember that something is done now."""
        self.marks.append(Mark(round(time.time() * 1000), what))


Fault = Callable[[Fleet], Awaitable[None]]


async def kills(fleet: Fleet) -> None:
    """Kill a random process again and again; the next one before all lanes are back."""
    await fleet.sell(over_s=KILLS * KILL_S)
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
    """Restart all, one after the other, again and again; nothing is lost to a stop."""
    await fleet.sell(over_s=ROUNDS * len(fleet.hands.members) * STOP_S)
    stops, starts = [], []
    for _ in range(ROUNDS):
        for member in fleet.hands.members:
            fleet.mark(member.role)
            stops.append(await asyncio.to_thread(member.terminate))
            starts.append(await asyncio.to_thread(member.up))
            await fleet.taken(100)
    told = pauses(member.words_file for member in fleet.hands.works)
    fleet.figures |= {
        "restarts": len(stops),
        "stop_s_p50": round(median(stops), 2),
        "stop_s_max": round(max(stops), 2),
        "start_s_p50": round(median(starts), 2),
    }
    fleet.figures |= {"sold_out": not fleet.sells, **msgspec.structs.asdict(told)}


async def frozen(fleet: Fleet) -> None:
    """Freeze each process past its session: it is fenced, and comes back by itself."""
    members, back = fleet.hands.members, []
    await fleet.sell(over_s=ROUNDS * len(members) * (3 * SESSION_S + THAW_S))
    for _ in range(ROUNDS):
        for member in members:
            assert member.process is not None
            fleet.mark(member.role)
            opened = member.opened()
            member.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(3 * SESSION_S)
            member.process.send_signal(signal.SIGCONT)
            back.append(await asyncio.to_thread(is_back, member, opened))
            await fleet.taken(100)
    fleet.figures |= {
        "freezes": len(back),
        "back_s_p50": round(median(back), 2),
        "back_s_max": round(max(back), 2),
        "lanes_fenced": fleet.hands.words().count('"error": "FencedError"'),
        "sold_out": not fleet.sells,
    }


def is_back(member: Member, opened: int) -> float:
    """Wait until a process is ready and, a worker, has opened lanes; return the seconds."""
    began = time.monotonic()
    member.ready()
    while member.role == "work" and member.opened() == opened:
        assert time.monotonic() - began < PATIENCE_S, f"{member.name} gets no lanes"
        time.sleep(0.1)
    return time.monotonic() - began


async def broker_away(fleet: Fleet) -> None:
    """Take the only broker away: webhooks get a 503 at once, and are taken afterwards."""
    await fleet.sell()
    (broker,) = fleet.cluster.brokers
    broker.kill()
    gone = time.monotonic()
    while any([await asyncio.to_thread(is_ready, it) for it in fleet.hands.serves]):
        assert time.monotonic() - gone < SILENCE_S, "nobody notices that the broker is gone"
        await asyncio.sleep(0.1)
    noticed, taken = time.monotonic(), fleet.post.accepted
    await asyncio.sleep(OUTAGE_S)
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
    """Let a worker leave, and come again half a minute later: every time lanes move."""
    await fleet.sell(over_s=(MOVES + 1) * MOVE_S)
    began, away, taken = time.monotonic(), list[Member](), list[int]()
    for move in range(1, MOVES + 1):
        before = fleet.post.accepted
        if away:
            fleet.mark("coming")
            await asyncio.to_thread(away[0].up)
        else:
            away.append(fleet.chance.choice(fleet.hands.works))
            fleet.mark("going")
            await asyncio.to_thread(away[0].terminate)
        await asyncio.sleep(max(0.0, began + move * MOVE_S - time.monotonic()))
        if move % 2 == 0:
            assert await asyncio.to_thread(away.pop().lanes), "no lane has come"
        taken.append(fleet.post.accepted - before)
    told = pauses(member.words_file for member in fleet.hands.works)
    fleet.figures |= {"rebalances": MOVES, "every_s": MOVE_S, "sold_out": not fleet.sells}
    fleet.figures |= {"webhooks_between": [min(taken), max(taken)]}
    fleet.figures |= msgspec.structs.asdict(told)


async def folders_lost(fleet: Fleet) -> None:
    """Delete or damage the local state of every process while it is down."""
    await fleet.sell()
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
    await fleet.sell()
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
    await fleet.sell(over_s=len(CLOCKS) * (JUMP_S + SET_S))
    jumping = (fleet.hands.works[0], fleet.hands.serves[0])
    for jump, hours in CLOCKS.items():
        for member in jumping:
            clock_of(member).write_text(jump)
            began = time.monotonic()
            while abs(await asyncio.to_thread(hours_ahead, member) - hours) > 0.1:
                assert time.monotonic() - began < PATIENCE_S, "the clock does not move"
                await asyncio.sleep(0.2)
        before = fleet.post.by.copy()
        await asyncio.sleep(JUMP_S)
        taken = fleet.post.by - before
        assert taken, f"nothing is accepted at {jump}"
        fleet.figures[f"webhooks_at_{jump}"] = taken.total()
        fleet.figures[f"webhooks_at_{jump}_by_the_one_that_jumped"] = taken[jumping[1].url]
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
    await fleet.sell()
    for broker in fleet.cluster.brokers:
        broker.kill()
        await fleet.taken(200)
        broker.start()
        await asyncio.to_thread(broker.wait)
        await fleet.taken(100)


async def registry_gone(fleet: Fleet) -> None:
    """
    Kill the registry, and restart every process without it: the ids are known.

    One that knows none, its disk being new, says what is missing and ends; whatever starts it
    again has it back once the registry is there.
    """
    registry, members = fleet.registry, fleet.hands.members
    assert registry is not None
    await fleet.sell(over_s=(len(members) + REFUSALS) * STOP_S)
    registry.kill()
    gone = time.monotonic()
    for number, member in enumerate(members):
        await asyncio.to_thread(member.terminate if number % 2 else member.kill)
        await asyncio.to_thread(member.up)
        assert "registry-away" in member.words_file.read_text()
        await fleet.taken(100)
    cold = fleet.hands.works[0]
    await asyncio.to_thread(cold.kill)
    shutil.rmtree(cold.folder)
    for _ in range(REFUSALS):
        await asyncio.to_thread(refused, cold)
        await fleet.taken(100)
    fleet.figures |= {
        "restarts_without_it": len(members),
        "refused": REFUSALS,
        "away_s": round(time.monotonic() - gone),
        "sold_out": not fleet.sells,
    }
    await asyncio.to_thread(registry.start)
    fleet.figures["cold_start_s"] = round(await asyncio.to_thread(cold.up), 1)


def refused(member: Member) -> None:
    """Start a process that must end by itself, saying that there is no registry."""
    os.truncate(member.words_file, 0)
    member.start()
    assert member.process is not None
    assert member.process.wait(PATIENCE_S) == MISUSED, member.words()
    assert "no registry answers at" in member.words()


FAULTS: tuple[Fault, ...] = (
    kills,
    rolling,
    frozen,
    broker_away,
    one_of_three_brokers,
    registry_gone,
    comings_and_goings,
    folders_lost,
    disk_full,
    clocks_jump,
)
