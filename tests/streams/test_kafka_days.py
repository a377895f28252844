"""
Days that differ, commands of other services and interrupted imports, on Kafka.

Two `serve` and two `work` on a real broker, and a simulated shop at Square that can deny what
it sold.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from schemas.codec import encode
from schemas.sync import Command, CommandKind
from streams.cli import demo_scene
from streams.cli.demo_scene import ACCOUNTS
from tests.proof.forms import long_form
from tests.proof.mixed import PATIENCE_S, Mixed, Watched, mixed

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SEED = 31


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_scene, "HISTORY_DAYS", 16)
    monkeypatch.setattr(demo_scene, "ORDERS_A_DAY", 4)
    monkeypatch.setattr(demo_scene, "LIVE_ORDERS", 4)


async def shown(fleet: Mixed, name: str, provider: str) -> int:
    """Return a metric, summed over the workers: one of them has the account."""
    return sum([await asyncio.to_thread(it.metric, name, provider) for it in fleet.hands.works])


async def until(fleet: Mixed, name: str, value: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await shown(fleet, name, "square") != value:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.2)


async def told(fleet: Mixed, topic: str) -> list[dict[str, Any]]:
    lines = await asyncio.to_thread(fleet.command, "topics", "tail", topic)
    return [one["value"] for one in lines if one["value"]]


async def commanded(fleet: Mixed, broker: str, account: dict, kind: CommandKind) -> dict:
    """Put a command into the log, as another service does, and wait for its answer."""
    now = datetime.now(UTC)
    command = Command(
        command_id=str(uuid4()),
        tenant_id="shops",
        account_id=account["account_id"],
        kind=kind,
        requested_by="accounting",
        requested_at=now,
        since=None if kind is CommandKind.DAILY else now - timedelta(days=2),
        until=None if kind is CommandKind.DAILY else now,
    )
    producer = Producer({"bootstrap.servers": broker, "partitioner": "murmur2_random"})
    producer.produce("pos.commands", key=command.account_id, value=encode(command))
    await asyncio.to_thread(producer.flush)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for answer in await told(fleet, "pos.sync-completed"):
                if answer["command_id"] == command.command_id:
                    return answer
            await asyncio.sleep(0.2)


async def test_a_day_that_differs_is_told_once_with_whoever_has_the_lane_until_it_agrees(
    kafka: Any, tmp_path: Path
) -> None:
    async with mixed(tmp_path, kafka.address, ["square"], seed=SEED) as fleet:
        square, (account,) = fleet.scenes[0].simulator, fleet.accounts
        assert isinstance(square, Watched)
        day = str((datetime.now(UTC) - timedelta(days=3)).date())
        asked = ("reconcile", "--day", day)
        (row,) = await asyncio.to_thread(fleet.command, *asked)
        assert row["agreement"] == "agrees"
        sold = await fleet.apis[1].items("/api/v1/pos/transactions", **{"from": day, "to": day})
        square.denied = sold[0]["provider_ids"]["order"]
        for _ in range(2):
            (row,) = await asyncio.to_thread(fleet.command, *asked, status=1)
            assert row["agreement"] == "differs"
            assert [it["state"] for it in row["transactions"]] == ["missing_there"]
        await until(fleet, "pos_reconciliation_difference_days", 1)
        keeper, _ = fleet.keeper("square")
        await asyncio.to_thread(keeper.kill)
        await asyncio.to_thread(keeper.up)
        await until(fleet, "pos_reconciliation_difference_days", 1)
        square.denied = ""
        for kind in (CommandKind.RESYNC_RANGE, CommandKind.DAILY):
            answer = await commanded(fleet, kafka.address, account, kind)
            assert (answer["status"], answer["transactions_failed"]) == ("completed", 0)
        (row,) = await asyncio.to_thread(fleet.command, *asked)
        assert row["agreement"] == "agrees"
        await until(fleet, "pos_reconciliation_difference_days", 0)
        types = [error["error_type"] for error in await told(fleet, "pos.errors")]
        assert types == ["reconciliation_difference", "reconciliation_settled"]
        await fleet.equal()


@long_form
async def test_an_import_goes_on_at_its_slice_when_its_worker_dies_and_both_serves_show_it(
    kafka: Any, tmp_path: Path
) -> None:
    async with mixed(tmp_path, kafka.address, ["square"], seed=SEED) as fleet:
        square, (account,) = fleet.scenes[0].simulator, fleet.accounts
        assert isinstance(square, Watched)
        path = f"{ACCOUNTS}/{account['account_id']}"
        square.slow_s = 0.1
        asked = await fleet.apis[0].call("POST", f"{path}/sync/historical", {"days": 40})
        seen, killed = list[str](), False
        async with asyncio.timeout(PATIENCE_S):
            while True:
                runs = await fleet.apis[len(seen) % 2].items(f"{path}/syncs")
                (run,) = [one for one in runs if one["sync_id"] == asked["sync_id"]] or [{}]
                if run.get("status") == "completed":
                    break
                seen.append(run.get("done_until") or "")
                if seen[-1] > min(filter(None, seen), default="~") and not killed:
                    keeper, _ = fleet.keeper("square")
                    await asyncio.to_thread(keeper.kill)
                    keeper.start()
                    killed, square.slow_s = True, 0.0
                await asyncio.sleep(0.05)
        assert killed
        assert seen == sorted(seen)
        assert run["error"] is None
        await fleet.equal()
