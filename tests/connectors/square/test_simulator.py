from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
import pytest

from connectors.contract import Ignored, NeedsFetch, Parts, Rejected, Request, SigningKey
from connectors.square.assemble import assemble
from connectors.square.read import read
from connectors.square.signature import authentic
from connectors.square.simulator import ROUGH, Call, Faults, SquareSimulator, bakeries
from schemas.part import Part
from schemas.transaction import Transaction, counts, product_key
from tests.connectors.square.simulated import NOW, a_square, ask, shop_of

LONG = {"days": 9, "orders_per_day": 45, "live_orders": 60, "page_limit": 0}


def finished(**given: Any) -> SquareSimulator:
    """Return a simulator whose live trade is over."""
    square = a_square(**given)
    for _ in square.deliveries():
        pass
    return square


@cache
def long_story(seed: int) -> SquareSimulator:
    return finished(seed=seed, shops=bakeries(4), **LONG)


def told(body: bytes) -> dict[str, Any]:
    return msgspec.json.decode(body)  # type: ignore[no-any-return]


# -- its own sums ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_the_sums_of_every_day_obey_the_laws_of_a_transaction(seed: int) -> None:
    days = long_story(seed).totals().days
    assert len(days) == 4 * 10
    for day in days:
        assert day.net == day.gross - day.discount - day.tax_included
        assert day.total == (
            day.gross
            - day.discount
            + (day.tax - day.tax_included)
            + day.service_charge
            + day.tip
            + day.gift_cards
        )
        assert sum(day.tenders.values()) == day.total
        assert day.transactions == day.sales + day.refunds + day.exchanges
        assert sum(sold.net for sold in day.products.values()) == day.net
        assert sum(sold.gross for sold in day.products.values()) == day.gross
        assert day.refunded <= 0


def read_by_our_connector(square: SquareSimulator, place: int) -> dict[str, Transaction]:
    """Return the transactions that count, by order, that our own reading makes of it all."""
    shop = shop_of(square.config.shops[place])
    parts: dict[str, dict[str, Part]] = defaultdict(dict)
    for kind in ("payment", "order", "refund"):
        for body in square.bodies(kind, shop.location_id).values():
            outcome = read(body, shop)
            assert isinstance(outcome, Parts), outcome
            for part in outcome.parts:
                parts[part.transaction][part.part_id] = part
    found = {}
    for key, pieces in parts.items():
        for transaction in assemble(key, pieces, shop):
            if counts(transaction):
                found[key.removeprefix("order:")] = transaction
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("place", range(4))
def test_its_sums_are_what_our_connector_makes_of_its_bodies(seed: int, place: int) -> None:
    square = long_story(seed)
    here = square.config.shops[place].location_id
    own = {name: bill for name, bill in square.bills().items() if bill.location_id == here}
    ours = read_by_our_connector(square, place)
    assert ours.keys() == own.keys()
    for name, bill in own.items():
        seen = ours[name]
        tenders: Counter[str] = Counter()
        for tender in seen.tenders:
            tenders[tender.method.value] += tender.amount
        assert (seen.kind.value, seen.business_day, seen.totals.total) == (
            bill.kind,
            bill.day,
            bill.total,
        )
        assert (seen.totals.tax, seen.totals.tip, seen.totals.service_charge) == (
            bill.tax,
            bill.tip,
            bill.service_charge,
        )
        assert sorted(
            (product_key(one), one.quantity, one.net) for one in seen.lines
        ) == sorted((one.key, one.units, one.net) for one in bill.lines)
        assert dict(tenders) == bill.tenders
        assert seen.totals.unpaid == 0


def test_everything_that_it_tells_is_believed() -> None:
    square = long_story(0)
    for bakery in square.config.shops:
        for kind in ("item", "change"):
            for body in square.bodies(kind, bakery.location_id).values():
                if kind == "item" and f'"{bakery.currency}"'.encode() not in body:
                    continue
                assert not isinstance(read(body, shop_of(bakery)), Rejected)


