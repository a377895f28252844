"""A client of another's making, lightspeed-x, must take the simulator for the X-Series."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from lightspeed_x import LightspeedX

from connectors.lightspeed_x.simulator.api import CALLS
from connectors.simulation.calls import Call
from connectors.simulation.config import SimulatedShop
from connectors.simulation.simulator import Simulator
from streams.simulate import serve_simulator
from tests.connectors.simulated import NOW, finished, simulated

TOTAL = ("total_price", "total_tax")


class Open:
    """A served simulator, and the client of its first store."""

    def __init__(self, series: Simulator, url: str) -> None:
        self.series = series
        self.place: SimulatedShop = series.config.shops[0]
        self.client = LightspeedX(self.place.token, self.place.merchant_id)
        here = httpx.URL(url)

        def lead_here(request: httpx.Request) -> None:
            """Send to the simulator what the client, whose address is fixed, sends away."""
            assert request.url.host == f"{self.place.merchant_id}.vendhq.com"
            request.url = request.url.copy_with(
                scheme=here.scheme, host=here.host, port=here.port
            )

        self.client._client.event_hooks = {"request": [lead_here]}

    async def get(self, path: str, **params: object) -> dict[str, Any]:
        answer: dict[str, Any] = await asyncio.to_thread(self.client.get, path, params)
        return answer

    async def all(self, path: str, **params: object) -> list[dict[str, Any]]:
        """Return all rows: page after page, until there is an empty one."""
        found: list[dict[str, Any]] = []
        after = 0
        while rows := (page := await self.get(path, after=after, **params))["data"]:
            found += rows
            versions = [row["version"] for row in rows]
            after = max(versions)
            if path != "/inventory":
                assert page["version"] == {"min": min(versions), "max": after}
        return found


@pytest.fixture
async def store() -> AsyncIterator[Open]:
    series = finished(simulated("lightspeed-x"))
    async with serve_simulator(series, clock=lambda: NOW) as url:
        opened = Open(series, url)
        yield opened
        opened.client._client.close()


def minor(amounts: list[object]) -> int:
    """Return the sum of JSON numbers, in cents; no cent may be broken."""
    total = sum((Decimal(str(amount)) for amount in amounts), Decimal(0)) * 100
    assert total == int(total)
    return int(total)


async def test_what_it_reads_of_a_day_are_the_simulators_own_sums_to_the_cent(
    store: Open,
) -> None:
    days: dict[date, list[dict[str, Any]]] = defaultdict(list)
    for sale in await store.all("/sales"):
        if sale["status"] == "CLOSED":
            at = datetime.fromisoformat(sale["sale_date"])
            days[store.place.calendar.day_of(at)].append(sale)
    known = store.series.totals().of(store.place.location_id)
    assert days.keys() == known.keys()
    for day, sales in days.items():
        sums, lines = known[day], [line for sale in sales for line in sale["line_items"]]
        assert len(sales) == sums.transactions
        assert minor([sale["total_tax"] for sale in sales]) == sums.tax
        assert minor([sale[name] for sale in sales for name in TOTAL]) == sums.total
        assert minor([pay["amount"] for sale in sales for pay in sale["payments"]]) == sum(
            sums.tenders.values()
        )
        goods = [line for line in lines if line["gift_card_number"] is None]
        assert minor([line["discount_total"] for line in goods]) == sums.discount
        assert minor([line["price_total"] for line in goods]) == sums.net


async def test_it_follows_the_versions_to_the_end_and_meets_no_row_twice(store: Open) -> None:
    sales = await store.all("/sales", page_size=7)
    assert len(sales) > 100
    assert len(sales) == len({sale["id"] for sale in sales})
    versions = [sale["version"] for sale in sales]
    assert versions == sorted(versions)
    one = await store.get(f"/sales/{sales[0]['id']}")
    assert one["data"] == sales[0]


async def test_it_counts_the_shelf_of_each_product_as_the_simulator_does(store: Open) -> None:
    shelf = {
        one["product_id"]: Decimal(str(one["inventory_level"]))
        for one in await store.all("/inventory")
    }
    assert shelf == store.series.totals().stock[store.place.location_id]
    assert shelf.keys() <= {one["id"] for one in await store.all("/products")}


async def test_its_outlet_is_the_stores(store: Open) -> None:
    (outlet,) = await store.all("/outlets")
    assert (outlet["id"], outlet["currency"], outlet["time_zone"]) == (
        store.place.location_id,
        store.place.currency,
        store.place.timezone,
    )


async def test_it_registers_a_webhook_once(store: Open) -> None:
    wanted = {"url": "https://example.com/hook", "type": "sale.update", "active": True}
    client, now = store.client, {"api_version": "2026-07"}
    made = await asyncio.to_thread(client.post, "/webhooks", None, wanted, **now)
    assert made["data"]["type"] == "sale.update"
    with pytest.raises(httpx.HTTPStatusError) as again:
        await asyncio.to_thread(client.post, "/webhooks", None, wanted, **now)
    assert again.value.response.status_code == 409
    assert await asyncio.to_thread(client.get, "/webhooks", **now) == {"data": [made["data"]]}


async def test_a_strangers_token_is_refused(store: Open) -> None:
    store.client.personal_token = "of nobody"
    with pytest.raises(httpx.HTTPStatusError) as caught:
        await store.get("/sales")
    assert caught.value.response.status_code == 401


async def test_the_call_that_is_one_too_many_is_told_when_to_come_again(store: Open) -> None:
    call = Call(
        method="GET",
        path="/api/2.0/outlets",
        headers={"authorization": f"Bearer {store.place.token}"},
    )
    for left in reversed(range(CALLS)):
        answered = store.series.handle(call, NOW).response
        assert answered.headers["x-ratelimit-remaining"] == f"{left}"
    with pytest.raises(httpx.HTTPStatusError) as caught:
        await store.get("/outlets")
    answer = caught.value.response
    assert answer.status_code == 429
    assert parsedate_to_datetime(answer.headers["retry-after"]).astimezone(UTC) > NOW
