"""What a till of one's own may leave out, and what is not believed of what it says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.catalogue import CONNECTORS
from connectors.contract import Delivery, Rejected, Shop, SigningKey
from connectors.push.read import part_of
from connectors.push.troubles import BodyError
from schemas.transaction import Kind, LineKind, Status, Tax, Transaction
from tests.connectors.golden import RECEIVED, home_of, read, transactions

PUSH = CONNECTORS["push"]
SHOP: Shop = home_of("push")


def a_sale(**more: Any) -> dict[str, Any]:
    return {
        "id": "1",
        "occurred_at": "2026-05-04T10:00:00+02:00",
        "lines": [{"name": "Pretzel", "unit_price": 250}],
        "tenders": [{"method": "cash", "amount": 250}],
    } | more


def line(**more: Any) -> dict[str, Any]:
    """A bill of one line that need not be paid."""
    return a_sale(lines=[{"name": "Pretzel"} | more], tenders=[], status="open")


def made(body: dict[str, Any]) -> Transaction:
    (transaction,) = transactions(PUSH, [json.dumps(body).encode()])
    return transaction


def trouble(body: Any) -> BodyError:
    with pytest.raises(BodyError) as found:
        part_of(body if isinstance(body, bytes) else json.dumps(body).encode(), SHOP)
    return found.value


def test_what_follows_from_the_rest_need_not_be_said() -> None:
    sale = made(a_sale())
    assert (sale.kind, sale.status, sale.currency) == (Kind.SALE, Status.COMPLETED, "EUR")
    assert (sale.totals.gross, sale.totals.net, sale.totals.total) == (250, 250, 250)
    assert f"{sale.business_day}" == "2026-05-04"
    assert (sale.local_hour, sale.closed_at) == (10, sale.occurred_at)
    assert sale.lines[0].kind is LineKind.CUSTOM_AMOUNT


def test_a_sale_before_the_cut_off_hour_is_of_the_day_before_unless_the_till_says_it() -> None:
    night = a_sale(occurred_at="2026-05-05T03:59:00+02:00")
    assert f"{made(night).business_day}" == "2026-05-04"
    assert f"{made(night | {'business_day': '2026-05-05'}).business_day}" == "2026-05-05"
    assert trouble(night | {"business_day": "2025-05-05"}).pointer == "/business_day"


def test_taxes_that_are_not_named_are_those_of_the_lines() -> None:
    lines = [{"name": "a", "unit_price": 119, "tax": 19, "tax_included": 19}]
    lines += [{"name": "b", "unit_price": 100, "tax": 7}]
    sale = made(a_sale(lines=lines, tenders=[{"method": "card", "amount": 226}]))
    assert sale.taxes == (
        Tax(name="Tax", amount=19, included=True),
        Tax(name="Tax", amount=7, included=False),
    )


def test_a_gross_may_be_rounded_by_less_than_a_cent_and_has_to_be_said_then() -> None:
    weighed = {"quantity": "0.385", "unit": "kg", "unit_price": 1990}
    assert trouble(line(**weighed)).pointer == "/lines/0/gross"
    for minor in (766, 767):
        assert made(line(**weighed, gross=minor)).totals.gross == minor
    assert trouble(line(**weighed, gross=768)).error_type == "unbalanced"


def test_a_unit_price_follows_from_a_gross() -> None:
    assert made(line(quantity=3, gross=1000)).lines[0].unit_price == 333
    assert made(line(quantity="-3", gross=-1000)).lines[0].unit_price == 333


@pytest.mark.parametrize(
    ("body", "error_type", "pointer"),
    [
        (a_sale(tenders=[]), "unbalanced", "/totals/unpaid"),
        (a_sale(totals={"total": 251}), "unbalanced", "/totals/total"),
        (a_sale(totals={"tax": 1}), "unbalanced", "/totals/tax"),
        (a_sale(totals={"unpaid": 5}), "unbalanced", "/totals/unpaid"),
        (a_sale(kind="refund"), "unbalanced", "/kind"),
        (a_sale(discounts=[{"name": "x", "amount": 1}]), "unbalanced", "/discounts"),
        (a_sale(taxes=[{"name": "x", "amount": 1, "included": True}]), "unbalanced", "/taxes"),
        (a_sale(currency="USD"), "wrong-currency", "/currency"),
        (a_sale(occurred_at="2026-05-04T10:00:00"), "unreadable", "/occurred_at"),
        (a_sale(occurred_at="1926-05-04T10:00:00Z"), "unreadable", "/occurred_at"),
        (a_sale(status="lost"), "unreadable", "/status"),
        (a_sale(id=""), "unreadable", "/id"),
        (a_sale(version=-1), "unreadable", "/version"),
        (a_sale(**{"a/b~c": 1}), "unreadable", "/a~1b~0c"),
        (line(unit_price=1, discuont=5), "unreadable", "/lines/0/discuont"),
        (line(), "unreadable", "/lines/0"),
        (line(unit_price=1.5), "unreadable", "/lines/0/unit_price"),
        (line(unit_price=-1), "unreadable", "/lines/0/unit_price"),
        (line(unit_price=1, quantity=0), "unreadable", "/lines/0/quantity"),
        (line(unit_price=1, quantity="1e12"), "unreadable", "/lines/0/quantity"),
        (line(unit_price=1, quantity="NaN"), "unreadable", "/lines/0/quantity"),
        (line(gross=-5, quantity=1), "unreadable", "/lines/0/gross"),
        (line(gross=4, unit_price=5), "unbalanced", "/lines/0/gross"),
        (line(unit_price=100, net=99), "unbalanced", "/lines/0/net"),
        (line(unit_price=9, tax=1, tax_included=2), "unbalanced", "/lines/0/tax_included"),
        (line(unit_price=10**13, quantity=2), "unreadable", "/lines/0/quantity"),
        (
            a_sale(
                lines=[{"name": "a", "gross": 0, "line_id": "2"}, {"name": "b", "gross": 5}]
            ),
            "unreadable",
            "/lines/1/line_id",
        ),
    ],
)
def test_what_is_not_believed_is_named_by_its_place(
    body: dict[str, Any], error_type: str, pointer: str
) -> None:
    found = trouble(body)
    assert (found.error_type, found.pointer) == (error_type, pointer)


def test_what_is_wrong_is_said_without_the_sender_s_own_words() -> None:
    for body in (
        a_sale(hush=1),
        a_sale(status="hush"),
        a_sale(tenders=[{"method": "hush", "amount": 250}]),
        a_sale(occurred_at="hush"),
        a_sale(currency="hush"),
        a_sale(id={"hush": "hush"}),
    ):
        outcome = read(PUSH, json.dumps(body).encode())
        assert isinstance(outcome, Rejected)
        assert "hush" not in outcome.reason


def test_a_shop_without_a_currency_needs_one_in_the_transaction() -> None:
    anywhere = Shop(
        tenant_id="t", account_id="a", location_id="", calendar=SHOP.calendar, currency=None
    )
    with pytest.raises(BodyError, match="currency"):
        part_of(json.dumps(a_sale()).encode(), anywhere)
    assert part_of(json.dumps(a_sale(currency="JPY")).encode(), anywhere).version == 1


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.integers(0, 9999), st.integers(0, 99)),
        min_size=1,
        max_size=5,
    )
)
def test_a_refund_undoes_its_sale_in_every_sum(goods: list[tuple[int, int, int]]) -> None:
    def bill(sign: int) -> Transaction:
        lines = [
            {"name": "x", "unit_price": price, "quantity": sign * count, "discount": sign * off}
            for count, price, off in goods
        ]
        paid = sign * sum(count * price - off for count, price, off in goods)
        return made(a_sale(lines=lines, tenders=[{"method": "cash", "amount": paid}]))

    sale, refund = bill(1), bill(-1)
    assert sale.totals.net == -refund.totals.net
    assert sale.totals.total == -refund.totals.total
    assert sale.totals.gross == -refund.totals.gross


def test_nothing_comes_by_webhook_and_nobody_is_asked() -> None:
    delivery = Delivery({}, "", b"{}")
    assert not PUSH.authentic(delivery, [SigningKey("secret")], RECEIVED)
    assert isinstance(PUSH.route(b"{}"), Rejected)
    asked = [PUSH.poll(SHOP, RECEIVED, RECEIVED), PUSH.snapshot(SHOP), PUSH.fetch(SHOP, "x")]
    assert [list(conversation) for conversation in asked] == [[], [], []]
