"""A worker whose one account is a simulated bakery, and what its API and topics say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from schemas import topics
from schemas.codec import decode
from schemas.events import ErrorType, PosError
from schemas.sealing import generate_master_key
from streams.http.app import create_api
from streams.log import TP
from streams.reading import records_of
from streams.settings import load
from streams.worker import Worker
from tests.connectors.square.simulated import NOW, Answering, a_square
from tests.http.harness import ADMIN_KEY, API, SIGNATURE_KEY, URL, House, a_payment, probe

DAY = date(2026, 3, 29)
R = TypeVar("R", bound=msgspec.Struct)


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
        events = await self.records(topics.ERRORS, PosError)
        return [(event.error_type, event.action_required) for event in events]

    async def records(self, topic: str, cls: type[R]) -> list[R]:
        log = self.house.worker.runtime.log
        return [
            decode(cls, record.value)
            for lane in range(2)
            async for record in records_of(log, TP(topic, lane))
            if record.value is not None
        ]

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
