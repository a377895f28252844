"""Days compared over the whole worker, with a simulated Square: asked again, told once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from connectors.contract import TransientError
from schemas.events import ErrorType
from schemas.reconciliation import Reconciliation
from tests.connectors.square.simulated import NOW
from tests.streams.bakery_kit import DAY, is_done, shop


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    yield
    structlog.configure(**before)


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


@pytest.mark.parametrize(
    "form",
    [
        {"from": "2026-05-04", "to": "2026-05-03"},
        {"from": "2026-01-01", "to": "2026-12-31"},
        {},
    ],
)
async def test_a_range_that_is_none_or_too_long_is_refused(
    tmp_path: Path, form: dict[str, str]
) -> None:
    async with shop(tmp_path) as bakery:
        answer = await bakery.tenant.post(f"{bakery.path}/reconciliation", json=form)
        assert answer.status_code == 422
