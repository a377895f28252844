"""The trade that all simulated providers but Square's share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from connectors.simulation.bills import Bill, BillLine, exact_tax
from connectors.simulation.books import Books
from connectors.simulation.config import SimulatedShop, SimulatorConfig
from connectors.simulation.counter import Habits
from connectors.simulation.gate import Allowance, Gate
from schemas.money import round_minor

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
SHOPS = tuple(
    SimulatedShop(
        merchant_id=f"M{number}",
        location_id=f"L{number}",
        name="Shop",
        token="t",
        timezone=zone,
        currency=currency,
        inclusive=inclusive,
    )
    for number, (zone, currency, inclusive) in enumerate(
        (("Europe/Berlin", "EUR", True), ("America/Chicago", "USD", False))
    )
)


def key(line: BillLine) -> str:
    return f"{line.item.number}" if line.item else f"typed:{line.name}"


def name(bill: Bill) -> str:
    return f"{bill.place}-{bill.number}"


def books(seed: int = 1, **given: object) -> Books:
    config = SimulatorConfig(
        now=NOW, seed=seed, shops=SHOPS, days=12, orders_per_day=80, live_orders=60, **given
    )
    return Books(config, Habits(), key=key, name=name)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_bill_is_paid_to_the_cent_and_sums_up(seed: int) -> None:
    book = books(seed)
    book.release(book.ends)
    counted = [bill for bill in book.known.values() if bill.status == "completed"]
    assert {bill.kind for bill in counted} == {"sale", "refund", "exchange"}
    told = book.bills()
    for bill in counted:
        assert sum(pay.total for pay in bill.payments) == bill.total
        assert all(pay.change >= 0 for pay in bill.payments)
        sums = told[name(bill)]
        net = sum(line.net + line.tax for line in sums.lines)
        assert net + sums.service_charge + sums.tip == sums.total


def test_a_bill_comes_back_once_at_the_most_and_never_for_more_than_it_cost() -> None:
    book = books()
    book.release(book.ends)
    back = [bill for bill in book.known.values() if bill.kind != "sale"]
    assert len({(bill.place, bill.source) for bill in back}) == len(back)
    for bill in back:
        sold = book.known[bill.place, bill.source]
        returned = -sum(line.due for line in bill.counted if line.units < 0)
        assert 0 < returned <= sold.due
        assert sold.known_at < bill.closed_at
        assert book.refunds_of(sold) == ([bill] if bill.status == "completed" else [])


def test_the_same_seed_sells_the_same_and_another_does_not() -> None:
    assert books(5).told == books(5).told
    assert books(5).told != books(6).told


def test_today_becomes_known_as_it_is_released_and_versions_replace_each_other() -> None:
    book = books()
    before = len(book.known)
    assert all(bill.known_at <= NOW for bill in book.known.values())
    book.release(NOW + timedelta(seconds=30))
    assert before < len(book.known)
    book.release(book.ends)
    assert len(book.told) > len(book.known)
    for bill in book.told:
        assert book.known[bill.place, bill.number].version >= bill.version


def test_what_a_voided_bill_took_from_the_shelf_is_back_on_it() -> None:
    book = books()
    book.release(book.ends)
    voided = [
        bill
        for bill in book.known.values()
        if bill.status == "cancelled" and bill.version > 1 and bill.payments
    ]
    assert voided
    assert all(name(bill) not in book.bills() for bill in voided)


def test_what_comes_back_without_its_discount_comes_back_at_the_price_that_was_paid() -> None:
    config = SimulatorConfig(now=NOW, shops=SHOPS, days=12, orders_per_day=80)
    told, silent = (
        Books(config, Habits(discounts_come_back=says), key=key, name=name)
        for says in (True, False)
    )
    for where, bill in silent.known.items():
        for mine, other in zip(bill.lines, told.known[where].lines, strict=True):
            assert mine.due == other.due
            assert not mine.discount or mine.units > 0


def test_taxes_rounded_together_are_the_rounded_sum_of_the_exact_ones() -> None:
    config = SimulatorConfig(now=NOW, shops=SHOPS, days=6, orders_per_day=80)
    book = Books(config, Habits(taxes_together=True), key=key, name=name)
    apart = 0
    for bill in book.known.values():
        exact = [exact_tax(line, SHOPS[bill.place]) for line in bill.counted]
        assert bill.tax == round_minor(sum(exact, start=Decimal(0)))
        apart += bill.tax != sum(map(round_minor, exact))
        assert bill.status != "completed" or sum(it.total for it in bill.payments) == bill.total
    assert apart


def test_a_gate_lets_in_so_many_calls_of_any_window_and_counts_the_others() -> None:
    gate, second = Gate(), timedelta(seconds=1)
    slow, all_calls = Allowance("slow", 1, second), Allowance("all", 3, second)
    assert gate.refused(NOW, (slow, all_calls)) is None
    assert gate.refused(NOW + second / 4, (slow, all_calls)) == second * 3 / 4
    assert gate.refused(NOW, (all_calls,)) is None
    assert gate.refused(NOW, (all_calls,)) is None
    assert gate.refused(NOW, (all_calls,)) == second
    assert gate.refused(NOW + second, (slow, all_calls)) is None
    assert gate.over_budget == 2


def test_a_habit_of_zero_never_shows() -> None:
    nothing = Habits(
        typed_in=0,
        gift_cards=0,
        modifiers=0,
        weighed=False,
        voided_lines=0,
        tips=0,
        tips_later=0,
        service_charges=0,
        gratuities=0,
        exchanges=0,
        refunds=0,
        split=0,
    )
    config = SimulatorConfig(now=NOW, shops=SHOPS, days=5, orders_per_day=60)
    book = Books(config, nothing, key=key, name=name)
    for bill in book.known.values():
        assert bill.kind == "sale"
        assert bill.tip == bill.gratuity == bill.service_charge == 0
        assert len(bill.payments) <= 1
        for line in bill.lines:
            assert line.item is not None
            assert not any((line.item.weighed, line.modifiers, line.voided, line.gift_card))
