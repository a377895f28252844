"""Days of a real CORE-POS on a real server, beside the sums that its own view makes of them."""

from __future__ import annotations

from datetime import date

import pytest

from projections.reconcile import SUMMED, compare
from projections.sales_days import day_of
from schemas.account import Account
from streams.sync.ledger import ProviderDay, ask_day
from tests.connectors.corepos.rows import COREPOS, made
from tests.connectors.corepos.server import at, exchange, load, store
from tests.connectors.corepos.test_samples import AFTER_NIGHTLY, BEFORE_NIGHTLY, dumped, rung
from tests.services.mariadb import MariaDb

TUESDAY, WEDNESDAY, THURSDAY = (date(2026, 11, day) for day in (17, 18, 19))


def account_of(number: int) -> Account:
    shop = store(number)
    return Account(
        account_id=shop.account_id,
        tenant_id=shop.tenant_id,
        provider="corepos",
        merchant="",
        location_id=shop.location_id,
        location_name="Willy Street",
        timezone=shop.calendar.timezone,
        cut_off_hour=shop.calendar.cut_off_hour,
        currency=shop.currency,
        created_at=at(17, 0),
        updated_at=at(17, 0),
    )


async def asked(server: MariaDb, number: int, day: date) -> ProviderDay:
    way = exchange(server)
    return await ask_day(account_of(number), COREPOS, way, day, lambda: at(21, 12))


@dumped
@pytest.mark.parametrize("dump", [BEFORE_NIGHTLY, AFTER_NIGHTLY])
@pytest.mark.parametrize("number", [1, 2])
async def test_each_day_of_a_real_shop_is_seen_whole_and_agrees_with_the_shop_s_own_sums(
    mariadb: MariaDb, dump: str, number: int
) -> None:
    load(mariadb, dump)
    calendar = account_of(number).calendar
    summed = 0
    for day in (TUESDAY, WEDNESDAY, THURSDAY):
        seen = await asked(mariadb, number, day)
        bills = [bill for bill in seen.bills if bill.business_day == day]
        whole = made(rung(dump), shop=store(number))
        known = [bill for bill in whole if bill.business_day == day]
        assert {it.transaction_id for it in bills} == {it.transaction_id for it in known}
        edges = (calendar.begins(day), calendar.ends(day))
        row = day_of(bills)
        found = compare(day, row, bills, seen.bills, seen.sums, edges)
        assert found.agrees, (day, found.figures)
        wrong = {name: amount + 1 for name, amount in (seen.sums or {}).items()}
        again = compare(day, row, bills, seen.bills, wrong, edges)
        summed += any(it.figure.startswith(SUMMED) for it in again.figures)
    assert summed >= 1
