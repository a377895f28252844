"""What a provider has of a business day, read without the log, is what it really sold."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from connectors.catalogue import ACCESSES, CONNECTORS
from connectors.contract import Conversation, Page, Way
from connectors.corepos.dsn import dsn_of
from connectors.corepos.simulator import CoreposSimulator
from connectors.corepos.sql import Database, Limits
from connectors.corepos.way import CoreposWay
from connectors.simulation.config import Faults, SimulatedShop
from connectors.simulation.simulator import Simulator
from connectors.simulation.truth import Day
from connectors.simulators import SIMULATORS
from projections.reconcile import AMOUNTS, COUNTS, SUMMED, compare
from projections.sales_days import day_of
from schemas.account import Account
from streams.simulate_database import serve_database
from streams.sync.ledger import ProviderDay, ask_day
from tests.connectors.simulated import NOW, Client, Clock, simulated

UNTOLD = {"rounding", "unpaid"}
"""The simulator's own sums have no such figures."""


class Answering:
    """The way to one shop of a simulated provider."""

    def __init__(self, provider: str, simulator: Simulator, place: SimulatedShop) -> None:
        self._client = Client(provider, simulator, place, Clock(NOW))

    async def converse(self, conversation: Conversation) -> AsyncIterator[Page]:
        for page in self._client.pages(conversation):
            yield page


def account_of(provider: str, place: SimulatedShop) -> Account:
    return Account(
        account_id=place.location_id,
        tenant_id="bakers",
        provider=provider,
        merchant=place.merchant_id,
        location_id=place.location_id,
        location_name=place.name,
        timezone=place.timezone,
        cut_off_hour=place.cut_off_hour,
        currency=place.currency,
        created_at=NOW - timedelta(days=40),
        updated_at=NOW - timedelta(days=40),
    )


async def asked(way: Way, provider: str, place: SimulatedShop, day: date) -> ProviderDay:
    account = account_of(provider, place)
    return await ask_day(account, CONNECTORS[provider], way, day, lambda: NOW)


def same(sold: Day, seen: ProviderDay) -> None:
    bills = [bill for bill in seen.bills if bill.business_day == sold.business_day]
    found = compare(sold.business_day, None, [], bills)
    figures = {it.figure: it.theirs for it in found.figures}
    for name in (*AMOUNTS, *COUNTS):
        if name not in UNTOLD:
            assert figures.get(name, 0) == getattr(sold, name), (sold.business_day, name)
    told = {f"tender {name}": amount for name, amount in sold.tenders.items() if amount}
    assert {k: v for k, v in figures.items() if k.startswith("tender ")} == told
    assert seen.unreadable == 0


@pytest.mark.parametrize("provider", [name for name in SIMULATORS if name in ACCESSES])
async def test_every_day_of_a_simulated_shop_is_seen_to_the_cent(provider: str) -> None:
    simulator = simulated(provider)
    for place in simulator.config.shops:
        days = simulator.totals().of(place.location_id)
        way = Answering(provider, simulator, place)
        for day, sold in days.items():
            same(sold, await asked(way, provider, place, day))
        assert len(days) >= 5


async def test_a_database_is_seen_to_the_cent_and_agrees_with_its_own_sums() -> None:
    simulator = simulated("corepos")
    assert isinstance(simulator, CoreposSimulator)
    place = simulator.config.shops[0]
    calendar = place.calendar
    with ThreadPoolExecutor(1) as threads:
        async with serve_database(simulator) as address:
            dsn = dsn_of(place.token.format(database=address))
            way = CoreposWay(Database(dsn, Limits(), threads))
            for day, sold in simulator.totals().of(place.location_id).items():
                seen = await asked(way, "corepos", place, day)
                same(sold, seen)
                bills = [bill for bill in seen.bills if bill.business_day == day]
                edges = (calendar.begins(day), calendar.ends(day))
                found = compare(day, day_of(bills), bills, seen.bills, seen.sums, edges)
                assert found.agrees, found.figures
                assert seen.sums is not None
                wrong = {**seen.sums, "gross": seen.sums["gross"] + 1}
                again = compare(day, day_of(bills), bills, seen.bills, wrong, edges)
                assert [it.figure for it in again.figures] == [f"{SUMMED}gross"]


async def test_a_bad_day_of_the_provider_changes_nothing_of_what_is_seen() -> None:
    bad = Faults(rate_limited=100, server_errors=100, stale_cursors=120)
    square, rough = simulated("square"), simulated("square", faults=bad)
    place = square.config.shops[0]
    day = max(square.totals().of(place.location_id)) - timedelta(days=2)
    once, again = [
        await asked(Answering("square", one, place), "square", place, day)
        for one in (square, rough)
    ]
    row = day_of([bill for bill in once.bills if bill.business_day == day])
    assert compare(day, row, once.bills, again.bills).agrees
