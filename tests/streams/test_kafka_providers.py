"""
What was built for all providers, on Kafka in processes of its own, as its users run it.

Two `serve` and two `work` on a real broker, one simulated shop at each provider, and a till of
one's own; each figure is compared with what the simulators know they sold.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from connectors.simulators import SIMULATORS
from streams.cli import demo_scene
from tests.proof.mixed import mixed

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SEED = 29


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_scene, "HISTORY_DAYS", 2)
    monkeypatch.setattr(demo_scene, "ORDERS_A_DAY", 12)
    monkeypatch.setattr(demo_scene, "LIVE_ORDERS", 15)


async def test_every_provider_comes_out_to_the_cent_though_a_worker_dies(
    kafka: Any, tmp_path: Path
) -> None:
    async with mixed(tmp_path, kafka.address, list(SIMULATORS), seed=SEED) as fleet:
        victim = fleet.hands.works[0]
        selling = asyncio.gather(*(scene.deliver() for scene in fleet.scenes))
        await asyncio.to_thread(victim.kill)
        victim.start()
        await selling
        await asyncio.to_thread(victim.ready)
        for account in fleet.accounts:
            run = await fleet.run(account["account_id"], "sync")
            assert run["status"] == "completed", run
        await fleet.equal()
        days = await asyncio.to_thread(fleet.command, "reconcile")
        assert {row["agreement"] for row in days} == {"agrees"}
        assert len(days) == len(SIMULATORS)