def test_only_what_is_released_and_complete_is_in_the_totals() -> None:
    square = a_square()
    today = square.config.shops[0].calendar.day_of(NOW)
    here = square.config.shops[0].location_id
    assert today not in square.totals().of(here)
    seen = [square.totals().of(here).get(today) for _ in square.deliveries()]
    bills = [0 if day is None else day.transactions for day in seen]
    assert bills == sorted(bills)
    assert bills[0] < bills[-1]
    open_orders = {
        name
        for name, body in square.bodies("order", here).items()
        if told(body)["state"] != "COMPLETED"
    }
    assert not open_orders & square.bills().keys()


def test_a_late_count_of_the_shelf_knows_what_was_sold_before_it() -> None:
    square = long_story(1)
    for place, bakery in enumerate(square.config.shops):
        changes = square.bodies("change", bakery.location_id).values()
        assert square.totals().stock[bakery.location_id] == recounted(square, place, changes)


def recounted(square: SquareSimulator, place: int, changes: Any) -> dict[str, Decimal]:
    """Return the stock from the bodies alone: last count, and what moved after it."""
    here = square.config.shops[place].location_id
    last: dict[str, tuple[datetime, Decimal]] = {}
    moves: list[tuple[str, datetime, Decimal]] = []
    for change in map(told, changes):
        if (counted := change.get("physical_count")) is not None:
            at = datetime.fromisoformat(counted["occurred_at"])
            name = counted["catalog_object_id"]
            if name not in last or at >= last[name][0]:
                last[name] = at, Decimal(counted["quantity"])
        elif "transaction_id" not in (moved := change["adjustment"]):
            sign = 1 if moved["to_state"] == "IN_STOCK" else -1
            at = datetime.fromisoformat(moved["occurred_at"])
            moves.append((moved["catalog_object_id"], at, sign * Decimal(moved["quantity"])))
    for bill in square.bills().values():
        if bill.location_id == here:
            moves += [(line.key, bill.at, -line.units) for line in bill.lines]
    return {
        name: found + sum(m for key, when, m in moves if key == name and when > at)
        for name, (at, found) in last.items()
    }


# -- what there is -----------------------------------------------------------------------------


def test_everything_that_a_till_can_do_happens() -> None:
    square = finished(shops=bakeries(2), **{**LONG, "orders_per_day": 250})
    orders = [told(body) for body in square.bodies("order").values()]
    payments = [told(body) for body in square.bodies("payment").values()]
    refunds = [told(body) for body in square.bodies("refund").values()]
    text = b"\n".join(square.bodies("order").values())
    assert {one["state"] for one in orders} == {"COMPLETED", "CANCELED"}
    assert {one["status"] for one in payments} == {"COMPLETED", "CANCELED", "FAILED"}
    assert {one["status"] for one in refunds} == {"COMPLETED", "FAILED"}
    assert {t["type"] for one in orders for t in one.get("tenders", ())} == {
        "CARD",
        "CASH",
        "WALLET",
        "SQUARE_GIFT_CARD",
        "OTHER",
    }
    for word in (
        b"AUTO_GRATUITY",
        b'"type":"INCLUSIVE"',
        b'"type":"ADDITIVE"',
        b'"item_type":"GIFT_CARD"',
        b'"item_type":"CUSTOM_AMOUNT"',
        b'"modifiers":',
        b'"return_modifiers":',
        b'"weight_unit":"METRIC_KILOGRAM"',
        b'"scope":"ORDER"',
        b'"return_tips":',
        b'"return_discounts":',
    ):
        assert word in text, word
    assert any(len(one.get("tenders", ())) > 1 for one in orders)
    assert any("returns" in one and "line_items" in one for one in orders)
    assert any(one.get("line_items") and not one["total_money"]["amount"] for one in orders)
    assert any(one.get("is_offline_payment") for one in payments)
    assert any(one["is_deleted"] for one in map(told, square.bodies("item").values()))


