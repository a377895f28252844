"""A day of made-up trade: however its news arrives, it comes to the same, to the cent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.transaction import Kind, Status, Transaction, broken_laws, counts
from tests.connectors.golden import transactions
from tests.connectors.square.bodies import SQUARE, Json, eur

OPENS = datetime(2026, 5, 4, 6, tzinfo=UTC)


@dataclass
class Day:
    """Raw bodies, and what the maker of the day knows they must come to."""

    bodies: list[Json] = field(default_factory=list)
    takings: int = 0
    tips: int = 0
    discounts: int = 0
    completed: int = 0


def stamp(minutes: int) -> str:
    return (OPENS + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def a_line(draw: st.DrawFn, number: int, *, inclusive: bool) -> tuple[Json, int, int]:
    """Return a line, its tax and its discount."""
    price, quantity = draw(st.integers(0, 5000)), draw(st.integers(1, 5))
    milk = draw(st.sampled_from([0, 0, 60]))
    gross = (price + milk) * quantity
    discount = draw(st.integers(0, gross))
    after = gross - discount
    tax = after * 7 // 107 if inclusive else after * 7 // 100
    line = {
        "uid": f"l{number}",
        "name": f"Brot {number}",
        "quantity": str(quantity),
        "catalog_object_id": f"V{number}",
        "base_price_money": eur(price),
        "variation_total_price_money": eur(price * quantity),
        "total_tax_money": eur(tax),
        "total_discount_money": eur(discount),
        "total_money": eur(after if inclusive else after + tax),
        "applied_taxes": [{"tax_uid": "t", "applied_money": eur(tax)}],
    }
    if milk:
        oat = {"name": "Oat milk", "base_price_money": eur(milk)}
        line["modifiers"] = [{**oat, "total_price_money": eur(milk * quantity)}]
    return line, tax, discount


@st.composite
def days(draw: st.DrawFn) -> Day:
    day = Day()
    for number in range(draw(st.integers(1, 4))):
        add_a_sale(draw, day, f"O{number}", number * 10)
    return day


def add_a_sale(draw: st.DrawFn, day: Day, name: str, minutes: int) -> None:
    inclusive = draw(st.booleans())
    made = [a_line(draw, n, inclusive=inclusive) for n in range(draw(st.integers(1, 3)))]
    tax, discount = sum(tax for _, tax, _ in made), sum(off for _, _, off in made)
    due = sum(line["total_money"]["amount"] for line, _, _ in made)
    order = an_open_order(name, minutes, [line for line, _, _ in made], due)
    order |= the_taxes(tax, inclusive=inclusive) | the_discounts(discount)
    payment = an_approved_payment(name, minutes + 1, due)
    day.bodies += [{"order": order}, {"payment": payment}]
    ends = draw(st.sampled_from(["COMPLETED", "COMPLETED", "CANCELED", "OPEN"]))
    if ends == "OPEN":
        return
    paid = ends == "COMPLETED"
    tip = draw(st.sampled_from([0, 0, 150])) if paid else 0
    settled = {"status": ends, "tip_money": eur(tip), "total_money": eur(due + tip)}
    settled["updated_at"] = stamp(minutes + 2)
    closed = {**order, **settlement(name, minutes + 2, ends, due, tip)}
    day.bodies += [{"order": closed}, {"payments": [{**payment, **settled}]}]
    if paid:
        day.takings += due + tip
        day.tips += tip
        day.discounts += discount
        day.completed += 1
        if draw(st.booleans()):
            add_a_refund(draw, day, name, minutes + 5, draw(st.integers(1, max(1, due))))


def an_open_order(name: str, minutes: int, lines: list[Json], due: int) -> Json:
    return {
        "id": name,
        "location_id": "LBAKERY01",
        "version": 1,
        "state": "OPEN",
        "created_at": stamp(minutes),
        "updated_at": stamp(minutes),
        "line_items": lines,
        "total_money": eur(due),
        "total_tip_money": eur(0),
    }


def the_taxes(tax: int, *, inclusive: bool) -> Json:
    kind = "INCLUSIVE" if inclusive else "ADDITIVE"
    told = {"uid": "t", "name": "USt", "type": kind, "applied_money": eur(tax)}
    return {"taxes": [told], "total_tax_money": eur(tax)}


def the_discounts(discount: int) -> Json:
    told = {"name": "Rabatt", "applied_money": eur(discount)}
    return {"discounts": [told], "total_discount_money": eur(discount)}


def an_approved_payment(name: str, minutes: int, due: int) -> Json:
    return {
        "id": f"P{name}",
        "order_id": name,
        "location_id": "LBAKERY01",
        "status": "APPROVED",
        "source_type": "CARD",
        "amount_money": eur(due),
        "total_money": eur(due),
        "created_at": stamp(minutes),
        "updated_at": stamp(minutes),
    }


def settlement(name: str, minutes: int, ends: str, due: int, tip: int) -> Json:
    """Return what changes in an order when it is paid or cancelled."""
    card = {"status": "CAPTURED" if ends == "COMPLETED" else "VOIDED"}
    tender = {"id": f"P{name}", "type": "CARD", "card_details": card}
    return {
        "version": 2,
        "state": ends,
        "updated_at": stamp(minutes),
        "closed_at": stamp(minutes),
        "total_money": eur(due + tip),
        "total_tip_money": eur(tip),
        "tenders": [{**tender, "amount_money": eur(due + tip), "tip_money": eur(tip)}],
    }


def add_a_refund(draw: st.DrawFn, day: Day, sale: str, minutes: int, amount: int) -> None:
    line = {
        "uid": "r",
        "quantity": "1",
        "item_type": "CUSTOM_AMOUNT",
        "base_price_money": eur(amount),
        "variation_total_price_money": eur(amount),
        "gross_return_money": eur(amount),
        "total_money": eur(amount),
    }
    back = {
        "id": f"R{sale}",
        "location_id": "LBAKERY01",
        "state": "COMPLETED",
        **dict.fromkeys(("created_at", "updated_at", "closed_at"), stamp(minutes)),
        "returns": [{"source_order_id": sale, "return_line_items": [line]}],
        "return_amounts": {"total_money": eur(amount)},
        "total_money": eur(0),
        "refunds": [{"id": "x", "tender_id": f"P{sale}", "amount_money": eur(amount)}],
    }
    refund: Json = {
        "id": f"P{sale}_x",
        "payment_id": f"P{sale}",
        "order_id": f"R{sale}",
        "location_id": "LBAKERY01",
        "status": "PENDING",
        "amount_money": eur(amount),
        "created_at": stamp(minutes),
        "updated_at": stamp(minutes),
    }
    day.bodies += [{"order": back}, {"refund": refund}]
    ends = draw(st.sampled_from(["PENDING", "COMPLETED", "FAILED"]))
    if ends != "PENDING":
        day.bodies.append(
            {"refunds": [{**refund, "status": ends, "updated_at": stamp(minutes + 1)}]}
        )
    if ends == "COMPLETED":
        day.takings -= amount
        day.completed += 1


def assembled(bodies: list[Json]) -> list[Transaction]:
    return transactions(SQUARE, [json.dumps(body).encode() for body in bodies])


@settings(max_examples=60)
@given(day=days(), data=st.data())
def test_any_order_with_any_repetition_makes_the_same_transactions(
    day: Day, data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(day.bodies), max_size=8))
    shuffled = data.draw(st.permutations([*day.bodies, *again]))
    assert assembled(shuffled) == assembled(day.bodies)


@settings(max_examples=60)
@given(day=days())
def test_the_day_comes_to_what_its_maker_knows_to_the_cent(day: Day) -> None:
    made = assembled(day.bodies)
    done = [one for one in made if counts(one)]
    assert sum(one.totals.total for one in done) == day.takings
    assert sum(one.totals.tip for one in done) == day.tips
    assert sum(one.totals.discount for one in done) == day.discounts
    assert len(done) == day.completed
    assert all(one.totals.unpaid == 0 for one in done)


@settings(max_examples=60)
@given(day=days(), data=st.data())
def test_whatever_is_known_so_far_obeys_the_laws(day: Day, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(day.bodies))
    known = shuffled[: data.draw(st.integers(1, len(shuffled)))]
    for one in assembled(known):
        assert list(broken_laws(one)) == []
        assert (one.status is Status.OPEN) == (one.closed_at is None)
        if one.kind is Kind.REFUND:
            assert one.totals.total <= 0
            assert all(line.quantity < 0 <= line.unit_price for line in one.lines)
