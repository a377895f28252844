"""What bodies of the X-Series mean, rule by rule."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from hmac import digest

import msgspec
import pytest

from connectors.contract import (
    Delivery,
    Ignored,
    NeedsFetch,
    Parts,
    Rejected,
    Route,
    SigningKey,
)
from schemas.transaction import Method, Status
from tests.connectors.golden import RECEIVED
from tests.connectors.lightspeed_x.bodies import (
    SHOP,
    XSERIES,
    Json,
    answer,
    as_dated,
    as_webhook,
    encoded,
    form,
    line,
    made,
    payment,
    read,
    sale,
)

NOW = datetime(2026, 5, 4, tzinfo=UTC)
SECRET = "application-secret"


def tee(**more: object) -> Json:
    lines = [line("l1", "tee", "34.74783", "1", "5.21217")]
    return sale("s1", lines, [payment("p1", "39.96")], "34.74783", "5.21217", **more)


def delivery(body: bytes, signature: str) -> Delivery:
    header = f"signature={signature},algorithm=HMAC-SHA256"
    return Delivery({"x-signature": header}, "https://example.org/hook", body)


def test_a_signature_of_the_exact_body_is_authentic_in_hex_and_in_base64() -> None:
    body, keys = form(tee()), [SigningKey(SECRET)]
    due = digest(SECRET.encode(), body, sha256)
    for signature in (due.hex(), due.hex().upper(), b64encode(due).decode()):
        assert XSERIES.authentic(delivery(body, signature), keys, NOW)
        assert not XSERIES.authentic(delivery(body + b"&x=1", signature), keys, NOW)
        assert not XSERIES.authentic(delivery(body, signature), [SigningKey("other")], NOW)
        assert not XSERIES.authentic(delivery(body, signature), [], NOW)


def test_an_old_key_is_good_until_its_time_and_nothing_else_is() -> None:
    body = form(tee())
    signature = digest(SECRET.encode(), body, sha256).hex()
    old = SigningKey(SECRET, valid_until=datetime(2026, 5, 3, tzinfo=UTC))
    assert not XSERIES.authentic(delivery(body, signature), [old], NOW)
    assert XSERIES.authentic(delivery(body, signature), [old], datetime(2026, 5, 2, tzinfo=UTC))
    for header in ("", "signature=", f"signature={signature},algorithm=MD5", signature):
        unsigned = Delivery({"x-signature": header}, "", body)
        assert not XSERIES.authentic(unsigned, [SigningKey(SECRET)], NOW)
    empty = digest(SECRET.encode(), b"", sha256).hex()
    assert not XSERIES.authentic(delivery(b"", empty), [SigningKey(SECRET)], NOW)


def test_a_webhook_names_its_store_and_outlet() -> None:
    assert XSERIES.route(form(tee())) == Route(
        merchant="tepapa", locations=("outlet-1",), resource="sale.update"
    )
    route = XSERIES.route(form({"id": "x"}, "customer.update"))
    assert route == Route(merchant="tepapa", resource="customer.update")


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"payload=", b"domain_prefix=a", b"payload=%7B%7D", b"\xff=1"]
)
def test_what_is_no_webhook_has_no_way(body: bytes) -> None:
    assert isinstance(XSERIES.route(body), Rejected)


def test_a_form_post_is_the_same_as_what_it_carries() -> None:
    assert read(form(as_webhook(tee()))) == read(as_webhook(tee()))


def test_a_webhook_about_something_else_is_ignored() -> None:
    for kind in ("customer.update", "register_closure.create"):
        assert isinstance(read(form({"id": "x", "totals": {}}, kind)), Ignored)


def test_the_three_shapes_of_a_sale_are_one_part() -> None:
    flat, texts, nested = tee(), as_webhook(tee()), as_dated(tee())
    outcomes = [
        read(body) for body in (flat, answer(flat), [flat], texts, nested, {"data": nested})
    ]
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert isinstance(outcomes[0], Parts)


def test_without_the_accounts_currency_no_amount_can_be_read() -> None:
    outcome = read(tee(), msgspec.structs.replace(SHOP, currency=None))
    assert isinstance(outcome, Rejected)
    assert outcome.error_type == "wrong-currency"
    assert "the account's currency is needed" in outcome.reason


def test_a_payment_in_another_currency_is_rejected() -> None:
    other = {**payment("p1", "39.96"), "currency": "AUD"}
    outcome = read(tee(payments=[other]))
    assert outcome == Rejected("wrong-currency", "an amount in AUD where NZD is due")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"total_price": Decimal("34.76")},
            "total_price: parts make 3475, the body says 3476, difference 1",
        ),
        (
            {"total_tax": Decimal("5.3")},
            "line tax_total: parts make 521, the body says 530, difference 9",
        ),
        (
            {"total_price_incl": 41},
            "total_price_incl: parts make 3996, the body says 4100, difference 104",
        ),
    ],
)
def test_a_sale_that_contradicts_itself_is_rejected_by_how_much(
    change: Json, reason: str
) -> None:
    assert read(tee(**change)) == Rejected("unbalanced", reason)


def test_sales_of_another_outlet_are_ignored() -> None:
    assert isinstance(read(tee(outlet_id="outlet-2")), Ignored)
    anywhere = msgspec.structs.replace(SHOP, location_id="")
    assert len(made(tee(outlet_id="outlet-2"), shop=anywhere)) == 1


def test_the_greatest_version_wins_whatever_comes_last() -> None:
    voided = tee(status="VOIDED", version=1002)
    (one,) = made(voided, tee())
    assert one.status is Status.CANCELLED
    assert made(tee(), voided) == [one]


def test_a_sale_belongs_to_the_day_of_its_date_on_the_shops_clock() -> None:
    (one,) = made(
        tee(created_at="2026-05-01T01:00:00+00:00", sale_date="2026-05-04T13:00:00+00:00")
    )
    assert (one.business_day, one.local_hour) == (date(2026, 5, 5), 1)
    (late,) = made(
        tee(created_at="2026-05-09T01:00:00+00:00", sale_date="2026-05-04T13:00:00+00:00")
    )
    assert late.occurred_at == late.closed_at


@pytest.mark.parametrize(
    ("status", "state", "attributes", "expected"),
    [
        ("SAVED", "parked", [], Status.OPEN),
        (None, "parked", [], Status.OPEN),
        (None, "pending", ["layby"], Status.OPEN),
        (None, "pending", ["onaccount"], Status.COMPLETED),
        (None, "closed", ["layby"], Status.COMPLETED),
        (None, "voided", [], Status.CANCELLED),
        ("ONACCOUNT_CLOSED", None, [], Status.COMPLETED),
        ("AWAITING_DISPATCH", None, [], Status.OPEN),
        (None, "pending", ["delivery"], Status.OPEN),
        ("DISPATCHED_CLOSED", None, [], Status.COMPLETED),
        ("AWAITING_PICKUP", None, [], Status.OPEN),
        ("PICKED_UP_CLOSED", None, [], Status.COMPLETED),
        ("SERVICE", None, [], Status.OPEN),
        ("SERVICE_CLOSED", None, [], Status.COMPLETED),
        ("NEW_WORD", None, [], Status.OPEN),
    ],
)
def test_a_sale_stands_where_its_status_or_state_says(
    status: str | None, state: str | None, attributes: list[str], expected: Status
) -> None:
    (one,) = made(tee(status=status, state=state, attributes=attributes))
    assert one.status is expected


def test_a_payment_is_known_by_its_kind_else_by_its_name() -> None:
    payments = [
        payment("p1", "10", 1, "Till money"),
        payment("p2", "10", 3, "Terminal"),
        payment("p3", "10", 118, "Voucher"),
        payment("p4", "5", 99, "Store Credit"),
        payment("p5", "4.96", 106, "Loyalty"),
        payment("p6", "0", 1, "Cash"),
    ]
    (one,) = made(tee(payments=payments))
    assert [tender.method for tender in one.tenders] == [
        Method.CASH,
        Method.CARD,
        Method.GIFT_CARD,
        Method.HOUSE_ACCOUNT,
        Method.OTHER,
    ]


def test_a_sale_without_its_lines_is_wanted_whole() -> None:
    bare = {name: value for name, value in tee().items() if name != "line_items"}
    outcome = read(answer(bare))
    assert isinstance(outcome, NeedsFetch)
    assert [(want.resource, want.min_version) for want in outcome.wanted] == [
        ("sales/s1", 1001)
    ]


def test_a_product_of_a_webhook_has_no_version_and_is_wanted() -> None:
    product: Json = {"id": "tee", "handle": "tee", "sku": "T-1", "name": "Tee"}
    outcome = read(form(product, "product.update"))
    assert isinstance(outcome, NeedsFetch)
    assert [want.resource for want in outcome.wanted] == ["products/tee"]
    known = {
        **product,
        "version": 7,
        "variant_name": "Tee / Black",
        "price_excluding_tax": Decimal("34.74783"),
        "type": {"name": "Shirts"},
        "is_active": False,
    }
    told = read({"data": [known]})
    assert isinstance(told, Parts)
    (one,) = told.products
    assert (one.name, one.sku, one.category, one.price, one.version, one.deleted) == (
        "Tee / Black",
        "T-1",
        "Shirts",
        3475,
        7,
        True,
    )


def test_stock_counts_as_of_when_it_was_heard_of() -> None:
    stock = {"product_id": "tee", "outlet_id": "outlet-1", "inventory_level": -3, "version": 5}
    outcome = read({"data": [stock, {**stock, "outlet_id": "outlet-2"}]})
    assert isinstance(outcome, Parts)
    (count,) = outcome.counts
    assert (count.quantity, count.counted_at) == ("-3", RECEIVED)


def test_stock_that_is_posted_is_left_to_the_next_poll_because_posts_overtake_each_other() -> (
    None
):
    stock = {"product_id": "tee", "outlet_id": "outlet-1", "count": "-3", "version": 5}
    assert isinstance(read(form(stock, "inventory.update")), Ignored)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": {"name": "x"}},
        tee(total_price="x"),
        tee(total_price=True),
        tee(version=-1),
        tee(sale_date="now"),
        tee(id=None),
        b"payload=%7B",
    ],
)
def test_what_is_no_body_of_the_x_series_is_never_believed(body: object) -> None:
    outcome = read(body)
    assert isinstance(outcome, Rejected)
    assert outcome.error_type == "unreadable"


def test_numbers_are_exact_to_their_last_digit() -> None:
    body = encoded(tee()).replace(b"34.74783", b"34.747830000000000000001")
    (one,) = made(body)
    assert one.totals.total == 3996