def test_a_thing_is_never_older_than_its_version_before() -> None:
    square = a_square(**LONG)
    last: dict[str, tuple[datetime, int]] = {}
    for news in square._store.happenings:
        if news.kind in {"order", "payment", "refund", "item"}:
            body = told(news.body)
            at = datetime.fromisoformat(body["updated_at"])
            assert at == news.at
            now = at, body.get("version", 0)
            assert news.id not in last or last[news.id] <= now
            assert datetime.fromisoformat(body.get("created_at", body["updated_at"])) <= at
            last[news.id] = now


def test_the_tenants_own_list_has_matches_near_matches_and_gaps() -> None:
    square = a_square()
    own = {one.name for one in square.own_products()}
    skus = {one.sku for one in square.own_products()}
    sold = [told(body)["item_data"] for body in square.bodies("item").values()]
    sizes = [size["item_variation_data"] for item in sold for size in item["variations"]]
    assert sum(size.get("sku") in skus for size in sizes if size.get("sku")) > 10
    assert "Pain au Chocolat" in own
    assert "Pain au Choclat" in {item["name"] for item in sold}
    assert not any("Surprise" in name for name in own)


# -- from one seed -----------------------------------------------------------------------------


def whole_story(seed: int) -> list[object]:
    square = a_square(seed=seed, faults=ROUGH)
    story: list[object] = [list(square.deliveries()), msgspec.json.encode(square.totals())]
    bakery = square.config.shops[0]
    call = Request(method="GET", path="/v2/payments", query=(("limit", "5"),))
    return [*story, *(ask(square, bakery, call) for _ in range(30))]


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    assert whole_story(7) == whole_story(7)
    assert whole_story(7) != whole_story(8)


@pytest.mark.slow
def test_twenty_thousand_events_take_seconds() -> None:
    square = a_square(days=0, live_orders=6000, page_limit=0)
    assert sum(1 for _ in square.deliveries()) > 20_000


# -- webhooks ----------------------------------------------------------------------------------


def test_every_delivery_is_authentic_and_understood() -> None:
    square = a_square(faults=ROUGH)
    shop = shop_of(square.config.shops[0])
    key = SigningKey(square.config.signature_key)
    kinds: Counter[str] = Counter()
    for _, delivery in square.deliveries():
        assert authentic(delivery, (key,), NOW)
        body = told(delivery.body)
        kinds[body["type"]] += 1
        if shop.currency and f'"{shop.currency}"'.encode() in delivery.body:
            assert isinstance(read(delivery.body, shop), Parts | NeedsFetch | Ignored)
    assert {
        "payment.created",
        "payment.updated",
        "order.updated",
        "inventory.count.updated",
        "catalog.version.updated",
    } <= kinds.keys()


def events(square: SquareSimulator) -> list[tuple[str, bytes, datetime]]:
    return [
        (
            told(one.body)["event_id"],
            one.body,
            datetime.fromisoformat(told(one.body)["created_at"]),
        )
        for _, one in square.deliveries()
    ]


def test_without_faults_everything_is_told_once_and_in_order() -> None:
    found = events(a_square(live_orders=200))
    assert len({name for name, _, _ in found}) == len(found)
    times = [at for _, _, at in found]
    assert times == sorted(times)


def test_duplicates_losses_and_delays_are_as_many_as_asked_for() -> None:
    whole = events(a_square(live_orders=400))
    rough = Faults(duplicates=200, losses=100, delayed=300, max_delay_s=20)
    found = events(a_square(live_orders=400, faults=rough))
    names = Counter(name for name, _, _ in found)
    lost = len(whole) - len(names)
    assert len(whole) // 20 < lost < len(whole) // 6
    assert len(whole) // 10 < sum(count == 2 for count in names.values()) < len(whole) // 3
    times = [at for _, _, at in found]
    assert times != sorted(times)


