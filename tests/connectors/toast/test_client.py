"""
A client of another's making, toastapi, must take the simulator for Toast.

It is generated from Toast's own OpenAPI documents: what it reads has their types, their names
and no others.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pydantic
import pytest
from toastapi.api import (
    AuthenticationApi,
    MenusV2Api,
    OrdersApi,
    PaymentsApi,
    RestaurantsApi,
)
from toastapi.api_client import ApiClient
from toastapi.configuration import Configuration
from toastapi.exceptions import ApiException, ForbiddenException, UnauthorizedException
from toastapi.models.authentication_request import AuthenticationRequest
from toastapi.models.check import Check
from toastapi.models.order import Order

from connectors.simulation.config import SimulatedShop
from connectors.toast.api import stamp
from connectors.toast.simulator import CLIENT_ID, CLIENT_SECRET, ToastSimulator
from streams.simulate import serve_simulator
from tests.connectors.simulated import finished, simulated

WEEK = timedelta(days=9)
"""Holds the whole history of a small simulator."""

SAMPLED = {"order.checks.customer.entityType"}
"""Is in the sample of Toast's guide, "Getting detailed information about one order"."""


class Open:
    """A served simulator, its clock, and the client for its first restaurant."""

    def __init__(self, toast: ToastSimulator) -> None:
        self.toast, self.now = toast, toast.ends
        self.place: SimulatedShop = toast.config.shops[0]
        self.step = timedelta(seconds=1)
        self.name = self.place.location_id
        self.api = ApiClient(Configuration())

    def clock(self) -> datetime:
        """Return the time, and let some go by before the next call."""
        self.now += self.step
        return self.now

    async def log_in(self, secret: str = CLIENT_SECRET) -> None:
        asked = AuthenticationRequest(
            client_id=CLIENT_ID,
            client_secret=secret,
            user_access_type="TOAST_MACHINE_CLIENT",
        )
        answer = await AuthenticationApi(self.api).login(asked)
        assert answer.status == "SUCCESS"
        assert answer.token is not None
        self.api.configuration.access_token = answer.token.access_token

    async def orders(self, size: int = 100) -> list[Order]:
        """Return all orders, in as many pages as there are."""
        found: list[Order] = []
        page = 1
        while page == 1 or len(found) == (page - 1) * size:
            found += await OrdersApi(self.api).get_multiple_orders(
                self.name,
                start_date=stamp(self.toast.ends - WEEK),
                end_date=stamp(self.toast.ends + timedelta(days=1)),
                page_size=size,
                page=page,
            )
            page += 1
        return found


@pytest.fixture
async def shop() -> AsyncIterator[Open]:
    toast = finished(simulated("toast", page_limit=0))
    assert isinstance(toast, ToastSimulator)
    opened = Open(toast)
    async with serve_simulator(toast, clock=opened.clock) as url:
        opened.api.configuration = Configuration(host=url)
        await opened.log_in()
        yield opened
        await opened.api.close()


def minor(amount: float | None) -> int:
    """Return a JSON number of dollars in cents; no cent may be broken."""
    cents = Decimal(str(amount or 0)) * 100
    assert cents == int(cents)
    return int(cents)


def strangers(given: object, model: object, where: str) -> Iterator[str]:
    """Yield the names of a body that Toast's documents do not have, wherever they are."""
    if isinstance(given, dict) and isinstance(model, pydantic.BaseModel):
        names = {field.alias or name: name for name, field in type(model).model_fields.items()}
        for key, value in given.items():
            if key in names:
                yield from strangers(value, getattr(model, names[key]), f"{where}.{key}")
            else:
                yield f"{where}.{key}"
    elif isinstance(given, list) and isinstance(model, list):
        for one, read in zip(given, model, strict=True):
            yield from strangers(one, read, where)


def completed(orders: list[Order]) -> Iterator[tuple[Order, Check]]:
    for order in orders:
        for check in order.checks or []:
            gone = order.voided or order.deleted or check.voided or check.deleted
            if not gone and check.payment_status != "OPEN":
                yield order, check


def refunded(check: Check, day: int) -> tuple[int, int]:
    """Return what came back of a check on a business day: of all, and of its tax."""
    given = [
        minor(pay.refund.refund_amount) + minor(pay.refund.tip_refund_amount)
        for pay in check.payments or []
        if pay.refund is not None and pay.refund.refund_business_date == day
    ]
    if not given:
        return 0, 0
    taxes = [
        minor(one.refund_details.tax_refund_amount)
        for one in check.selections
        if one.refund_details is not None
    ]
    return sum(given), sum(taxes)


