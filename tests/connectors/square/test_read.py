"""What Square's bodies tell, and which of them cannot be believed."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors.contract import Ignored, NeedsFetch, Parts, Rejected, Route, WantedBody
from tests.connectors.golden import ANYWHERE, BAKERY
from tests.connectors.square.bodies import (
    MORNING,
    SQUARE,
    Json,
    a_line,
    a_payment,
    a_refund,
    a_webhook,
    an_order,
    eur,
    made_of,
    read,
)

MORNING_US = 1_777_875_000_000_000
IN_EUROS = msgspec.structs.replace(BAKERY, currency="EUR")


def rejected(body: Json | bytes, **shop: Any) -> Rejected:
    outcome = read(body, msgspec.structs.replace(BAKERY, **shop))
    assert isinstance(outcome, Rejected), outcome
    return outcome


def told(body: Json | bytes) -> Parts:
    outcome = read(body)
    assert isinstance(outcome, Parts), outcome
    return outcome


def changed(body: Json, path: str, value: object) -> Json:
    """Return a copy with the value at a dotted path replaced; None removes it."""
    copy = deepcopy(body)
    *way, last = path.split(".")
    inner: Any = copy
    for step in way:
        inner = inner[int(step)] if step.isdigit() else inner[step]
    key: Any = int(last) if last.isdigit() else last
    if value is None:
        del inner[key]
    else:
        inner[key] = value
    return copy


# --- keys, versions, wishes


def test_an_order_is_one_part_with_its_own_version_and_time() -> None:
    (part,) = told({"order": an_order()}).parts
    assert (part.transaction, part.part_id) == ("order:ORDER", "order")
    assert (part.version, part.updated_at_us) == (2, MORNING_US)


def test_an_order_of_a_till_has_no_version_and_time_decides() -> None:
    order = an_order()
    del order["version"]
    later = {**order, "updated_at": "2026-05-04T06:10:00.000001Z"}
    (first,), (second,) = told({"order": order}).parts, told({"order": later}).parts
    assert first.version == second.version == 0
    assert second.supersedes(first)


def test_money_belongs_to_its_order_and_wants_it_as_of_its_own_change() -> None:
    for body, part_id, key in (
        (a_webhook("payment.created", payment=a_payment()), "payment:PAYMENT", "order:ORDER"),
        (a_webhook("refund.updated", refund=a_refund()), "refund:REFUND", "order:RETURN"),
    ):
        outcome = told(body)
        assert [(p.transaction, p.part_id, p.version) for p in outcome.parts] == [
            (key, part_id, MORNING_US)
        ]
        assert outcome.wanted == (
            WantedBody(
                resource=f"orders/{key.removeprefix('order:')}",
                transaction=key,
                part_id="order",
                min_updated_at_us=MORNING_US,
            ),
        )


def test_money_without_an_order_is_its_own_key_and_wants_nothing() -> None:
    payment = a_payment()
    del payment["order_id"]
    outcome = told({"payment": payment})
    assert (outcome.parts[0].transaction, outcome.wanted) == ("payment:PAYMENT", ())
    outcome = told({"refund": {**a_refund(), "order_id": ""}})
    assert (outcome.parts[0].transaction, outcome.wanted) == ("refund:REFUND", ())


@pytest.mark.parametrize("kind", ["created", "updated", "fulfillment.updated"])
def test_an_order_webhook_is_a_stub_to_be_fetched(kind: str) -> None:
    stub = {"order_id": "O1", "version": 7, "location_id": "LBAKERY01", "updated_at": MORNING}
    outcome = read(a_webhook(f"order.{kind}", **{f"order_{kind.replace('.', '_')}": stub}))
    wanted = WantedBody(
        resource="orders/O1",
        transaction="order:O1",
        part_id="order",
        min_version=7,
        min_updated_at_us=MORNING_US,
    )
    assert isinstance(outcome, NeedsFetch)
    assert outcome.wanted == (wanted,)


def test_a_new_catalogue_version_is_fetched_from_a_little_before() -> None:
    outcome = read(
        a_webhook(
            "catalog.version.updated", catalog_version={"updated_at": "2026-05-04T06:10:00.53Z"}
        )
    )
    assert isinstance(outcome, NeedsFetch)
    assert outcome.wanted[0].resource == "catalog/changed-since/2026-05-04T06:09:00.530000Z"


def test_a_revoked_authorisation_is_said_and_other_news_is_ignored() -> None:
    assert told(a_webhook("oauth.authorization.revoked")).revoked
    for kind in ("location.updated", "customer.created", "payout.paid", "invoice.created"):
        outcome = read(a_webhook(kind))
        assert outcome == Ignored(f"{kind} tells nothing about sales, products or stock")


def test_the_text_of_a_body_never_gets_into_a_reason() -> None:
    outcome = read(a_webhook("Anna <anna@example.com>"))
    assert isinstance(outcome, Ignored)
    assert "anna" not in outcome.reason.lower()
    outcome = rejected({"order": changed(an_order(), "total_money.amount", "Anna")})
    assert "Anna" not in outcome.reason


# --- every shape of an answer


def test_what_a_body_is_shows_in_itself() -> None:
    order, payment, refund = an_order(), a_payment(), a_refund()
    for body, part_ids in (
        (order, ["order"]),
        ({"order": order}, ["order"]),
        ({"orders": [order, {**order, "id": "B"}], "cursor": "c"}, ["order", "order"]),
        (payment, ["payment:PAYMENT"]),
        ({"payments": [payment]}, ["payment:PAYMENT"]),
        (refund, ["refund:REFUND"]),
        ({"refunds": [refund]}, ["refund:REFUND"]),
    ):
        assert [part.part_id for part in told(body).parts] == part_ids


def test_an_empty_answer_or_one_of_errors_is_ignored() -> None:
    errors = {"errors": [{"category": "API_ERROR", "code": "INTERNAL_SERVER_ERROR"}]}
    for body in ({}, {"payments": []}, {"orders": [], "cursor": "x"}, errors):
        assert isinstance(read(body), Ignored), body


def test_what_is_nothing_of_squares_is_unreadable() -> None:
    for body in ({"hello": 1}, {"id": "x"}, {"data": {}}, {"type": "x", "data": {"id": "y"}}):
        outcome = read(body)
        assert isinstance(outcome, Rejected | Ignored)
    for raw in (b"", b"[]", b"null", b"12", b'"x"', b"{", b"\xff\xfe", b'{"order": NaN}'):
        assert rejected(raw).error_type == "unreadable", raw


def test_what_happened_elsewhere_is_ignored_by_a_shop_and_taken_by_a_shop_without_a_place() -> (
    None
):
    elsewhere = {"location_id": "OTHER"}
    for body in (
        {"order": an_order(**elsewhere)},
        {"payment": a_payment(**elsewhere)},
        {"refund": a_refund(**elsewhere)},
        a_webhook("order.updated", order_updated={"order_id": "O", **elsewhere}),
    ):
        assert isinstance(read(body), Ignored)
        assert isinstance(read(body, ANYWHERE), Parts | NeedsFetch)


# --- what cannot be believed

TAXED = an_order(
    a_line(1000, "2", tax=140, applied_taxes=[{"tax_uid": "t", "applied_money": eur(140)}]),
    taxes=[{"uid": "t", "name": "USt", "type": "ADDITIVE", "applied_money": eur(140)}],
    net_amounts={"total_money": eur(2140)},
)


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("total_money.amount", 2141, "total_money"),
        ("total_tax_money.amount", 139, "total_tax_money"),
        ("total_discount_money.amount", 1, "total_discount_money"),
        ("total_service_charge_money", eur(5), "total_service_charge_money"),
        ("total_tip_money", eur(5), "total_money"),
        ("net_amounts.total_money.amount", 2000, "net_amounts.total_money"),
        ("line_items.0.total_money.amount", 2000, "line total_money"),
        ("line_items.0.quantity", "3", "line variation_total_price_money"),
        ("line_items.0.total_discount_money.amount", 10, "line total_money"),
        ("line_items.0.applied_taxes.0.applied_money.amount", 141, "line taxes"),
        ("taxes.0.applied_money.amount", 141, "taxes"),
        ("line_items", [], "total_money"),
    ],
)
def test_an_order_that_contradicts_itself_is_unbalanced(
    path: str, value: object, field: str
) -> None:
    assert isinstance(read(TAXED), Parts)
    outcome = rejected({"order": changed(TAXED, path, value)})
    assert outcome.error_type == "unbalanced"
    if path != "line_items":
        assert outcome.reason.startswith(f"{field}: ")
    assert "difference" in outcome.reason


def test_the_difference_is_in_the_reason() -> None:
    outcome = rejected({"order": changed(TAXED, "total_money.amount", 2150)})
    assert outcome.reason == "total_money: parts make 2140, the body says 2150, difference 10"


def test_a_return_that_contradicts_itself_is_unbalanced() -> None:
    back = {"return_line_items": [a_line(500)], "return_amounts": {"total_money": eur(501)}}
    order = an_order(line_items=[], total_money=eur(0), returns=[back])
    assert rejected({"order": order}).reason.startswith("return_amounts.total_money")


def test_a_payment_whose_tip_does_not_make_its_total_is_unbalanced() -> None:
    assert rejected({"payment": a_payment(tip_money=eur(50))}).error_type == "unbalanced"


@pytest.mark.parametrize("amount", [12.5, 300.0, "300", None, True, 10**16, -(10**30), [], {}])
def test_an_amount_is_a_json_integer_and_nothing_else(amount: object) -> None:
    body = json.dumps(an_order()).replace(
        '"total_money": {"amount": 300', '"total_money": {"amount": ' + json.dumps(amount)
    )
    assert rejected(body.encode()).error_type == "unreadable"


def test_an_exponent_is_no_integer() -> None:
    body = json.dumps(an_order(a_line(1000))).replace('"amount": 1000', '"amount": 1e3')
    assert rejected(body.encode()).error_type == "unreadable"


@pytest.mark.parametrize(
    "quantity", ["", "-1", "1e3", "NaN", "1,5", "0.123456", "Infinity", "१", "1_0", "9" * 40]
)
def test_a_quantity_is_a_decimal_of_at_most_five_places(quantity: str) -> None:
    order = changed(an_order(), "line_items.0.quantity", quantity)
    assert rejected({"order": order}).error_type == "unreadable"


@pytest.mark.parametrize(
    "time",
    [
        "yesterday",
        "2026-05-04",
        "2026-05-04T06:10:00",
        "2026-02-30T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+14:00",
        1777875000,
    ],
)
def test_a_time_is_an_instant_that_a_till_can_have_seen(time: object) -> None:
    assert rejected({"order": an_order(created_at=time)}).error_type == "unreadable"
    assert rejected({"payment": a_payment(created_at=time)}).error_type == "unreadable"


def test_times_of_other_zones_and_nine_digits_are_the_same_instant() -> None:
    (made,) = made_of({"order": an_order(created_at="2026-05-04T08:10:00.000000123+02:00")})
    assert made.occurred_at == datetime(2026, 5, 4, 6, 10, tzinfo=UTC)
    assert made.occurred_at.tzinfo is UTC


@pytest.mark.parametrize(
    "path", ["total_money.currency", "line_items.0.base_price_money.currency"]
)
def test_two_currencies_in_one_order_are_the_wrong_currency(path: str) -> None:
    for text in (json.dumps, lambda body: json.dumps(body, separators=(",", ":"))):
        body = text(changed({"order": an_order()}, f"order.{path}", "USD")).encode()
        assert rejected(body).error_type == "wrong-currency"


def test_a_currency_that_is_not_the_shops_is_the_wrong_one() -> None:
    for body in ({"order": an_order()}, {"payment": a_payment()}, {"refund": a_refund()}):
        assert isinstance(read(body, IN_EUROS), Parts)
        assert rejected(body, currency="CHF").error_type == "wrong-currency"


def test_an_escaped_key_hides_no_currency() -> None:
    body = json.dumps(changed(an_order(), "total_money.currency", "USD"))
    hidden = body.replace('"currency": "USD"', '"curr\\u0065ncy": "USD"')
    assert rejected(hidden.encode()).error_type == "wrong-currency"


def test_the_word_currency_in_a_name_is_only_a_name() -> None:
    order = changed(an_order(), "line_items.0.name", 'The "currency":"USD" cake')
    assert isinstance(read({"order": order}), Parts)


# --- routing


def test_a_webhook_names_its_merchant_places_and_delivery() -> None:
    counts = [{"location_id": place} for place in ("B", "A", "B")]
    for body, places in (
        (a_webhook("payment.updated", payment=a_payment()), ("LBAKERY01",)),
        (a_webhook("refund.updated", refund=a_refund()), ("LBAKERY01",)),
        (a_webhook("order.updated", order_updated={"location_id": "L2"}), ("L2",)),
        (a_webhook("inventory.count.updated", inventory_counts=counts), ("B", "A")),
        ({**a_webhook("location.updated"), "location_id": "L3"}, ("L3",)),
        (a_webhook("oauth.authorization.revoked"), ()),
    ):
        assert SQUARE.route(json.dumps(body).encode()) == Route(
            merchant="MERCHANT", locations=places, delivery_id="EVENT", resource=body["type"]
        )


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"merchant_id":5,"type":"x"}', b"\xff"])
def test_a_webhook_without_a_merchant_goes_nowhere(body: bytes) -> None:
    assert isinstance(SQUARE.route(body), Rejected)
