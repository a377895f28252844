"""A provider that stops sending webhooks is noticed, told once, and so is the end of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.contract import Conversation, Page
from schemas import topics
from schemas.events import ErrorType
from schemas.sync import SyncKind, SyncRun, SyncStatus
from schemas.webhooks import WebhookHealth
from streams.stages.hearing import UNANNOUNCED_MAX, WRITTEN_EVERY, heard, looked
from tests.connectors.square.simulated import a_square, pages
from tests.http.harness import a_payment
from tests.streams.bakery_kit import Clock, Shop, shop
from tests.streams.stage_kit import MILL_LANE, Normalise, decoded, raw_record
from tests.streams.sync_kit import NOW

INTERVAL = timedelta(minutes=15)


def a_poll(number: int, *, found: int = 1) -> SyncRun:
    at = NOW + number * INTERVAL
    return SyncRun(
        tenant_id="bakers",
        account_id="mill-lane",
        sync_id=f"{number}",
        kind=SyncKind.SCHEDULED,
        status=SyncStatus.COMPLETED,
        started_at=at,
        since=at,
        until=at,
        new=found,
    )


def after(row: WebhookHealth, polls: list[SyncRun]) -> WebhookHealth:
    for poll in polls:
        row = looked(row, poll, poll.started_at)
    return row


FIRST = heard(None, MILL_LANE, NOW)


def test_polls_that_find_what_nobody_told_make_it_silent_and_a_webhook_ends_that() -> None:
    polls = [a_poll(number) for number in range(1, UNANNOUNCED_MAX + 2)]
    almost = after(FIRST, polls[:-1])
    assert (almost.unannounced, almost.silent_since) == (UNANNOUNCED_MAX - 1, None)
    silent = after(almost, polls[-1:])
    assert silent.silent_since == polls[-1].started_at
    assert after(silent, [a_poll(9)]).silent_since == silent.silent_since
    again = heard(silent, MILL_LANE, NOW + 10 * INTERVAL)
    assert (again.silent_since, again.unannounced) == (None, 0)


def test_a_closed_shop_is_not_silent() -> None:
    row = after(FIRST, [a_poll(number, found=0) for number in range(1, 300)])
    assert (row.unannounced, row.silent_since) == (0, None)


@given(st.lists(st.tuples(st.integers(1, 899), st.integers(0, 5)), max_size=40))
def test_who_is_told_something_between_any_two_polls_is_never_called_silent(
    rounds: list[tuple[int, int]],
) -> None:
    row = FIRST
    for number, (seconds, found) in enumerate(rounds, start=1):
        row = heard(row, MILL_LANE, NOW + (number - 1) * INTERVAL + timedelta(seconds=seconds))
        row = after(row, [a_poll(number, found=found)])
        assert (row.unannounced, row.silent_since) == (0, None)


def test_a_webhook_soon_after_another_is_not_worth_a_row() -> None:
    soon = NOW + WRITTEN_EVERY / 2
    assert heard(FIRST, MILL_LANE, soon) is FIRST
    polled = replace(FIRST, looked_at=NOW + WRITTEN_EVERY / 4)
    assert heard(polled, MILL_LANE, soon).heard_at == soon


STUB = {"order_id": "O1", "location_id": MILL_LANE.location_id, "version": 3, "state": "OPEN"}
AN_ORDER = {
    "merchant_id": MILL_LANE.merchant,
    "type": "order.updated",
    "event_id": "event-o1",
    "created_at": "2026-05-04T13:01:00Z",
    "data": {"type": "order", "id": "O1", "object": {"order_updated": STUB}},
}
A_CATALOG = {
    "merchant_id": MILL_LANE.merchant,
    "type": "catalog.version.updated",
    "event_id": "event-c1",
    "created_at": "2026-05-04T13:01:00Z",
    "data": {"object": {"catalog_version": {"updated_at": "2026-05-04T13:01:00Z"}}},
}
HOW_MUCH_IS_LEFT = {
    "type": "ITEM",
    "sku": "UGG-BB-PUR-06",
    "businessLocationId": 247158188015618,
    "count": 5,
    "countUpdatedAt": "2026-05-04T09:42:00.000+00:00",
    "status": "RESTRICTED",
}


@pytest.mark.parametrize(
    ("provider", "body", "rows"),
    [
        ("square", a_payment(), 1),
        ("square", AN_ORDER, 1),
        ("square", A_CATALOG, 0),
        ("square", {"type": "payment.updated"}, 0),
        ("lightspeed-k", HOW_MUCH_IS_LEFT, 0),
    ],
)
def test_only_webhooks_about_sales_promise_that_sales_are_told(
    provider: str, body: dict[str, object], rows: int
) -> None:
    stage = Normalise(replace(MILL_LANE, provider=provider, location_id=""))
    effects = stage.take([raw_record(msgspec.json.encode(body), provider=provider)])
    assert len(decoded(effects, topics.WEBHOOK_HEALTH, WebhookHealth)) == rows


class Open:
    """The way to a simulated bakery that goes on selling, and sends no webhooks."""

    def __init__(self, clock: Clock) -> None:
        self._square, self._clock = a_square(live_seconds=6 * 3600), clock

    async def converse(self, conversation: Conversation) -> AsyncIterator[Page]:
        bakery = self._square.config.shops[0]
        self._square.release(self._clock())
        for page in pages(self._square, bakery, conversation, self._clock()):
            yield page


async def polled(bakery: Shop) -> None:
    """Let an interval pass and wait for the poll that follows."""
    before = await completed(bakery)
    bakery.clock.now += timedelta(seconds=901)
    bakery.house.worker.sync.look_again()
    async with asyncio.timeout(20):
        while await completed(bakery) == before:  # noqa: ASYNC110 - the service wakes by itself
            await asyncio.sleep(0.02)


async def completed(bakery: Shop) -> int:
    runs = (await bakery.tenant.get(f"{bakery.path}/syncs")).json()["items"]
    return sum(run["status"] == "completed" for run in runs)


async def test_a_subscription_that_falls_silent_is_told_once_and_so_is_its_end(
    tmp_path: Path,
) -> None:
    async with shop(tmp_path) as bakery:
        worker = bakery.house.worker
        way = Open(bakery.clock)
        worker.exchanges.of = lambda _account: way  # type: ignore[method-assign]
        await polled(bakery)
        state = (await bakery.tenant.get(f"{bakery.path}/sync")).json()
        assert (state["webhook_heard_at"], state["webhooks_silent_since"]) == (None, None)
        await bakery.sold()
        for _ in range(30):
            await polled(bakery)
            state = (await bakery.tenant.get(f"{bakery.path}/sync")).json()
            if state["webhooks_silent_since"] is not None:
                break
        assert state["webhook_heard_at"] < state["webhooks_silent_since"]
        await polled(bakery)
        ((kind, action),) = await bakery.errors()
        assert kind is ErrorType.WEBHOOKS_SILENT
        assert "`tillstream webhooks ensure --provider square`" in (action or "")
        silent = 'pos_silent_webhooks{pos_provider="square",tenant_id="bakers"}'
        assert f"{silent} 1.0" in (await bakery.house.client.get("/metrics")).text
        await bakery.house.deliver(a_payment("P2", location=bakery.location))
        await bakery.house.settle()
        state = (await bakery.tenant.get(f"{bakery.path}/sync")).json()
        assert state["webhooks_silent_since"] is None
        told = [kind for kind, _ in await bakery.errors()]
        assert told == [ErrorType.WEBHOOKS_SILENT, ErrorType.WEBHOOKS_HEARD]
        assert silent not in (await bakery.house.client.get("/metrics")).text
