from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from connectors.contract import Delivery, Ignored, Parts, Rejected, Route, SigningKey
from tests.connectors.lightspeed_k.bodies import KSERIES, SHOP, bytes_of, read

FOLDER = Path(__file__).parents[4] / "shared" / "payloads" / "lightspeed-k"
NOW = datetime(2026, 5, 4, tzinfo=UTC)
KEY = SigningKey("till:stream")
ITEM = {
    "sku": "UGG-BB-PUR-06",
    "businessLocationId": 247158188015618,
    "count": 5,
    "countUpdatedAt": "2026-05-04T09:42:00.000+00:00",
    "status": "RESTRICTED",
    "type": "ITEM",
}

payloads = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no {FOLDER.name} payloads beside us"
)


def delivery(secret: str, body: bytes = b"{}") -> Delivery:
    basic = b64encode(secret.encode()).decode()
    return Delivery({"authorization": f"Basic {basic}"}, "https://example.test/hook", body)


def test_user_name_and_password_are_all_the_proof_there_is() -> None:
    assert KSERIES.authentic(delivery("till:stream"), [KEY], NOW)
    assert not KSERIES.authentic(delivery("till:streaM"), [KEY], NOW)
    assert not KSERIES.authentic(delivery("till:stream", b""), [KEY], NOW)
    assert not KSERIES.authentic(Delivery({}, "", b"{}"), [KEY], NOW)
    assert not KSERIES.authentic(delivery(""), [SigningKey("")], NOW)


def test_an_old_password_is_good_while_its_window_lasts() -> None:
    old = SigningKey("till:old", NOW + timedelta(hours=1))
    assert KSERIES.authentic(delivery("till:old"), [KEY, old], NOW)
    assert not KSERIES.authentic(delivery("till:old"), [KEY, old], NOW + timedelta(hours=2))


def test_a_webhook_is_routed_by_its_business_location() -> None:
    location = "247158188015618"
    assert KSERIES.route(bytes_of(ITEM)) == Route(
        merchant=location, locations=(location,), resource="ITEM"
    )
    assert isinstance(KSERIES.route(b'{"type":"ORDER"}'), Rejected)


def test_a_restricted_item_is_counted_at_the_time_of_its_count() -> None:
    outcome = read(ITEM)
    assert isinstance(outcome, Parts)
    (count,) = outcome.counts
    assert (count.pos_product_id, count.quantity) == ("UGG-BB-PUR-06", "5")
    assert count.counted_at == datetime(2026, 5, 4, 9, 42, tzinfo=UTC)


def test_of_an_unrestricted_item_nobody_counts_what_is_left() -> None:
    assert isinstance(read({**ITEM, "count": None, "status": "NOT_RESTRICTED"}), Ignored)


def test_another_locations_news_is_ignored_unless_any_will_do() -> None:
    other = {**ITEM, "businessLocationId": "1"}
    assert isinstance(read(other), Ignored)
    assert isinstance(read(other, msgspec.structs.replace(SHOP, location_id="")), Parts)


def test_a_list_of_restricted_items_is_their_counts() -> None:
    page = {"data": [{"sku": "A", "count": 2, "updatedAt": "2026-05-04T09:42:00Z"}]}
    outcome = read({**page, "metadata": {"total": 1}})
    assert isinstance(outcome, Parts)
    assert [(one.pos_product_id, one.quantity) for one in outcome.counts] == [("A", "2")]


def test_items_are_products_by_sku_and_inactive_ones_are_gone() -> None:
    item = {"id": 3012455645, "name": "Burger", "sku": "B", "active": True}
    outcome = read(
        [{**item, "prices": [{"amount": 10.5}]}, {**item, "sku": "C", "active": False}]
    )
    assert isinstance(outcome, Parts)
    one, other = outcome.products
    assert (one.pos_product_id, one.price, one.deleted) == ("B", 1050, False)
    assert (other.pos_product_id, other.price, other.deleted) == ("C", None, True)


@payloads
@pytest.mark.parametrize(
    "name",
    [
        "item_not_restricted",
        "order_api_ready",
        "order_closed",
        "order_success_with_account",
        "order_success_without_account",
        "payment_success",
    ],
)
def test_samples_of_online_ordering_tell_nothing_of_sales_in_the_house(name: str) -> None:
    assert isinstance(read((FOLDER / f"webhook_{name}.json").read_bytes()), Ignored)


@payloads
def test_the_sample_of_a_restricted_item_is_a_count_of_five() -> None:
    outcome = read((FOLDER / "webhook_item_restricted.json").read_bytes())
    assert isinstance(outcome, Parts)
    assert [one.quantity for one in outcome.counts] == ["5"]


@payloads
def test_the_sample_page_of_sales_is_refused_for_it_does_not_add_up() -> None:
    pounds = msgspec.structs.replace(SHOP, currency="GBP")
    outcome = read((FOLDER / "api_v2_sales_page.json").read_bytes(), pounds)
    assert outcome == Rejected(
        "unbalanced",
        "number 1: line total: parts make 1000, the body says 1100, difference 100",
    )
