"""A client of another's making, lightspeed-api, must take the simulator for the R-Series."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import ceil
from types import SimpleNamespace
from typing import Any

import lightspeed_api.lightspeed_api as theirs
import pytest
from lightspeed_api import Lightspeed

from connectors.lightspeed_r.simulator import CLIENT_ID, CLIENT_SECRET, shops
from connectors.simulation.config import Faults, SimulatedShop
from connectors.simulation.simulator import Simulator
from streams.simulate import serve_simulator
from tests.connectors.simulated import NOW, finished, simulated

ONE_SHOP = shops(1)
"""Three registers: the client reads how fast the bucket drips as a whole number."""

RELATIONS = '["SaleLines","SalePayments","SalePayments.PaymentType"]'


class Open:
    """A served simulator, its clock, and the client of its first shop."""

    def __init__(self, series: Simulator) -> None:
        self.series, self.now = series, NOW
        self.place: SimulatedShop = series.config.shops[0]
        self.client = Lightspeed(
            {
                "account_id": self.place.merchant_id,
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "refresh_token": f"refresh-{self.place.token}",
            }
        )

    def at(self, url: str) -> Open:
        """Let the client call here; the paths stay its own."""
        self.client.api_url = self.client.api_url.replace("https://api.lightspeedapp.com", url)
        self.client.token_url = f"{url}/auth/oauth/token"
        return self

    async def get(self, kind: str, **asked: str) -> list[dict[str, Any]]:
        """Return all rows of a kind, in as many pages as there are."""
        found = await asyncio.to_thread(self.client.get, kind, asked)
        assert found is not None, "the client gave up"
        rows = found.get(kind, [])
        return rows if isinstance(rows, list) else [rows]

    def sleep(self, seconds: float) -> None:
        """Let as much time pass at the provider as the client waits, which counts its calls."""
        self.now += timedelta(seconds=ceil(seconds))


@pytest.fixture
async def shop(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Open]:
    given = {"shops": ONE_SHOP, **getattr(request, "param", {})}
    opened = Open(finished(simulated("lightspeed-r", **given)))
    monkeypatch.setattr(theirs, "time", SimpleNamespace(sleep=opened.sleep))
    async with serve_simulator(opened.series, clock=lambda: opened.now) as url:
        yield opened.at(url)


def minor(rows: list[dict[str, Any]], name: str) -> int:
    """Return the sum of a field, in cents; no cent may be broken."""
    total = sum((Decimal(row[name]) for row in rows), Decimal(0)) * 100
    assert total == int(total)
    return int(total)


def many(given: Any) -> list[dict[str, Any]]:
    return given if isinstance(given, list) else [given] if given else []


async def test_what_it_reads_of_a_day_are_the_simulators_own_sums_to_the_cent(
    shop: Open,
) -> None:
    days: dict[date, list[dict[str, Any]]] = defaultdict(list)
    for sale in await shop.get("Sale", sort="timeStamp", load_relations=RELATIONS):
        if sale["completed"] == "true" and sale["voided"] == "false":
            at = datetime.fromisoformat(sale["completeTime"])
            days[shop.place.calendar.day_of(at)].append(sale)
    known = shop.series.totals().of(shop.place.location_id)
    assert days.keys() == known.keys()
    for day, sales in days.items():
        assert len(sales) == known[day].transactions
        assert minor(sales, "total") == known[day].total - known[day].tip
        assert minor(sales, "taxTotal") == known[day].tax
        assert minor(sales, "calcTips") == known[day].tip
        lines = [line for sale in sales for line in many(sale["SaleLines"]["SaleLine"])]
        units = sum(Decimal(line["unitQuantity"]) for line in lines)
        assert units == sum(one.units for one in known[day].products.values())


async def test_it_follows_the_pages_to_the_end_and_meets_no_row_twice(shop: Open) -> None:
    sales = await shop.get("Sale", limit="7")
    assert len(sales) > 100
    names = [sale["saleID"] for sale in sales]
    assert len(names) == len(set(names))
    times = [sale["timeStamp"] for sale in sales]
    assert times == sorted(times)


async def test_a_filter_by_time_brings_what_changed_after_it(shop: Open) -> None:
    everything = await shop.get("Sale")
    middle = everything[len(everything) // 2]["timeStamp"]
    later = await shop.get("Sale", sort="timeStamp", timeStamp=f">,{middle}")
    assert later == [sale for sale in everything if sale["timeStamp"] > middle]


async def test_it_counts_the_shelf_of_each_item_as_the_simulator_does(shop: Open) -> None:
    place = shop.place.location_id
    shelf = {
        one["itemID"]: Decimal(one["qoh"])
        for one in await shop.get("ItemShop")
        if one["shopID"] == place
    }
    assert shelf == shop.series.totals().stock[place]


async def test_it_logs_in_with_a_refresh_token_that_is_good_for_once(shop: Open) -> None:
    assert await shop.get("Shop")
    assert shop.client.bearer_token not in {None, shop.place.token}
    again = Open(shop.series).at(shop.client.token_url.removesuffix("/auth/oauth/token"))
    assert await asyncio.to_thread(again.client.get_token) is None


async def test_whoever_waits_as_the_headers_say_never_fills_the_bucket(shop: Open) -> None:
    for _ in range(130):
        assert await shop.get("Shop")
    assert shop.now > NOW, "it had to wait"
    assert shop.series.over_budget == 0


@pytest.mark.parametrize("shop", [{"faults": Faults(rate_limited=40)}], indirect=True)
async def test_it_gets_through_refusals_by_trying_again(shop: Open) -> None:
    sales = await shop.get("Sale")
    assert len(sales) == len({sale["saleID"] for sale in sales}) > 100
