"""
What was built for all providers, on Kafka in processes of its own, as its users run it.

Two `serve` and two `work` on a real broker, one simulated shop at each provider, and a till of
one's own; each figure is compared with what the simulators know they sold.
"""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.lightspeed_x.simulator import LightspeedXSimulator
from connectors.simulators import SIMULATORS
from streams.cli import demo_scene
from streams.cli.demo_scene import ACCOUNTS
from tests.proof.forms import long_form
from tests.proof.mixed import PATIENCE_S, Mixed, Watched, mixed

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


async def test_a_circuit_stays_open_with_whoever_takes_the_lane_and_is_told_once(
    kafka: Any, tmp_path: Path
) -> None:
    fewer = {"TILLSTREAM_CIRCUIT_FAILURES": "2", "TILLSTREAM_SYNC_RETRIES": "0"}
    async with mixed(tmp_path, kafka.address, ["square"], seed=SEED, **fewer) as fleet:
        square = fleet.scenes[0].simulator
        assert isinstance(square, Watched)
        (account,) = (it["account_id"] for it in fleet.accounts)
        square.down = True
        for _ in range(2):
            assert (await fleet.run(account, "sync"))["status"] == "failed"
        keeper, other = fleet.keeper("square")
        assert keeper.metric("pos_open_circuits", "square") == 1
        await asyncio.to_thread(keeper.kill)
        assert (await fleet.run(account, "sync"))["status"] == "failed"
        assert other.metric("pos_open_circuits", "square") == 1
        square.down = False
        assert (await fleet.run(account, "sync"))["status"] == "completed"
        assert other.metric("pos_open_circuits", "square") == 0
        told = await asyncio.to_thread(fleet.command, "topics", "tail", "pos.errors")
        types = [one["value"]["error_type"] for one in told]
        assert types[1:] == ["circuit_open", "recovered"]


@long_form
async def test_a_worker_that_froze_with_new_tokens_brings_the_account_back_when_it_wakes(
    kafka: Any, tmp_path: Path
) -> None:
    async with mixed(tmp_path, kafka.address, ["lightspeed-x"], seed=SEED) as fleet:
        account, simulator = await renewing(fleet)
        keeper = fleet.keeper("lightspeed-x")[0].process
        assert keeper is not None
        simulator.harmed("/token", 1, lambda: keeper.send_signal(signal.SIGSTOP))
        simulator.inner.book.expire_all(datetime.now(UTC))
        run = await fleet.run(account, "sync")
        assert run["status"] == "failed", "the other worker has the pair of before only"
        told = await asyncio.to_thread(fleet.command, "topics", "tail", "pos.errors")
        assert told[-1]["value"]["action_required"], "a person hears of it meanwhile"
        keeper.send_signal(signal.SIGCONT)
        async with asyncio.timeout(PATIENCE_S):
            while (await standing(fleet, account))["health"] == "revoked":  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        assert (await fleet.run(account, "sync"))["status"] == "completed"
        assert [status for _, status in simulator.token_calls] == [200, 400]


async def standing(fleet: Mixed, account: str) -> dict[str, Any]:
    found: dict[str, Any] = await fleet.apis[0].call("GET", f"{ACCOUNTS}/{account}/sync")
    return found


async def renewing(fleet: Mixed) -> tuple[str, Watched]:
    """Give the account a refresh token; return it and its provider."""
    (scene,) = fleet.scenes
    shop, simulator = scene.simulator.config.shops[0], scene.simulator
    assert isinstance(simulator, Watched)
    assert isinstance(simulator.inner, LightspeedXSimulator)
    (account,) = fleet.accounts
    form = {
        "provider": "lightspeed-x",
        "location_id": shop.location_id,
        "merchant": shop.merchant_id,
        "access_token": shop.token,
        "refresh_token": f"refresh-{shop.token}",
    }
    await fleet.apis[1].call("POST", ACCOUNTS, form)
    return account["account_id"], simulator


async def test_whoever_takes_a_lane_over_renews_with_the_refresh_token_that_came_last(
    kafka: Any, tmp_path: Path
) -> None:
    async with mixed(tmp_path, kafka.address, ["lightspeed-x"], seed=SEED) as fleet:
        account, simulator = await renewing(fleet)
        for takes_over in (False, True):
            simulator.inner.book.expire_all(datetime.now(UTC))
            ended = await fleet.run(account, "sync")
            assert ended["status"] == "completed", ended["error"]
            if not takes_over:
                keeper, _ = fleet.keeper("lightspeed-x")
                await asyncio.to_thread(keeper.kill)
        assert [status for _, status in simulator.token_calls] == [200, 200]
        assert len({body for body, _ in simulator.token_calls}) == 2