async def test_what_it_reads_of_a_day_are_the_simulators_own_sums_to_the_cent(
    shop: Open,
) -> None:
    checks = list(completed(await shop.orders()))
    known = shop.toast.totals().of(shop.name)
    assert len(known) > 5
    for date, sums in known.items():
        day = int(f"{date:%Y%m%d}")
        here = [check for order, check in checks if order.business_date == day]
        gone = [refunded(check, day) for _, check in checks]
        back, tax_back = (sum(amounts) for amounts in zip(*gone, strict=True))
        tips = [minor(pay.tip_amount) for check in here for pay in check.payments or []]
        total = sum(minor(check.total_amount) for check in here) + sum(tips)
        assert len(here) == sums.sales
        assert back == -sums.refunded
        assert total - back == sums.total
        assert sum(minor(check.tax_amount) for check in here) - tax_back == sums.tax


async def test_the_pages_of_another_size_hold_the_same_orders(shop: Open) -> None:
    orders = await shop.orders()
    assert len(orders) > 100
    assert len({order.guid for order in orders}) == len(orders)
    assert await shop.orders(size=33) == orders


async def test_payments_are_found_by_the_day_they_were_made_or_came_back(shop: Open) -> None:
    api = PaymentsApi(shop.api)
    payments = [
        pay
        for order in await shop.orders()
        for check in order.checks or []
        for pay in check.payments or []
    ]
    given_back = [pay for pay in payments if pay.refund is not None]
    assert given_back
    one = given_back[0]
    assert one.refund is not None
    back = f"{one.refund.refund_business_date}"
    assert one.guid in await api.list_payments(shop.name, refund_business_date=back)
    paid = f"{one.paid_business_date}"
    assert one.guid in await api.list_payments(shop.name, paid_business_date=paid)
    alone = await api.get_payment_by_guid(shop.name, str(one.guid))
    assert (alone.amount, alone.refund) == (one.amount, one.refund)
    voided = [pay for pay in payments if pay.payment_status == "VOIDED"]
    assert voided[0].void_info is not None
    day = f"{voided[0].void_info.void_business_date}"
    assert voided[0].guid in await api.list_payments(shop.name, void_business_date=day)


async def test_every_body_has_toasts_names_with_toasts_types_and_no_others(shop: Open) -> None:
    unknown: set[str] = set()
    answer = await OrdersApi(shop.api).get_multiple_orders_with_http_info(
        shop.name,
        start_date=stamp(shop.toast.ends - WEEK),
        end_date=stamp(shop.toast.ends),
    )
    unknown |= set(strangers(json.loads(answer.raw_data), answer.data, "order"))
    menus = await MenusV2Api(shop.api).list_menus_with_http_info(shop.name)
    unknown |= set(strangers(json.loads(menus.raw_data), menus.data, "menus"))
    dates = await MenusV2Api(shop.api).get_menus_metadata_with_http_info(shop.name)
    unknown |= set(strangers(json.loads(dates.raw_data), dates.data, "metadata"))
    place = await RestaurantsApi(shop.api).get_restaurant_by_id_with_http_info(
        shop.name, shop.name
    )
    unknown |= set(strangers(json.loads(place.raw_data), place.data, "restaurant"))
    assert unknown == SAMPLED


async def test_the_restaurant_tells_its_zone_and_when_its_days_end(shop: Open) -> None:
    found = await RestaurantsApi(shop.api).get_restaurant_by_id(shop.name, shop.name)
    general = found.general
    assert general is not None
    assert (general.time_zone, general.closeout_hour, general.currency_code) == (
        shop.place.timezone,
        shop.place.cut_off_hour,
        shop.place.currency,
    )


async def test_whom_the_simulator_does_not_know_it_refuses(shop: Open) -> None:
    with pytest.raises(UnauthorizedException):
        await shop.log_in("another secret")
    with pytest.raises(ForbiddenException):
        await RestaurantsApi(shop.api).get_restaurant_by_id(shop.name, "another restaurant")
    shop.api.configuration.access_token = "of nobody"
    with pytest.raises(UnauthorizedException):
        await shop.orders()


async def test_the_call_that_is_one_too_many_is_refused_with_the_time_to_come_again(
    shop: Open,
) -> None:
    shop.step = timedelta(0)
    api = MenusV2Api(shop.api)
    await api.list_menus(shop.name)
    with pytest.raises(ApiException) as caught:
        await api.list_menus(shop.name)
    assert caught.value.status == 429
    reset = int(caught.value.headers["x-toast-ratelimit-reset"])
    assert shop.now.timestamp() < reset <= shop.now.timestamp() + 2
    shop.step = timedelta(seconds=2)
    await api.list_menus(shop.name)
