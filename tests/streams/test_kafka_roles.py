"""
Two `serve` and two `work` on one broker: killed, restarted, and every row is right.

The short form runs always; TILLSTREAM_PROOF=long kills and rolls ten times, with more trade.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from connectors.square.simulator import SquareSimulator, bakeries
from schemas.codec import unpack
from schemas.sync import SyncKind, SyncRun, SyncStatus
from streams.roles import Role
from streams.simulate import serve_simulator
from streams.worker import Worker
from tests.proof.audit import Audit, assert_true
from tests.proof.crew import Crew, Member, Post, crew
from tests.proof.site import Site, settled
from tests.proof.trading import HISTORY_DAYS, a_trade
from tests.streams.shop import until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

LONG = os.environ.get("TILLSTREAM_PROOF") == "long"
ROUNDS, ORDERS, SHOPS = (10, 2_000, 8) if LONG else (1, 80, 4)
TRICKLE_S = 0.01
DEADLY = ("ended", "replica-failed", "tail_failed", "schedule_failed", "positions-lost")
"""Events of the processes' logs that must not happen, whoever is killed."""


@asynccontextmanager
async def trading(folder: Path, broker: str) -> AsyncIterator[tuple[Crew, SquareSimulator]]:
    """Run a crew whose shops are connected and whose history is being imported."""
    with crew(folder, broker) as hands:
        usual = a_trade(hands.site, live_orders=ORDERS)
        simulator = SquareSimulator(replace(usual.config, shops=bakeries(SHOPS)))
        async with serve_simulator(simulator) as url:
            hands.site.square_url = url
            await asyncio.to_thread(hands.start)
            products = [msgspec.to_builtins(it) for it in simulator.own_products()]
            await asyncio.to_thread(
                hands.site.set_up, simulator.config, products, HISTORY_DAYS + 2
            )
            yield hands, simulator


@asynccontextmanager
async def auditor(site: Site) -> AsyncIterator[Worker]:
    """Look at everything through a replica of our own."""
    settings = site.settings().model_copy(update={"data_dir": site.folder / "auditor"})
    worker = Worker(settings, fatal=pytest.fail, role=Role.SERVE)
    await worker.start(serve=False)
    try:
        await settled(worker)
        yield worker
    finally:
        await worker.stop()


async def restarted(member: Member, post: Post, further: int) -> None:
    """Kill a process, go on without it for a while, and have it back."""
    await asyncio.to_thread(member.kill)
    taken = post.accepted
    await until(lambda: post.accepted >= taken + further, 60)
    await asyncio.to_thread(member.up)


async def rolled(*members: Member) -> None:
    """Restart them as an update does, one after the other."""
    for member in members:
        await asyncio.to_thread(member.terminate)
        await asyncio.to_thread(member.up)


@pytest.mark.chaos
async def test_two_of_each_lose_and_double_nothing_through_kills_and_a_rolling_restart(
    kafka, tmp_path
):
    async with trading(tmp_path, kafka.address) as (hands, simulator):
        post = Post([member.url for member in hands.serves])
        delivering = asyncio.create_task(post.deliver(simulator, TRICKLE_S))
        for _ in range(ROUNDS):
            await until(lambda: post.accepted >= 10, 60)
            await restarted(hands.works[0], post, 10)
            await restarted(hands.serves[1], post, 10)
            await rolled(*(hands.members if LONG else hands.works[1:]))
        await delivering
        with hands.site.client() as api:
            await asyncio.to_thread(hands.site.import_history, api, HISTORY_DAYS + 2)
        async with auditor(hands.site) as worker:
            audit = Audit(worker)
            assert await audit.letters() == []
            rows = await audit.views(await audit.transactions())
            assert_true(simulator.totals(), rows, hands.site.accounts)
            assert await audit.sync_counts() >= 2 * SHOPS
            assert_each_is_polled_once(worker)
        for name in ("pos_accounts_total", "pos_unmapped_products_total"):
            seen = [member.metric(name) for member in hands.works]
            assert all(seen), f"{name}: one has no lanes"
            assert sum(seen) == (
                SHOPS if name == "pos_accounts_total" else len(rows["unmapped"])
            )
        words = hands.words()
        assert not [word for word in DEADLY if f'"{word}"' in words]


def assert_each_is_polled_once(worker: Worker) -> None:
    """One regular run an account: a second process would have begun another one."""
    views, lanes = worker.runtime.views, range(worker.settings.lanes)
    rows = [row for lane in lanes for _, row in views.scan("normalise.syncs", lane, b"")]
    runs = [unpack(SyncRun, row) for row in rows]
    assert {run.status for run in runs} == {SyncStatus.COMPLETED}
    regular = Counter(run.account_id for run in runs if run.kind is SyncKind.SCHEDULED)
    assert sorted(regular.values()) == [1] * SHOPS
