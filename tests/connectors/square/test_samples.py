"""Square's own published payloads, where a folder of them stands beside the project."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from connectors.contract import Delivery, Ignored, NeedsFetch, Parts, SigningKey
from schemas.transaction import Kind, Status, broken_laws
from tests.connectors.golden import ANYWHERE, newest, read, transactions
from tests.connectors.square.bodies import SQUARE

PAYLOADS = Path(__file__).parents[3].parent / "shared" / "payloads" / "square"

pytestmark = pytest.mark.skipif(
    not PAYLOADS.is_dir(), reason="no folder ../shared/payloads/square beside the project"
)


def body(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


def told(name: str) -> Parts:
    outcome = read(SQUARE, body(name), ANYWHERE)
    assert isinstance(outcome, Parts), outcome
    return outcome


def wanted(name: str) -> list[str]:
    outcome = read(SQUARE, body(name), ANYWHERE)
    assert isinstance(outcome, NeedsFetch), outcome
    return [want.resource for want in outcome.wanted]


def test_the_published_signatures_are_authentic_and_only_they() -> None:
    vectors = json.loads(body("signature_vectors"))["vectors"]
    assert len(vectors) == 3
    for vector in vectors:
        keys = [SigningKey(vector["signature_key"])]
        headers = {"x-square-hmacsha256-signature": vector["signature"]}
        raw, url = vector["raw_body"].encode(), vector["notification_url"]
        now = datetime(2026, 1, 1, tzinfo=UTC)
        assert SQUARE.authentic(Delivery(headers, url, raw), keys, now) == vector["valid"]
        assert not SQUARE.authentic(Delivery(headers, url, raw + b" "), keys, now)
        reserialised = json.dumps(json.loads(raw)).encode()
        assert not SQUARE.authentic(Delivery(headers, url, reserialised), keys, now)


def test_stubs_are_fetched() -> None:
    assert wanted("webhook_order_created_stub") == ["orders/eA3vssLHKJrv9H0IdJCM3gNqfdcZY"]
    assert wanted("webhook_order_updated_stub") == ["orders/eA3vssLHKJrv9H0IdJCM3gNqfdcZY"]
    since = "catalog/changed-since/2019-10-29T17:25:16.530000Z"
    assert wanted("webhook_catalog_version_updated") == [since]


def test_a_changed_location_tells_nothing_of_sales() -> None:
    outcome = read(SQUARE, body("webhook_location_updated_no_object"), ANYWHERE)
    assert isinstance(outcome, Ignored)


def test_the_payment_of_a_dollar_is_newer_when_captured() -> None:
    (approved,) = told("webhook_payment_created").parts
    (captured,) = told("webhook_payment_updated").parts
    assert approved.transaction == captured.transaction == "order:03O3USaPaAaFnI6kkwB1JxGgBsUZY"
    assert approved.part_id == captured.part_id == "payment:hYy9pRFVxpDsO1FB05SunFWUe9JZY"
    assert captured.supersedes(approved)
    assert not approved.supersedes(captured)
    assert transactions(SQUARE, [body("webhook_payment_updated")], ANYWHERE) == []


def test_the_list_of_payments_is_one_part_that_wants_its_order() -> None:
    outcome = told("api_list_payments")
    assert [part.part_id for part in outcome.parts] == ["payment:bP9mAsEMYPUGjjGNaNO5ZDVyLhSZY"]
    assert [want.resource for want in outcome.wanted] == [
        "orders/d7eKah653Z579f3gVtjlxpSlmUcZY"
    ]


def test_the_refund_waits_for_its_return_order() -> None:
    (part,) = told("webhook_refund_updated").parts
    assert part.transaction == "order:haOyDuHiqtAXMk0d8pDKXpL7Jg4F"
    bundle = newest([part])[part.transaction]
    assert SQUARE.assemble(part.transaction, bundle, ANYWHERE) == ()


def test_the_order_at_half_price_is_open_and_adds_up() -> None:
    (made,) = transactions(SQUARE, [body("api_retrieve_order_with_order_discount")], ANYWHERE)
    assert (made.kind, made.status, made.currency) == (Kind.SALE, Status.OPEN, "USD")
    assert made.business_day == date(2020, 5, 18)
    assert [(line.name, line.gross, line.discount, line.net) for line in made.lines] == [
        ("Item 1", 500, 250, 250),
        ("Item 2", 600, 300, 300),
    ]
    assert [(one.name, one.amount) for one in made.discounts] == [("50% Off", 550)]
    totals = made.totals
    assert (totals.gross, totals.discount, totals.net, totals.total) == (1100, 550, 550, 550)
    assert (made.tenders, totals.unpaid, made.closed_at) == ((), 550, None)
    assert list(broken_laws(made)) == []


def test_the_catalogue_is_three_teas() -> None:
    found = [
        (one.name, one.price, one.currency)
        for one in told("api_search_catalog_objects").products
    ]
    assert found == [
        ("Tea - Black", 150, "USD"),
        ("Tea - Black (Large)", 225, "USD"),
        ("Tea - Green", 150, "USD"),
    ]


def test_the_count_is_ten_in_stock() -> None:
    (count,) = told("webhook_inventory_count_updated").counts
    assert (count.pos_product_id, count.quantity) == ("FGQ5JJWT2PYTHF35CKZ2DSKP", "10")
    assert count.counted_at == datetime(2019, 10, 29, 18, 38, 45, 102960, tzinfo=UTC)


@pytest.mark.parametrize(
    "path", sorted(PAYLOADS.glob("webhook_*.json")), ids=lambda path: path.stem
)
def test_every_webhook_has_a_way_to_its_merchant(path: Path) -> None:
    route = SQUARE.route(path.read_bytes())
    said = json.loads(path.read_bytes())
    assert (route.merchant, route.delivery_id, route.resource) == (  # type: ignore[union-attr]
        said["merchant_id"],
        said["event_id"],
        said["type"],
    )
