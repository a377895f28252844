"""Square's own SDK must take the simulator for Square: its answers and its webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import msgspec
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from square import AsyncSquare
from square.core.api_error import ApiError
from square.types.catalog_object import CatalogObject_Item
from square.types.inventory_change import InventoryChange
from square.types.order import Order
from square.types.payment import Payment
from square.types.payment_refund import PaymentRefund
from square.utils.webhooks_helper import verify_signature

from connectors.contract import CredentialsError
from connectors.square.api import location
from connectors.square.simulator import Faults, SimulatedShop, SquareSimulator
from streams.simulate import serve_simulator
from tests.connectors.square.simulated import NOW, a_square, pages

MODELS: dict[str, type[pydantic.BaseModel]] = {
    "order": Order,
    "payment": Payment,
    "refund": PaymentRefund,
    "item": CatalogObject_Item,
    "change": InventoryChange,
}


class Open:
    """A served simulator, and the SDK's client for its first bakery."""

    def __init__(self, square: SquareSimulator, url: str) -> None:
        self.square, self.url = square, url
        self.bakery: SimulatedShop = square.config.shops[0]
        self.client = AsyncSquare(token=self.bakery.token, base_url=url)

    def known(self, kind: str) -> dict[str, bytes]:
        return self.square.bodies(kind, self.bakery.location_id)


@pytest.fixture
async def shop() -> AsyncIterator[Open]:
    square = a_square(live_orders=0, days=3, page_limit=40)
    async with serve_simulator(square, clock=lambda: NOW) as url:
        yield Open(square, url)


def strangers(model: object, where: str = "") -> Iterator[str]:
    """Yield the fields that the SDK does not know, wherever they are."""
    if isinstance(model, pydantic.BaseModel):
        for name in model.model_extra or {}:
            yield f"{where}.{name}"
        for name in type(model).model_fields:
            yield from strangers(getattr(model, name), f"{where}.{name}")
    elif isinstance(model, list):
        for one in model:
            yield from strangers(one, where)


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_every_body_has_exactly_squares_fields_with_squares_types(kind: str) -> None:
    bodies = a_square(days=12).bodies(kind)
    assert len(bodies) > 10
    unknown = set()
    for body in bodies.values():
        model = MODELS[kind].model_validate(msgspec.json.decode(body))
        unknown |= set(strangers(model, kind))
    assert unknown == set()


async def test_locations_and_merchants(shop: Open) -> None:
    (place,) = (await shop.client.locations.list()).locations or []
    assert (place.id, place.currency, place.timezone) == (
        shop.bakery.location_id,
        "EUR",
        "Europe/Berlin",
    )
    main = await shop.client.locations.get("main")
    assert main.location == place
    me = await shop.client.merchants.get("me")
    assert me.merchant is not None
    assert me.merchant.main_location_id == place.id


async def test_the_pager_brings_every_payment_once(shop: Open) -> None:
    pager = await shop.client.payments.list(location_id=shop.bakery.location_id, limit=7)
    found = [one.id async for one in pager]
    assert sorted(map(str, found)) == sorted(
        shop.square.bodies("payment", shop.bakery.location_id)
    )
    one = await shop.client.payments.get(str(found[0]))
    assert one.payment is not None
    assert one.payment.id == found[0]


async def test_payments_without_a_location_are_the_main_locations(shop: Open) -> None:
    pager = await shop.client.payments.list()
    assert {one.location_id async for one in pager} == {shop.bakery.location_id}


async def test_refunds(shop: Open) -> None:
    pager = await shop.client.refunds.list(sort_field="UPDATED_AT", sort_order="ASC")
    found = [one async for one in pager]
    assert {one.id for one in found} == set(
        shop.square.bodies("refund", shop.bakery.location_id)
    )
    times = [str(one.updated_at) for one in found]
    assert times == sorted(times)
    assert all(one.amount_money.amount for one in found)


async def test_orders_are_found_by_one_time_and_sorted_by_it(shop: Open) -> None:
    cursor: str | None = None
    found: list[Order] = []
    while True:
        answer = await shop.client.orders.search(
            location_ids=[shop.bakery.location_id],
            query={"sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"}},
            cursor=cursor,
        )
        found += answer.orders or []
        cursor = answer.cursor
        if cursor is None:
            break
    assert {one.id for one in found} == set(
        shop.square.bodies("order", shop.bakery.location_id)
    )
    times = [str(one.updated_at) for one in found]
    assert times == sorted(times)
    ids = [str(one.id) for one in found[:3]]
    batch = await shop.client.orders.batch_get(order_ids=[*ids, "unknown"])
    assert [one.id for one in batch.orders or []] == ids
    alone = await shop.client.orders.get(ids[0])
    assert alone.order == found[0]


