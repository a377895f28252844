"""Days compared over the whole worker, with a simulated Square: asked again, told once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from connectors.contract import TransientError
from schemas import topics
from schemas.codec import decode
from schemas.events import ErrorType, PosError
from schemas.reconciliation import Reconciliation
from schemas.sealing import generate_master_key
from streams.http.app import create_api
from streams.log import TP
from streams.reading import records_of
from streams.settings import load
from streams.worker import Worker
from tests.connectors.square.simulated import NOW, Answering, a_square
from tests.http.harness import ADMIN_KEY, API, SIGNATURE_KEY, URL, House, a_payment, probe

DAY = date(2026, 3, 29)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    yield
    structlog.configure(**before)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


class Shop:
    """A worker whose one account is a simulated bakery."""

    def __init__(self, house: House, clock: Clock) -> None:
        self.house, self.clock = house, clock
        self.tenant: Any = None
        self.path = ""

    async def connect(self, location: str, cut_off_hour: int) -> None:
        self.tenant = await self.house.tenant("bakers")
        account = await self.house.connected(self.tenant, location, cut_off_hour=cut_off_hour)
        self.path = f"{API}/accounts/{account['account_id']}"

    async def compare(self, first: date, last: date | None = None) -> list[dict[str, Any]]:
        """Have days compared and return their rows once all are done."""
        self.clock.now += timedelta(seconds=1)
        form = {"from": f"{first}", **({"to": f"{last}"} if last else {})}
        answer = await self.tenant.post(f"{self.path}/reconciliation", json=form)
        assert answer.status_code == 202, answer.text
        self.clock.now += timedelta(seconds=1)
        return await self.found(first, last or first)

    async def found(self, first: date, last: date) -> list[dict[str, Any]]:
        query = {"from": f"{first}", "to": f"{last}"}
        days = (last - first).days + 1
        async with asyncio.timeout(30):
            while True:
                answer = await self.tenant.get(f"{self.path}/reconciliation", params=query)
                rows = answer.json()["items"]
                if len(rows) == days and all(row["error"] or is_done(row) for row in rows):
                    return rows
                await asyncio.sleep(0.05)

    async def errors(self) -> list[tuple[ErrorType, str | None]]:
        found = []
        for lane in range(2):
            async for record in records_of(
                self.house.worker.runtime.log, TP(topics.ERRORS, lane)
            ):
                assert record.value is not None
                event = decode(PosError, record.value)
                found.append((event.error_type, event.action_required))
        return found

    async def sold(self, **changes: Any) -> None:
        """Take in a payment that Square's own lists know nothing of."""
        event = a_payment(merchant="MLBAKERY", location=self.location)
        payment = event["data"]["object"]["payment"]
        payment |= {"created_at": f"{DAY}T13:01:00Z", "updated_at": f"{DAY}T13:01:00Z"}
        payment |= changes
        event["event_id"] = f"event-{changes}"
        assert (await self.house.deliver(event)).status_code == 202
        await self.house.settle()

    location = ""


def is_done(row: dict[str, Any]) -> bool:
    return row["compared_at"] is not None and row["compared_at"] >= row["asked_at"]


@asynccontextmanager
async def shop(folder: Path, **given: Any) -> AsyncIterator[Shop]:
    clock, square = Clock(), a_square()
    settings = load(
        log=f"embedded://{folder}/log?sync=0&upkeep_s=3600",
        data_dir=folder,
        lanes=2,
        keys=f"k1:{generate_master_key()}",
        admin_key=ADMIN_KEY,
        square={"signature_key": SIGNATURE_KEY, "notification_url": URL},
        **{"daily_days": 0, "reconcile_after_s": 0, **given},
    )
    worker = Worker(settings, fatal=[].append, clock=clock)
    worker.exchanges.of = lambda _account: Answering(square, 0)  # type: ignore[method-assign]
    worker.exchanges.probe = probe  # type: ignore[method-assign]
    await worker.start(serve=False)
    try:
        made = Shop(House(worker, create_api(worker._services())), clock)
        bakery = square.config.shops[0]
        made.location = bakery.location_id
        await made.connect(bakery.location_id, bakery.calendar.cut_off_hour)
        yield made
    finally:
        await worker.stop()


