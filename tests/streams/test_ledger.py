"""What a provider has of a business day, read without the log, is what it really sold."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from connectors.catalogue import CONNECTORS
from connectors.simulation.truth import Day
from connectors.square.simulator import Faults, SquareSimulator
from projections.reconcile import AMOUNTS, COUNTS, compare
from projections.sales_days import day_of
from schemas.account import Account
from streams.sync.ledger import ProviderDay, ask_day
from tests.connectors.square.simulated import NOW, Answering, a_square

UNTOLD = {"rounding", "unpaid"}
"""The simulator's own sums have no such figures."""


def account_of(square: SquareSimulator, place: int) -> Account:
    bakery = square.config.shops[place]
    return Account(
        account_id=f"a{place}",
        tenant_id="bakers",
        provider="square",
        merchant=bakery.merchant_id,
        location_id=bakery.location_id,
        location_name=bakery.name,
        timezone=bakery.timezone,
        cut_off_hour=bakery.cut_off_hour,
        currency=bakery.currency,
        created_at=NOW - timedelta(days=40),
        updated_at=NOW - timedelta(days=40),
    )


async def asked(square: SquareSimulator, place: int, day: date) -> ProviderDay:
    way = Answering(square, place)
    account = account_of(square, place)
    return await ask_day(account, CONNECTORS["square"], way, day, lambda: NOW)


def truth(square: SquareSimulator, place: int) -> dict[date, Day]:
    return square.totals().of(square.config.shops[place].location_id)


@pytest.mark.parametrize("place", [0, 1])
async def test_every_closed_day_of_a_simulated_shop_is_seen_to_the_cent(place: int) -> None:
    square = a_square()
    days = truth(square, place)
    for day, sold in days.items():
        seen = await asked(square, place, day)
        bills = [bill for bill in seen.bills if bill.business_day == day]
        found = compare(day, None, [], bills)
        figures = {it.figure: it.theirs for it in found.figures}
        for name in (*AMOUNTS, *COUNTS):
            if name not in UNTOLD:
                assert figures.get(name, 0) == getattr(sold, name), (day, name)
        told = {f"tender {name}": amount for name, amount in sold.tenders.items() if amount}
        assert {k: v for k, v in figures.items() if k.startswith("tender ")} == told
        assert seen.unreadable == 0
    assert len(days) >= 5


async def test_a_bad_day_of_the_provider_changes_nothing_of_what_is_seen() -> None:
    bad = Faults(rate_limited=100, server_errors=100, stale_cursors=120)
    square, rough = a_square(), a_square(faults=bad)
    day = max(truth(square, 0)) - timedelta(days=2)
    once, again = await asked(square, 0, day), await asked(rough, 0, day)
    row = day_of([bill for bill in once.bills if bill.business_day == day])
    assert compare(day, row, once.bills, again.bills).agrees