def test_what_a_webhook_tells_of_can_be_fetched_when_it_arrives() -> None:
    square = a_square(faults=Faults(delayed=300, duplicates=100))
    for _, delivery in square.deliveries():
        body = told(delivery.body)
        if body["type"] == "payment.updated":
            payment = body["data"]["object"]["payment"]
            assert payment["order_id"] in square.bodies("order")


def test_history_can_be_delivered_too() -> None:
    square = a_square(live_orders=0)
    totals = square.totals()
    square.rewind(NOW - timedelta(days=30))
    assert not square.totals().days
    assert len(list(square.deliveries(NOW - timedelta(days=30)))) > 100
    square.release(NOW)
    assert square.totals() == totals


# -- what Square is particular about -----------------------------------------------------------


def get(square: SquareSimulator, path: str, now: datetime = NOW, **query: str) -> Any:
    request = Request(method="GET", path=path, query=tuple(query.items()))
    return told(ask(square, square.config.shops[0], request, now).body)


def test_payments_without_a_location_are_the_main_ones_and_refunds_are_everywhere() -> None:
    square = a_square(shops=bakeries(5), days=12, page_limit=0)
    main, branch = square.config.shops[0], square.config.shops[4]
    assert main.merchant_id == branch.merchant_id
    places = {one["location_id"] for one in get(square, "/v2/payments")["payments"]}
    assert places == {main.location_id}
    places = {one["location_id"] for one in get(square, "/v2/refunds")["refunds"]}
    assert places == {main.location_id, branch.location_id}


def test_payments_of_more_than_a_year_ago_need_a_begin_time() -> None:
    square = a_square(page_limit=0)
    later = NOW + timedelta(days=380)
    assert get(square, "/v2/payments", later) == {}
    assert get(square, "/v2/payments", later, begin_time="2020-01-01T00:00:00Z")["payments"]


def test_a_cursor_is_good_for_its_own_query_for_five_minutes() -> None:
    square = a_square()
    cursor = get(square, "/v2/payments", limit="5")["cursor"]
    assert get(square, "/v2/payments", limit="5", cursor=cursor)["payments"]
    for answer in (
        get(square, "/v2/payments", limit="6", cursor=cursor),
        get(square, "/v2/payments", NOW + timedelta(minutes=6), limit="5", cursor=cursor),
        get(square, "/v2/payments", limit="5", cursor="nonsense"),
    ):
        assert answer["errors"][0]["code"] == "INVALID_CURSOR"
        assert answer["errors"][0]["category"] == "INVALID_REQUEST_ERROR"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v2/payments/unknown", b"", 404),
        ("GET", "/v2/nothing", b"", 404),
        ("GET", "/", b"", 404),
        ("POST", "/v2/orders/search", b"{}", 400),
        ("POST", "/v2/orders/search", b"{", 400),
        ("POST", "/v2/orders/search", b'{"location_ids":[]}', 400),
        ("POST", "/v2/orders/search", b'{"location_ids":["elsewhere"]}', 403),
        ("POST", "/v2/orders/batch-retrieve", b'{"order_ids":["unknown"]}', 200),
    ],
)
def test_errors_have_squares_form(method: str, path: str, body: bytes, status: int) -> None:
    square = a_square()
    answer = ask(square, square.config.shops[0], Request(method=method, path=path, body=body))
    assert answer.status == status
    if status >= 400:
        (error,) = told(answer.body)["errors"]
        assert error.keys() >= {"category", "code", "detail"}


def test_nobody_gets_in_without_a_token() -> None:
    for authorization in ("", "Bearer wrong", "Basic x"):
        call = Call(
            method="GET", path="/v2/locations", headers={"authorization": authorization}
        )
        assert a_square().handle(call, NOW).response.status == 401
