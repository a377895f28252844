"""A CORE-POS shop connected, imported and polled over the whole worker, to the cent."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest

from schemas.catalogue import PosProduct
from schemas.codec import unpack
from schemas.sealing import generate_master_key
from schemas.transaction import Status, Transaction
from streams.http.app import create_api
from streams.settings import load as settings_of
from streams.worker import Worker
from tests.connectors.corepos.rows import made
from tests.connectors.corepos.server import at, load, store
from tests.connectors.corepos.test_samples import (
    AFTER_NIGHTLY,
    BEFORE_NIGHTLY,
    MIDDAY,
    dumped,
    rung,
)
from tests.http.harness import ADMIN_KEY, API, House
from tests.services.mariadb import MariaDb

FIGURES = ("gross", "discount", "tax", "net", "total", "unpaid")


class Clock:
    """The shop's time, which goes on when a test says so."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def worker_of(folder: Path, clock: Clock, hosts: str, keys: str = "") -> Worker:
    settings = settings_of(
        log=f"embedded://{folder}/log?sync=0&upkeep_s=3600",
        data_dir=folder,
        lanes=2,
        keys=keys or f"k1:{generate_master_key()}",
        admin_key=ADMIN_KEY,
        corepos={"hosts": hosts},
    )
    return Worker(settings, fatal=[].append, clock=clock)


def day_sums(told: list[Transaction]) -> dict[str, dict[str, int]]:
    """Return the figures of each business day; cancelled sales count nowhere."""
    days: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(FIGURES, 0))
    for one in told:
        if one.status is Status.COMPLETED:
            sums = days[one.business_day.isoformat()]
            for figure in FIGURES:
                sums[figure] += getattr(one.totals, figure)
    return dict(days)


class Shop:
    """One connected account, and what the API says of it."""

    def __init__(self, house: House, tenant, clock: Clock, account_id: str = "") -> None:
        self.house, self.tenant, self.clock = house, tenant, clock
        self.account_id = account_id

    async def connect(self, line: str, **more: object) -> int:
        form = {"provider": "corepos", "location_id": "1", "access_token": line}
        zone = {"timezone": "America/Chicago", "currency": "USD"}
        answer = await self.tenant.post(f"{API}/accounts", json={**form, **zone, **more})
        self.account_id = answer.json().get("account_id", "")
        return answer.status_code

    async def runs(self) -> list[dict]:
        answer = await self.tenant.get(f"{API}/accounts/{self.account_id}/syncs")
        return answer.json()["items"]

    async def sync(self, what: str = "sync", **given: object) -> dict:
        """Ask for a run and wait for its end."""
        url = f"{API}/accounts/{self.account_id}/{what}"
        known = len(await self.runs())
        answer = await self.tenant.post(url, json=given or None)
        assert answer.status_code == 202, answer.text
        async with asyncio.timeout(60):
            while True:
                runs = await self.runs()
                if len(runs) > known and all(one["status"] != "running" for one in runs):
                    return max(runs, key=lambda one: one["sync_id"])
                await asyncio.sleep(0.05)

    async def days(self) -> dict[str, dict[str, int]]:
        span = {"from": "2026-11-01", "to": "2026-11-30", "account_id": self.account_id}
        answer = await self.tenant.get(f"{API}/sales-days", params=span)
        rows = answer.json()["items"]
        return {row["business_day"]: {name: row[name] for name in FIGURES} for row in rows}

    def products(self) -> dict[str, PosProduct]:
        views, lanes = self.house.worker.runtime.views, range(2)
        prefix = f"{self.account_id}/".encode()
        rows = [
            row for lane in lanes for _, row in views.scan("normalise.catalog", lane, prefix)
        ]
        found = [unpack(PosProduct, row) for row in rows]
        return {one.pos_product_id: one for one in found}


@asynccontextmanager
async def opened(folder: Path, clock: Clock, hosts: str = "127.0.0.1") -> AsyncIterator[Shop]:
    """Run a worker with a tenant whose account is not connected yet."""
    worker = worker_of(folder, clock, hosts)
    await worker.start(serve=False)
    try:
        house = House(worker, create_api(worker._services()))
        yield Shop(house, await house.tenant("coop"), clock)
    finally:
        await worker.stop()


def expected(*files: str) -> dict[str, dict[str, int]]:
    return day_sums(made([row for file in files for row in rung(file)], shop=store(1)))


@dumped
@pytest.mark.slow
async def test_three_days_of_a_real_shop_are_summed_to_the_cent(
    mariadb: MariaDb, tmp_path: Path
) -> None:
    load(mariadb, BEFORE_NIGHTLY)
    clock = Clock(at(20, 9, 45))
    async with opened(tmp_path, clock) as shop:
        assert await shop.connect(mariadb.dsn()) == 201
        imported = await shop.sync("sync/historical", days=5)
        assert imported["status"] == "completed"
        assert await shop.days() == expected(BEFORE_NIGHTLY)
        products = shop.products()
        assert len(products) > 6000

        load(mariadb, AFTER_NIGHTLY)
        mariadb.run("DELETE FROM core_op.products WHERE upc = '0000000004011'")
        clock.now = at(21, 0, 45)
        assert (await shop.sync())["status"] == "completed"
        assert await shop.days() == expected(BEFORE_NIGHTLY, AFTER_NIGHTLY)
        gone = {name for name, one in shop.products().items() if one.deleted}
        assert gone - {name for name, one in products.items() if one.deleted} == {
            "0000000004011"
        }

        load(mariadb, MIDDAY)
        clock.now = at(21, 12)
        assert (await shop.sync())["status"] == "completed"
        clock.now = at(21, 12, 1)
        again = await shop.sync()
        assert (again["new"], again["updated"]) == (0, 0)
        assert await shop.days() == expected(BEFORE_NIGHTLY, AFTER_NIGHTLY, MIDDAY)


async def test_a_database_whose_host_is_not_allowed_is_never_called(
    mariadb: MariaDb, tmp_path: Path
) -> None:
    async with opened(tmp_path, Clock(at(20, 9)), "db.example") as shop:
        before = mariadb.run("SHOW GLOBAL STATUS LIKE 'Connections'").split()[1]
        assert await shop.connect(mariadb.dsn()) == 422
        after = mariadb.run("SHOW GLOBAL STATUS LIKE 'Connections'").split()[1]
        assert int(after) - int(before) == 1
        assert await shop.connect(mariadb.dsn(), timezone=None) == 422
