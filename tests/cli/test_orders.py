"""`tillstream orders` over HTTP, a whole worker and a simulated R-Series behind it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.contract import Response
from connectors.simulation.calls import Answer, Call
from schemas.events import ErrorType
from tests.cli.lightspeed import (
    PATIENCE_S,
    Between,
    Forbidding,
    desk,
    errors,
    rows,
    run,
    started,
    synced,
)
from tests.http.harness import API, House, house

HISTORY_DAYS = 10
DRAFT: dict[str, Any] = {
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


class Failing(Between):
    """A simulated R-Series of which one answer to a write is lost, though it was done."""

    def __init__(self, lost: int) -> None:
        super().__init__("lightspeed-r")
        self._lost = lost
        self.writes: list[str] = []
        self.failed = asyncio.Event()

    def answered(self, call: Call, answer: Answer) -> Answer:
        if call.method == "GET" or "/oauth/" in call.path:
            return answer
        self.writes.append(call.path.rpartition("/")[2])
        if len(self.writes) == self._lost:
            self.failed.set()
            return Answer(response=Response(status=503, body=b""))
        return answer


async def listed(shop: House, tenant: httpx.AsyncClient, account: str) -> dict[str, Any]:
    """Return the orders of an account by their references."""
    return {row["reference"]: row for row in await rows(shop, tenant, account)}


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
        await run(shop, tenant, "orders", "push", account, draft)
        order = await until_sent(shop, tenant, account)
        assert pieces(order) == [("1", "24"), ("3", "6"), ("5", "12")]
        assert order["lines"][0]["unit_cost"] == "96.5"
        shown = await run(shop, tenant, "orders", "show", account, order["order_id"])
        assert "sent" in shown
        assert "Till 1" in shown
        assert (await until_sent(shop, tenant, account, "W000"))["vendor_name"] == "Ridge Mill"
        assert len(await rows(shop, tenant, account, "--status", "sent")) == 2
        assert await rows(shop, tenant, account, "--status", "closed") == []
        await run(shop, tenant, "orders", "push", account, draft)
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
        await run(shop, tenant, "orders", "push", account, draft)
        async with asyncio.timeout(PATIENCE_S):
            await series.failed.wait()
        await shop.settle()
        assert len(series.writes) == 3, "a write is sent once"
        await run(shop, tenant, "orders", "push", account, draft)
        order = await until_sent(shop, tenant, account)
        assert pieces(order) == [("1", "24"), ("3", "6"), ("5", "12")]


async def test_two_people_who_push_the_same_order_at_once_order_it_once(
    tmp_path: Path, draft: str
) -> None:
    series, other = Failing(lost=0), tmp_path / "other.json"
    other.write_text(json.dumps({**DRAFT, "lines": DRAFT["lines"][::-1]}))
    async with desk(tmp_path, series) as (shop, tenant, account):
        pushing = [
            await started(shop, tenant, "orders", "push", account, file)
            for file in (draft, f"{other}")
        ]
        assert [await one.wait() for one in pushing] == [0, 0]
        order = await until_sent(shop, tenant, account)
        await shop.settle()
        assert pieces(order) == [("1", "24"), ("3", "6"), ("5", "12")]
        assert series.writes.count("OrderLine.json") == len(DRAFT["lines"])
        assert series.writes.count("Order.json") == 1


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


@pytest.mark.parametrize(
    ("provider", "path", "scope"),
    [
        ("lightspeed-r", "/Order", "employee:purchase_orders"),
        ("lightspeed-x", "/consignments", "consignments:read"),
    ],
)
async def test_who_may_not_see_orders_has_all_sales_and_is_told_once_what_to_grant(
    tmp_path: Path, provider: str, path: str, scope: str
) -> None:
    series = Forbidding(provider, path)
    place = series.config.shops[0].location_id
    async with desk(tmp_path, series) as (shop, tenant, account):
        await synced(shop, tenant, account, "sync/historical", days=HISTORY_DAYS)
        await synced(shop, tenant, account)
        asked = {"account_id": account, "from": "2026-03-01", "to": "2026-04-30"}
        days = (await tenant.get(f"{API}/sales-days", params=asked)).json()["items"]
        sold = series.totals().of(place)
        assert {row["business_day"]: row["total"] for row in days} == {
            f"{day}": figures.total for day, figures in sold.items()
        }
        (told,) = await errors(shop, account)
        assert told.error_type is ErrorType.SCOPE_MISSING
        assert told.action_required is not None
        assert told.action_required.startswith(f"reconnect the account to grant {scope}")
        assert await rows(shop, tenant, account) == []
        series.paths = ()
        await synced(shop, tenant, account, "sync/historical", days=HISTORY_DAYS)
        assert await rows(shop, tenant, account) != []
        assert [one.error_type for one in await errors(shop, account)][1:] == [
            ErrorType.SCOPE_GRANTED
        ]