async def test_what_is_missing_is_asked_for_again_before_anybody_is_alarmed(
    tmp_path: Path,
) -> None:
    async with shop(tmp_path) as bakery:
        rows = await bakery.compare(DAY, DAY + timedelta(days=1))
        assert [row["agreement"] for row in rows] == ["agrees", "agrees"]
        assert all(row["sync_id"] for row in rows)
        assert all(row["transactions_compared"] > 10 for row in rows)
        assert await bakery.errors() == []
        runs = (await bakery.tenant.get(f"{bakery.path}/syncs")).json()["items"]
        resyncs = [run for run in runs if run["kind"] == "resync"]
        assert [run["status"] for run in resyncs] == ["completed", "completed"]
        assert sum(run["new"] for run in resyncs) >= 20
        (again,) = await bakery.compare(DAY)
        assert (again["agreement"], again["sync_id"]) == ("agrees", None)


async def test_a_difference_names_its_transactions_is_told_once_and_so_is_its_end(
    tmp_path: Path,
) -> None:
    async with shop(tmp_path) as bakery:
        await bakery.compare(DAY)
        await bakery.sold()
        for _ in range(2):
            (row,) = await bakery.compare(DAY)
            assert row["agreement"] == "differs"
            (bill,) = row["transactions"]
            assert (bill["state"], bill["provider_ids"]) == ("missing_there", {"payment": "P1"})
            differing = {it["figure"]: it["ours"] - it["theirs"] for it in row["figures"]}
            assert differing["total"] == 1250
            assert differing["transactions"] == 1
        ((kind, action),) = await bakery.errors()
        assert kind is ErrorType.RECONCILIATION_DIFFERENCE
        assert action is not None
        metrics = (await bakery.house.client.get("/metrics")).text
        assert 'pos_reconciliation_difference_days{pos_provider="square"' in metrics
        await bakery.sold(status="CANCELED", updated_at=f"{DAY}T15:00:00Z")
        (row,) = await bakery.compare(DAY)
        assert (row["agreement"], row["figures"]) == ("agrees", [])
        kinds = [kind for kind, _ in await bakery.errors()]
        assert kinds == [
            ErrorType.RECONCILIATION_DIFFERENCE,
            ErrorType.RECONCILIATION_SETTLED,
        ]


async def test_a_closed_day_is_looked_at_and_compared_by_itself(tmp_path: Path) -> None:
    async with shop(tmp_path, daily_days=2, reconcile_after_s=3600) as bakery:
        bakery.clock.now += timedelta(days=1)
        (row,) = await bakery.found(NOW.date(), NOW.date())
        assert row["agreement"] == "agrees"
        runs = (await bakery.tenant.get(f"{bakery.path}/syncs")).json()["items"]
        (daily,) = [run for run in runs if run["kind"] == "daily"]
        calendar = bakery.house.worker.directory.all_accounts()[0].calendar
        assert daily["status"] == "completed"
        since = datetime.fromisoformat(daily["since"])
        assert since == calendar.begins(NOW.date() - timedelta(days=1))


async def test_a_provider_that_does_not_answer_leaves_the_day_open_and_says_why(
    tmp_path: Path,
) -> None:
    async with shop(tmp_path) as bakery:
        square = bakery.house.worker.exchanges.of

        class Down:
            async def converse(self, conversation: Any) -> AsyncIterator[Any]:
                conversation.close()
                for never in ():
                    yield never
                raise TransientError("/v2/orders/search: 503")

        await bakery.compare(DAY)
        bakery.house.worker.exchanges.of = lambda _account: Down()
        (row,) = await bakery.compare(DAY)
        assert (row["agreement"], row["error"]) == ("agrees", "/v2/orders/search: 503")
        assert not is_done(row)
        bakery.house.worker.exchanges.of = square
        bakery.clock.now += timedelta(seconds=301)
        async with asyncio.timeout(20):
            while not is_done(row):
                (row,) = await bakery.found(DAY, DAY)
                await asyncio.sleep(0.05)
        assert row["error"] is None


def test_a_row_is_open_until_it_is_compared_after_it_was_asked_for() -> None:
    row = Reconciliation(
        tenant_id="t", account_id="a", pos_provider="square", business_day=DAY, asked_at=NOW
    )
    assert row.is_open
