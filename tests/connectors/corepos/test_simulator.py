"""A simulated CORE-POS, asked by SQL over MySQL's protocol as a real one is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest

from connectors.contract import Page
from connectors.corepos.dsn import dsn_of
from connectors.corepos.poll import poll, snapshot
from connectors.corepos.simulator import CoreposSimulator, stores
from connectors.corepos.sql import Database, Limits
from connectors.corepos.way import CoreposWay
from connectors.simulation.config import SimulatedShop, SimulatorConfig
from schemas.transaction import Status, Transaction
from streams.simulate_database import serve_database
from tests.connectors.corepos.rows import COREPOS
from tests.connectors.golden import transactions
from tests.connectors.simulated import shop_of

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
FIGURES = ("gross", "discount", "tax", "net", "total")


@pytest.fixture(scope="module")
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def simulated(seed: int = 1, **given: object) -> CoreposSimulator:
    fixed = {"now": NOW, "days": 6, "orders_per_day": 40, "live_orders": 40, **given}
    return CoreposSimulator(SimulatorConfig(seed=seed, shops=stores(2), **fixed))


class Office:
    """One store's way to the server: its position is kept from poll to poll."""

    def __init__(self, store: SimulatedShop, address: str, pool: ThreadPoolExecutor) -> None:
        self.shop = shop_of(store)
        dsn = dsn_of(store.token.format(database=address))
        self.way = CoreposWay(Database(dsn, Limits(), pool))
        self.bodies: list[bytes] = []

    async def poll(self, since: datetime, until: datetime) -> int:
        """Poll a window; return how many bodies of sales it brought."""
        before = len(self.bodies)
        async with aclosing(self.way.converse(poll(self.shop, since, until))) as pages:
            async for page in pages:
                self._take(page)
        return len(self.bodies) - before

    def _take(self, page: Page) -> None:
        if page.resource == "dtransactions":
            self.bodies += page.bodies

    def made(self) -> list[Transaction]:
        return transactions(COREPOS, self.bodies, self.shop)


def sums(made: list[Transaction]) -> dict[object, Counter[str]]:
    days: dict[object, Counter[str]] = {}
    for one in made:
        if one.status is Status.COMPLETED:
            day = days.setdefault(one.business_day, Counter())
            day["transactions"] += 1
            for figure in FIGURES:
                day[figure] += getattr(one.totals, figure)
            for tender in one.tenders:
                day[tender.method.value] += tender.amount
    return {day: +figures for day, figures in days.items()}


def truth(simulator: CoreposSimulator, store: str) -> dict[object, Counter[str]]:
    return {
        day: +Counter(
            {
                "transactions": row.transactions,
                **{figure: getattr(row, figure) for figure in FIGURES},
                **row.tenders,
            }
        )
        for day, row in simulator.totals().of(store).items()
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_day_of_every_store_sums_to_the_cent(
    seed: int, threads: ThreadPoolExecutor
) -> None:
    simulator = simulated(seed)
    simulator.release(simulator.ends)
    async with serve_database(simulator) as address:
        for store in simulator.config.shops:
            office = Office(store, address, threads)
            await office.poll(NOW - timedelta(days=8), simulator.ends)
            assert sums(office.made()) == truth(simulator, store.location_id)
            kinds = {one.kind.value for one in office.made()}
            assert kinds == {"sale", "refund", "exchange"}
            assert Status.CANCELLED in {one.status for one in office.made()}


async def test_polls_by_the_hour_across_nights_bring_the_same_as_one_import(
    threads: ThreadPoolExecutor,
) -> None:
    simulator = simulated(live_orders=60, live_seconds=40 * 3600)
    simulator.release(NOW)
    async with serve_database(simulator) as address:
        office = Office(simulator.config.shops[0], address, threads)
        await office.poll(NOW - timedelta(days=8), NOW)
        at, quiet = NOW, 0
        while at < simulator.ends:
            since, at = at, at + timedelta(hours=1)
            simulator.release(at)
            quiet += await office.poll(since - timedelta(minutes=10), at) == 0
        assert sums(office.made()) == truth(simulator, "1")
        assert quiet, "a poll without news brings nothing"


async def test_the_snapshot_brings_products_and_counts(threads: ThreadPoolExecutor) -> None:
    simulator = simulated()
    async with serve_database(simulator) as address:
        office = Office(simulator.config.shops[0], address, threads)
        async with aclosing(office.way.converse(snapshot(office.shop))) as pages:
            found = Counter([page.resource async for page in pages])
    assert set(found) == {
        "products",
        "products_in_use",
        "departments",
        "vendors",
        "members",
        "inventory_counts",
    }


def test_the_same_seed_gives_the_same_rows_and_another_does_not() -> None:
    everything = "SELECT * FROM trans_archive.bigArchive"
    assert simulated(1).select(everything) == simulated(1).select(everything)
    assert simulated(1).select(everything) != simulated(2).select(everything)
