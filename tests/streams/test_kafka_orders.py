"""Purchase orders on Kafka: whoever takes them in, an account's are written one by one."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from streams.cli import demo_scene
from streams.cli.demo_scene import ACCOUNTS
from tests.proof.forms import long_form
from tests.proof.mixed import PATIENCE_S, Mixed, Watched, mixed

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SEED, LINES, HARMED, AWAKE_S = 31, 40, 8, 5.0
DRAFT = {
    "reference": "PO-7",
    "vendor_id": "2",
    "ordered_at": "2026-11-02T09:00:00Z",
    "lines": [
        {"pos_product_id": "1", "quantity": str(pieces), "unit_cost": "96.5"}
        for pieces in range(1, LINES + 1)
    ],
}
BACKWARDS = {**DRAFT, "lines": DRAFT["lines"][::-1]}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_scene, "HISTORY_DAYS", 1)
    monkeypatch.setattr(demo_scene, "ORDERS_A_DAY", 4)
    monkeypatch.setattr(demo_scene, "LIVE_ORDERS", 1)


async def written(fleet: Mixed, account: str) -> dict[str, Any]:
    """Wait until the order is whole, as the API's copy has it, and return it."""
    where = f"{ACCOUNTS}/{account}/purchase-orders"
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for order in await fleet.apis[0].items(where, status="sent"):
                if order["reference"] == DRAFT["reference"]:
                    return order
            await asyncio.sleep(0.2)


async def pushed(fleet: Mixed, account: str) -> None:
    """Push the order through both `serve` at once; one of them is killed when it has it."""
    where = f"{ACCOUNTS}/{account}/purchase-orders"
    pushes = zip(fleet.apis, (DRAFT, BACKWARDS), strict=True)
    await asyncio.gather(*(api.call("POST", where, draft) for api, draft in pushes))
    await asyncio.to_thread(fleet.hands.serves[1].kill)


HARMS = [pytest.param(signal.SIGKILL, marks=long_form), signal.SIGSTOP]


@pytest.mark.parametrize("harm", HARMS)
async def test_two_pushes_at_once_write_each_line_once_though_the_worker_dies_or_freezes(
    kafka: Any, tmp_path: Path, harm: signal.Signals
) -> None:
    async with mixed(tmp_path, kafka.address, ["lightspeed-r"], seed=SEED) as fleet:
        watched = fleet.scenes[0].simulator
        assert isinstance(watched, Watched)
        keeper = fleet.keeper("lightspeed-r")[0].process
        assert keeper is not None
        lines = watched.harmed("/OrderLine.json", HARMED, lambda: keeper.send_signal(harm))
        (account,) = (it["account_id"] for it in fleet.accounts)
        await pushed(fleet, account)
        order = await written(fleet, account)
        pieces = sorted(int(line["quantity"]) for line in order["lines"])
        assert pieces == list(range(1, LINES + 1))
        if harm is signal.SIGSTOP:
            keeper.send_signal(signal.SIGCONT)
            await asyncio.sleep(AWAKE_S)
        assert lines.count == LINES
        # the second push found nothing to write, which is no reason to put it aside
        letters = await asyncio.to_thread(fleet.command, "topics", "tail", "pos.rejected")
        assert letters == []
