"""A till of one's own on Kafka: what comes at either `serve`, or as a file, counts once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from streams.cli import demo_scene
from streams.cli.demo_scene import ACCOUNTS
from tests.proof.mixed import PATIENCE_S, Mixed, mixed

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

DAY, PIECE = "2026-05-04", 20
FORM = {
    "provider": "push",
    "location_id": "counter",
    "location_name": "Counter",
    "timezone": "Europe/Berlin",
    "currency": "EUR",
}
SALES = [
    {
        "id": f"{number}",
        "occurred_at": f"{DAY}T10:{number % 60:02}:00+02:00",
        "lines": [{"name": "Pretzel", "pos_product_id": "P1", "unit_price": 100 + number}],
        "tenders": [{"method": "cash", "amount": 100 + number}],
    }
    for number in range(200)
]
MAPPING = """
[transaction]
id = "receipt"
occurred_at = "time"

[line]
name = "article"
amount = "price"
"""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_scene, "HISTORY_DAYS", 1)
    monkeypatch.setattr(demo_scene, "ORDERS_A_DAY", 2)
    monkeypatch.setattr(demo_scene, "LIVE_ORDERS", 1)


async def handed_in(fleet: Mixed, path: str, serve: int) -> set[str]:
    """Hand everything in at one `serve`, piece by piece, each until it is promised."""
    found: set[str] = set()
    for begin in range(0, len(SALES), PIECE):
        piece = SALES[begin : begin + PIECE]
        answer = await fleet.apis[serve].call("POST", f"{path}/transactions", piece)
        found |= {item["verdict"] for item in answer["items"]}
    return found


async def total_is(fleet: Mixed, account_id: str, total: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            days = [
                await api.items("/api/v1/pos/sales-days", account_id=account_id)
                for api in fleet.apis
            ]
            if [sum(day["total"] for day in one) for one in days] == [total, total]:
                return
            await asyncio.sleep(0.2)


async def test_what_is_handed_in_twice_and_while_a_worker_dies_counts_once(
    kafka: Any, tmp_path: Path
) -> None:
    async with mixed(tmp_path, kafka.address, ["square"], seed=1) as fleet:
        account = (await fleet.apis[0].call("POST", ACCOUNTS, FORM))["account_id"]
        path = f"{ACCOUNTS}/{account}"
        victim = fleet.hands.works[0]
        first = asyncio.create_task(handed_in(fleet, path, 0))
        await asyncio.to_thread(victim.kill)
        assert await first == {"accepted"}
        victim.start()
        assert await handed_in(fleet, path, 1) == {"duplicate-key"}
        total = sum(sale["tenders"][0]["amount"] for sale in SALES)
        await total_is(fleet, account, total)
        sheet, mapping = tmp_path / "may.csv", tmp_path / "till.toml"
        rows = [f"F{number},{DAY} 11:00:00,Roll,{number}.50" for number in range(1, 41)]
        await asyncio.to_thread(
            sheet.write_text, "receipt,time,article,price\n" + "\n".join(rows)
        )
        await asyncio.to_thread(mapping.write_text, MAPPING)
        words = ("import", "csv", str(sheet), "--mapping", str(mapping), "--account", account)
        for _ in range(2):
            await asyncio.to_thread(fleet.command, *words)
        await total_is(fleet, account, total + sum(100 * n + 50 for n in range(1, 41)))
        await asyncio.to_thread(victim.ready)
