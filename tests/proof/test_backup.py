"""A backup taken under load is a log of its own: consistent, and what came later is resent."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from connectors.square.simulator import SquareSimulator
from streams.embedded.backup import restore
from streams.embedded.log import EmbeddedLog
from streams.simulate import deliver, serve_simulator
from streams.worker import Worker
from tests.proof.audit import Audit, assert_true
from tests.proof.site import Site, running, settled
from tests.proof.trading import FAST, a_trade, connected, polled


async def backed_up_under_load(
    worker: Worker, simulator: SquareSimulator, folder: Path
) -> tuple[int, int]:
    """Back up while webhooks come in; return the raw events then, and at the end."""
    log = worker.runtime.log
    assert isinstance(log, EmbeddedLog)
    delivering = asyncio.create_task(deliver(simulator, paced=False))
    begun = raw_events(worker)
    for _ in range(10_000):
        if raw_events(worker) >= begun + 60:
            break
        await asyncio.sleep(0.005)
    assert any(worker.runtime.views.lag().values()), "there is no load"
    log.backup(folder)
    then = raw_events(worker)
    assert not delivering.done()
    await delivering
    await settled(worker)
    return then, raw_events(worker)


def raw_events(worker: Worker) -> int:
    ends = worker.runtime.views.ends()
    return sum(end for tp, end in ends.items() if tp.topic == "pos.raw")


@pytest.mark.slow
async def test_a_backup_under_load_is_restored_and_goes_on(tmp_path: Path) -> None:
    site = Site(tmp_path, log=FAST)
    simulator = a_trade(site, live_orders=80)
    config, backup = simulator.config, tmp_path / "backup"
    async with serve_simulator(simulator) as url:
        site.square_url = url
        async with running(site, serve=True) as worker:
            await connected(site, simulator)
            await settled(worker)
            then, end = await backed_up_under_load(worker, simulator, backup)
        assert then < end
        site.log = f"embedded://{tmp_path}/restored{FAST}"
        restore(backup, tmp_path / "restored")
        async with running(site, polling=False) as worker:
            await settled_locally(worker)
            assert then <= raw_events(worker) < end
            await Audit(worker).whole()
        async with running(site, serve=True) as worker:
            await settled(worker)
            done = await deliver(SquareSimulator(config), paced=False)
            assert done.lost == 0
            await settled(worker)
            await polled(site, worker)
            audit = Audit(worker)
            assert await audit.letters() == []
            assert_true(simulator.totals(), await audit.whole(), site.accounts)


async def settled_locally(worker: Worker) -> None:
    """Wait for the stages that compute; fetches wait for a worker that calls out."""
    await worker.runtime.views.settle(range(worker.settings.lanes), 60)
