"""`tillstream orders` over HTTP, a whole worker and a simulated R-Series behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from connectors.contract import Response
from connectors.lightspeed_r.simulator import LightspeedRSimulator
from connectors.lightspeed_r.simulator.places import CLIENT_ID, CLIENT_SECRET
from connectors.simulation.calls import Answer, Call
from schemas.sealing import generate_master_key
from streams.cli.main import app
from streams.http.app import create_api
from streams.settings import load
from streams.simulate import serve_simulator
from streams.worker import Worker
from tests.connectors.simulated import simulated
from tests.http.harness import ADMIN_KEY, API, House, house

PATIENCE_S = 30
DRAFT = {
    "reference": "PO-7",
    "vendor_id": "2",
    "ordered_at": "2026-11-02T09:00:00Z",
    "custom_fields": {"7": "Till 1"},
    "lines": [
        {"pos_product_id": "1", "quantity": "24", "unit_cost": "96.5"},
        {"pos_product_id": "3", "quantity": "6", "unit_cost": "136"},
        {"pos_product_id": "5", "quantity": "12", "unit_cost": "40"},
    ],
}


class Failing:
    """A simulated R-Series of which one answer to a write is lost, though it was done."""

    def __init__(self, lost: int) -> None:
        series = simulated("lightspeed-r", days=8, orders_per_day=3, live_orders=0)
        assert isinstance(series, LightspeedRSimulator)
        self._series, self._lost = series, lost
        self.config = series.config
        self.writes: list[str] = []
        self.failed = asyncio.Event()

    def handle(self, call: Call, now: datetime) -> Answer:
        answer = self._series.handle(call, now)
        if call.method == "GET" or "/oauth/" in call.path:
            return answer
        self.writes.append(call.path.rpartition("/")[2])
        if len(self.writes) == self._lost:
            self.failed.set()
            return Answer(response=Response(status=503, body=b""))
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._series, name)


@asynccontextmanager
async def desk(
    folder: Path, series: Any
) -> AsyncIterator[tuple[House, httpx.AsyncClient, str]]:
    """Run a worker beside a simulator; give a tenant's client and its account."""
    async with serve_simulator(series) as url:
        settings = load(
            log=f"embedded://{folder}/log?sync=0&upkeep_s=3600",
            data_dir=folder,
            lanes=2,
            port=0,
            keys=f"k1:{generate_master_key()}",
            admin_key=ADMIN_KEY,
            lightspeed_r={
                "base_url": f"{url}/API/V3/Account/{{merchant}}",
                "token_url": url,
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
            },
        )
        worker = Worker(settings, fatal=[].append)
        await worker.start(serve=False)
        try:
            shop = House(worker, create_api(worker._services()))
            await worker._serve()
            tenant, place = await shop.tenant("larder"), series.config.shops[0]
            form = {
                "provider": "lightspeed-r",
                "merchant": place.merchant_id,
                "location_id": place.location_id,
                "currency": place.currency,
                "access_token": place.token,
            }
            made = await tenant.post(f"{API}/accounts", json=form)
            assert made.status_code == 201, made.text
            yield shop, tenant, made.json()["account_id"]
        finally:
            await worker.stop()


async def run(shop: House, tenant: httpx.AsyncClient, *arguments: str) -> str:
    key = tenant.headers["authorization"].removeprefix("Bearer ")
    where = ("--api-key", key, "--url", shop.worker.url)
    result = await asyncio.to_thread(CliRunner().invoke, app, ["orders", *arguments, *where])
    assert result.exit_code == 0, result.output
    return result.output


async def listed(shop: House, tenant: httpx.AsyncClient, account: str) -> dict[str, Any]:
    """Return the orders of an account by their references."""
    return {row["reference"]: row for row in await rows(shop, tenant, account)}


async def rows(
    shop: House, tenant: httpx.AsyncClient, account: str, *arguments: str
) -> list[dict[str, Any]]:
    text = await run(shop, tenant, "ls", account, "--json", *arguments)
    # the server of the same process writes its log there, too
    return [json.loads(line) for line in text.splitlines() if line.startswith('{"tenant_id"')]


async def until_sent(
    shop: House, tenant: httpx.AsyncClient, account: str, reference: str = "PO-7"
) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = (await listed(shop, tenant, account)).get(reference)
            if found is not None and found["status"] == "sent":
                return found
            await asyncio.sleep(0.1)


def pieces(order: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted((line["pos_product_id"], line["quantity"]) for line in order["lines"])


@pytest.fixture
def draft(tmp_path: Path) -> str:
    path = tmp_path / "order.json"
    path.write_text(json.dumps(DRAFT))
    return str(path)


async def test_an_order_that_is_pushed_is_listed_as_the_pos_has_it(
    tmp_path: Path, draft: str
) -> None:
    series = Failing(lost=0)
    async with desk(tmp_path, series) as (shop, tenant, account):
        await run(shop, tenant, "push", account, draft)
        order = await until_sent(shop, tenant, account)
        assert pieces(order) == [("1", "24"), ("3", "6"), ("5", "12")]
        assert order["lines"][0]["unit_cost"] == "96.5"
        shown = await run(shop, tenant, "show", account, order["order_id"])
        assert "sent" in shown
        assert "Till 1" in shown
        assert (await until_sent(shop, tenant, account, "W000"))["vendor_name"] == "Ridge Mill"
        assert len(await rows(shop, tenant, account, "--status", "sent")) == 2
        assert await rows(shop, tenant, account, "--status", "closed") == []
        await run(shop, tenant, "push", account, draft)
        await shop.settle()
        assert series.writes == [
            "Order.json",
            *["OrderLine.json"] * 3,
            f"{order['order_id']}.json",
        ]


async def test_an_answer_that_is_lost_between_two_lines_doubles_none(
    tmp_path: Path, draft: str
) -> None:
    series = Failing(lost=3)
    async with desk(tmp_path, series) as (shop, tenant, account):
        await run(shop, tenant, "push", account, draft)
        async with asyncio.timeout(PATIENCE_S):
            await series.failed.wait()
        await shop.settle()
        assert len(series.writes) == 3, "a write is sent once"
        await run(shop, tenant, "push", account, draft)
        order = await until_sent(shop, tenant, account)
        assert pieces(order) == [("1", "24"), ("3", "6"), ("5", "12")]


@pytest.mark.parametrize(
    "change",
    [
        {"reference": ""},
        {"lines": []},
        {"lines": [{"pos_product_id": "1", "quantity": "0", "unit_cost": "1"}]},
        {"lines": [{"pos_product_id": "1", "quantity": "NaN", "unit_cost": "1"}]},
        {"colour": "blue"},
    ],
)
async def test_what_is_no_order_is_refused_with_the_reason(
    tmp_path: Path, change: dict[str, object]
) -> None:
    series = Failing(lost=0)
    async with desk(tmp_path, series) as (_, tenant, account):
        where = f"{API}/accounts/{account}/purchase-orders"
        answer = await tenant.post(where, json=DRAFT | change)
    assert answer.status_code == 422
    assert answer.json()["detail"]


async def test_a_provider_that_takes_no_orders_says_so(tmp_path: Path) -> None:
    async with house(tmp_path) as shop:
        tenant = await shop.tenant("bakery")
        account = (await shop.connected(tenant))["account_id"]
        where = f"{API}/accounts/{account}/purchase-orders"
        assert (await tenant.post(where, json=DRAFT)).status_code == 409
        assert (await tenant.get(where)).json()["items"] == []