async def test_a_filter_by_another_time_than_the_sort_is_refused(shop: Open) -> None:
    with pytest.raises(ApiError) as caught:
        await shop.client.orders.search(
            location_ids=[shop.bakery.location_id],
            query={
                "filter": {"date_time_filter": {"updated_at": {"start_at": NOW.isoformat()}}},
                "sort": {"sort_field": "CREATED_AT"},
            },
        )
    assert caught.value.status_code == 400


async def test_the_catalogue(shop: Open) -> None:
    pager = await shop.client.catalog.list(types="ITEM")
    listed = {one.id async for one in pager}
    changed = await shop.client.catalog.search(
        object_types=["ITEM"], include_deleted_objects=True, begin_time="2020-01-01T00:00:00Z"
    )
    assert listed
    assert listed >= {one.id for one in changed.objects or [] if not one.is_deleted}
    answer = await shop.client.catalog.object.get(next(iter(listed)))
    assert answer.object is not None
    assert answer.object.type == "ITEM"


async def test_stock_is_the_last_count_and_what_moved_after_it(shop: Open) -> None:
    place = shop.bakery.location_id
    pager = await shop.client.inventory.batch_get_counts(location_ids=[place])
    found = {str(one.catalog_object_id): Decimal(str(one.quantity)) async for one in pager}
    assert found == shop.square.totals().stock[place]
    name = next(iter(found))
    alone = await shop.client.inventory.get(name, location_ids=place)
    assert [one.quantity async for one in alone] == [str(found[name])]
    changes = await shop.client.inventory.batch_get_changes(
        location_ids=[place], types=["PHYSICAL_COUNT"]
    )
    assert {one.type async for one in changes} == {"PHYSICAL_COUNT"}


async def test_a_token_that_expired_is_refused_and_can_be_renewed(shop: Open) -> None:
    shop.square.book.expire(shop.bakery.token, NOW)
    with pytest.raises(ApiError) as caught:
        await shop.client.locations.list()
    assert caught.value.status_code == 401
    grant = await shop.client.o_auth.obtain_token(
        client_id="app",
        client_secret="secret",
        grant_type="refresh_token",
        refresh_token=f"sim-refresh-{shop.bakery.merchant_id}",
    )
    again = AsyncSquare(token=str(grant.access_token), base_url=shop.url)
    assert (await again.locations.list()).locations


@pytest.mark.slow
async def test_the_sdk_gets_through_a_bad_day_by_trying_again() -> None:
    square = a_square(live_orders=0, faults=Faults(rate_limited=100, server_errors=100))
    async with serve_simulator(square, clock=lambda: NOW) as url:
        client = AsyncSquare(token=square.config.shops[0].token, base_url=url)
        for _ in range(2):
            answer = await client.locations.list(request_options={"max_retries": 6})
            assert answer.locations


@pytest.fixture(scope="module")
def delivered() -> SquareSimulator:
    return a_square()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_sdk_verifies_our_deliveries_and_no_altered_ones(
    delivered: SquareSimulator, data: st.DataObject
) -> None:
    deliveries = [one for _, one in delivered.deliveries()]
    one = data.draw(st.sampled_from(deliveries))
    place = data.draw(st.integers(0, len(one.body) - 1))
    altered = bytearray(one.body)
    altered[place] ^= 1
    for body, valid in ((one.body, True), (bytes(altered), False)):
        assert valid is verify_signature(
            request_body=body.decode(),
            signature_header=one.headers["x-square-hmacsha256-signature"],
            signature_key=delivered.config.signature_key,
            notification_url=one.url,
        )


def test_a_withdrawn_authorisation_is_told_and_closes_the_door() -> None:
    square = a_square(live_orders=0)
    bakery = square.config.shops[0]
    assert pages(square, bakery, location("main"))[0].bodies
    told = msgspec.json.decode(square.revoke(bakery.merchant_id, NOW).body)
    assert (told["type"], told["merchant_id"]) == (
        "oauth.authorization.revoked",
        bakery.merchant_id,
    )
    with pytest.raises(CredentialsError):
        pages(square, bakery, location("main"))
