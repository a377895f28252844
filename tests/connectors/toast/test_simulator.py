"""The simulated Toast where it is like no other provider."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.catalogue import ACCESSES
from connectors.contract import CredentialsError, Request, Response
from connectors.exchange import Exchange, limiter_of
from connectors.simulation.calls import Call
from connectors.simulators import SIMULATORS
from connectors.toast.access import SLICES
from connectors.toast.api import RESTAURANT_HEADER, stamp
from connectors.toast.poll import poll
from connectors.toast.simulator import ToastSimulator
from schemas.raw import Channel
from schemas.transaction import Kind, Status, Transaction
from streams.simulate import serve_simulator
from tests.connectors.simulated import (
    NOW,
    Client,
    Reading,
    clients,
    finished,
    shop_of,
    simulated,
)

DAY = timedelta(days=1)
BULK = "/orders/v2/ordersBulk"


def a_toast(**given: Any) -> tuple[ToastSimulator, Client]:
    """Return a simulator and a client of its first restaurant that has logged in."""
    toast = simulated("toast", page_limit=0, **given)
    assert isinstance(toast, ToastSimulator)
    client = clients("toast", toast)[0]
    client.log_in(client.access.tokens)  # type: ignore[arg-type]
    return toast, client


def get(client: Client, path: str, **query: str) -> Response:
    return client.ask(Request(method="GET", path=path, query=tuple(query.items())))


def orders(client: Client, **query: str) -> list[dict[str, Any]]:
    answer = get(client, BULK, pageSize="100", **query)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)  # type: ignore[no-any-return]


def changed(client: Client, days: int = 8) -> Iterator[dict[str, Any]]:
    """Yield the orders that were changed in so many days."""
    end = client.simulator.ends
    for back in range(days, -1, -1):
        since = end - back * DAY
        yield from orders(client, startDate=stamp(since), endDate=stamp(since + DAY))


def not_back(made: Transaction) -> bool:
    return made.kind is not Kind.REFUND


# -- who may call, and how often -------------------------------------------------------------


def test_a_token_that_toast_forgot_is_fetched_anew() -> None:
    toast, client = a_toast()
    before = client.token
    toast.book.expire_all(client.clock.now)
    assert client.snapshot()
    assert client.token != before


def test_a_token_ends_when_its_life_does() -> None:
    _, client = a_toast(token_lives_s=60)
    client.clock.now += timedelta(seconds=61)
    assert get(client, "/menus/v2/metadata").status == 401


def test_nobody_logs_in_with_another_secret_and_nobody_asks_of_a_strange_restaurant() -> None:
    toast, client = a_toast()
    body = {"clientId": "a", "clientSecret": "b", "userAccessType": "TOAST_MACHINE_CLIENT"}
    login = "/authentication/v1/authentication/login"
    asked = Request(method="POST", path=login, body=json.dumps(body).encode())
    assert client.ask(asked).status == 401
    call = Call(
        method="GET",
        path="/menus/v2/metadata",
        headers={"authorization": f"Bearer {client.token}", RESTAURANT_HEADER: "another"},
    )
    assert toast.handle(call, client.clock.tick()).response.status == 403
    toast.revoke(client.place.merchant_id, NOW)
    with pytest.raises(CredentialsError):
        client.snapshot()


def test_who_calls_too_fast_is_refused_and_counted() -> None:
    toast, client = a_toast()
    call = Call(
        method="GET",
        path=BULK,
        query={"startDate": stamp(NOW - DAY), "endDate": stamp(NOW)},
        headers={
            "authorization": f"Bearer {client.token}",
            RESTAURANT_HEADER: client.place.location_id,
        },
    )
    at = client.clock.tick()
    answers = [toast.handle(call, at).response for _ in range(7)]
    assert [answer.status for answer in answers] == [200] * 5 + [429] * 2
    left = [answer.headers["x-toast-ratelimit-remaining"] for answer in answers]
    assert left == ["4", "3", "2", "1", "0", "0", "0"]
    assert {answer.headers["x-toast-ratelimit-by"] for answer in answers} == {"ENDPOINT"}
    assert int(answers[-1].headers["x-toast-ratelimit-reset"]) > at.timestamp()
    assert toast.over_budget == 2
    assert toast.handle(call, at + timedelta(seconds=1)).response.status == 200


async def test_the_exchange_with_our_limits_is_never_refused() -> None:
    toast, client = a_toast(days=2)
    place, access = client.place, ACCESSES["toast"]
    shared = {limit: limiter_of(limit) for limits in access.limits.values() for limit in limits}
    limiters = {
        name: [shared[limit] for limit in limits] for name, limits in access.limits.items()
    }
    client.clock.tick()
    began = time.monotonic_ns()

    def clock() -> datetime:
        return client.clock.now + timedelta(microseconds=(time.monotonic_ns() - began) // 1000)

    async with (
        serve_simulator(toast, clock=clock) as url,
        Exchange(
            url,
            authorization=f"Bearer {client.token}",
            headers={**access.headers, RESTAURANT_HEADER: place.location_id},
            limiters=limiters,
        ) as way,
    ):
        talk = poll(shop_of(place), NOW - 5 * DAY, NOW + DAY)
        pages = [page async for page in way.converse(talk)]
    assert sum(len(page.bodies) for page in pages if page.resource == "orders") > 40
    assert toast.over_budget == 0


async def test_what_its_answers_say_is_enough_not_to_be_refused() -> None:
    toast, client = a_toast(days=2)
    client.clock.now = datetime.now(UTC)
    client.log_in(client.access.tokens)  # type: ignore[arg-type]
    span = (("startDate", stamp(NOW - DAY)), ("endDate", stamp(NOW)))
    bulk = Request(method="GET", path=BULK, query=span, budget="orders-bulk")
    menus = Request(method="GET", path="/menus/v2/metadata")
    told = [limiter_of(SLICES)]
    async with (
        serve_simulator(toast, clock=lambda: datetime.now(UTC)) as url,
        Exchange(
            url,
            authorization=f"Bearer {client.token}",
            headers={RESTAURANT_HEADER: client.place.location_id},
            limiters={"default": told, "orders-bulk": told},
        ) as way,
    ):
        await asyncio.gather(*(way.ask(one) for one in (bulk, menus) * 12))
    assert toast.over_budget == 0


@pytest.mark.parametrize(
    "query",
    [
        {"startDate": stamp(NOW - 32 * DAY), "endDate": stamp(NOW)},
        {"startDate": stamp(NOW - DAY).replace("+", " "), "endDate": stamp(NOW)},
        {"startDate": stamp(NOW), "endDate": stamp(NOW - DAY)},
        {"startDate": stamp(NOW - DAY), "endDate": stamp(NOW), "pageSize": "101"},
        {"startDate": stamp(NOW - DAY), "endDate": stamp(NOW), "page": "0"},
        {},
    ],
)
def test_a_search_that_toast_would_refuse_is_refused(query: dict[str, str]) -> None:
    _, client = a_toast()
    assert get(client, BULK, **query).status == 400


# -- what an order is ------------------------------------------------------------------------


def test_pages_are_linked_until_the_last_one() -> None:
    _, client = a_toast()
    span = {"startDate": stamp(NOW - 8 * DAY), "endDate": stamp(NOW), "pageSize": "30"}
    seen: list[str] = []
    for page in range(1, 20):
        answer = get(client, BULK, page=f"{page}", **span)
        seen += [order["guid"] for order in json.loads(answer.body)]
        assert ('rel="prev"' in answer.headers["link"]) == (page > 1)
        if 'rel="next"' not in answer.headers["link"]:
            break
    assert page > 2
    assert len(seen) == len(set(seen)) > 60


def test_the_mornings_batch_closes_what_was_paid_and_makes_it_a_changed_order() -> None:
    _, client = a_toast(live_orders=0)
    found = list(changed(client))
    closed = [one["checks"][0] for one in found if one["closedDate"]]
    assert {check["paymentStatus"] for check in closed} == {"CLOSED"}
    assert all(check["closedDate"] > check["paidDate"] for check in closed)
    batches = {check["closedDate"] for check in closed}
    assert len(batches) < len(closed) / 5
    reading = Reading(client)
    for order in found:
        reading.read("orders", json.dumps(order).encode())
    sales = {it.provider_ids["check"]: it for it in reading.transactions() if not_back(it)}
    for check in closed:
        at = sales[check["guid"]].closed_at
        assert at is not None
        assert stamp(at) == check["paidDate"], "the goods left when they were paid"


def test_everything_that_toast_can_say_is_said() -> None:
    toast, client = a_toast(days=12, orders_per_day=90)
    finished(toast)
    text = json.dumps(list(changed(client, days=14)))
    for word in (
        '"voided": true',
        '"deleted": true',
        '"gratuity": true',
        '"refundStatus": "FULL"',
        '"refundStatus": "PARTIAL"',
        '"refundDetails": {',
        '"processingState": "VOID"',
        '"selectionType": "TOAST_CARD_SELL"',
        '"selectionType": "SPECIAL_REQUEST"',
        '"type": "GIFTCARD"',
        '"type": "CASH"',
        '"unitOfMeasure": "KG"',
        '"voidInfo": {',
        '"paymentStatus": "PAID"',
    ):
        assert word in text, word


def test_a_refund_is_found_by_its_business_date_and_counts_on_it() -> None:
    _, client = a_toast(days=12, orders_per_day=90)
    reading = Reading(client)
    reading.read_all(client.poll(NOW - 14 * DAY, client.simulator.ends))
    made = reading.transactions()
    sold = {it.provider_ids["check"]: it for it in made if not_back(it)}
    refunds = [it for it in made if not not_back(it)]
    late = [
        one
        for one in refunds
        if one.business_day > sold[one.provider_ids["check"]].business_day
    ]
    assert late
    for one in late:
        day = f"{one.business_day:%Y%m%d}"
        answer = get(client, "/orders/v2/payments", refundBusinessDate=day)
        assert one.provider_ids["payment"] in json.loads(answer.body)


def test_a_payment_names_its_order_and_what_nobody_knows_is_not_found() -> None:
    _, client = a_toast()
    today = client.place.calendar.day_of(NOW - DAY)
    answer = get(client, "/orders/v2/payments", paidBusinessDate=f"{today:%Y%m%d}")
    payment = json.loads(answer.body)[0]
    told = json.loads(get(client, f"/orders/v2/payments/{payment}").body)
    order = json.loads(get(client, f"/orders/v2/orders/{told['orderGuid']}").body)
    assert payment in {one["guid"] for one in order["checks"][0]["payments"]}
    assert get(client, "/orders/v2/orders/none").status == 404
    assert get(client, "/orders/v2/payments/none").status == 404


# -- webhooks ----------------------------------------------------------------------------------


def test_webhooks_do_not_say_who_the_guests_were_and_the_api_does() -> None:
    toast, client = a_toast(days=12, orders_per_day=90, live_orders=60)
    assert any(order["checks"][0]["customer"] for order in changed(client, days=14))
    told = [json.loads(delivery.body) for _, delivery in toast.deliveries()]
    brought = [one["details"]["order"] for one in told if "order" in one["details"]]
    assert brought
    assert not any(order["checks"][0]["customer"] for order in brought)
    kinds = {one["eventType"] for one in told}
    assert kinds == {"order_updated", "in_stock", "low_quantity", "menus_updated"}


def test_an_order_still_open_in_a_webhook_counts_nowhere_until_it_is_paid() -> None:
    toast, client = a_toast(live_orders=80)
    reading = Reading(client)
    seen: list[Status] = []
    for _, delivery in toast.deliveries():
        told = json.loads(delivery.body)["details"]
        if "order" in told and told["restaurantGuid"] == client.place.location_id:
            reading.read("order_updated", delivery.body, Channel.WEBHOOK)
            seen += [one.status for one in reading.transactions()]
    assert Status.OPEN in seen
    assert Status.OPEN not in {one.status for one in reading.transactions()}


def test_the_restaurants_are_those_of_the_catalogue_of_simulators() -> None:
    places = SIMULATORS["toast"].shops(6)
    assert len({place.location_id for place in places}) == 6
    assert {place.currency for place in places} == {"USD", "EUR", "CAD"}
