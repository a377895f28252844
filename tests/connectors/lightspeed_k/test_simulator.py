"""
The simulated K-Series where it is like no other provider.

The clients of Lightspeed on PyPI speak with its Retail series (R and X); there is none for
K-Series, so nobody but our own connector speaks with it here.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from connectors.access import Application, Place, Renewal
from connectors.contract import CredentialsError, Parts, Request, Response, WantedBody
from connectors.lightspeed_k.access import basic, located, probe
from connectors.lightspeed_k.api import stamp
from connectors.simulation.calls import Call
from connectors.simulation.simulator import Simulator
from connectors.simulators import SIMULATORS
from schemas.raw import Channel
from tests.connectors.simulated import (
    NOW,
    Client,
    Reading,
    clients,
    converse,
    days_of,
    finished,
    simulated,
)

DAY = timedelta(days=1)
LONG = {"days": 10, "orders_per_day": 70, "page_limit": 0}


def a_k_series(**given: Any) -> tuple[Simulator, Client]:
    """Return a simulator and a client of its first business location."""
    series = simulated("lightspeed-k", **given)
    return series, clients("lightspeed-k", series)[0]


def get(client: Client, path: str, **query: str) -> Response:
    asked = {name.rstrip("_"): value for name, value in query.items()}
    return client.ask(Request(method="GET", path=path, query=tuple(asked.items())))


def sales(client: Client, **query: str) -> Response:
    path = f"/f/v2/business-location/{client.place.location_id}/sales"
    return get(client, path, **query)


def listed(client: Client) -> list[dict[str, Any]]:
    """Return all sales, with their payments."""
    found: list[dict[str, Any]] = []
    query = {"from_": stamp(NOW - 12 * DAY), "to": stamp(NOW + DAY), "include": "payments"}
    while True:
        page = json.loads(sales(client, pageSize="100", **query).body)
        found += page["sales"]
        if "nextPageToken" not in page:
            return found
        query["nextPageToken"] = page["nextPageToken"]


def test_everything_that_k_series_may_mean_is_said() -> None:
    series, client = a_k_series(**LONG)
    finished(series)
    told = listed(client)
    assert {one["type"] for one in told} == {"SALE", "REFUND", "VOID", "CANCEL"}
    refunds = [one for one in told if one["type"] == "REFUND"]
    signs = {one["payments"][0]["netAmountWithTax"].startswith("-") for one in refunds}
    assert signs == {True, False}
    text = json.dumps(told)
    assert {one["cancelled"] for one in told} == {True, False}
    for word in ('"UNTAXED"', '"voidReason": "Wrong item"', '"sku": null', '"GIFTCARD"'):
        assert word in text
    lines = [line for one in told for line in one["salesLines"]]
    assert all(len(line["taxAmount"].partition(".")[2]) == 6 for line in lines)


def test_prices_without_tax_have_no_totals_with_tax() -> None:
    _, client = a_k_series()
    other = Client("lightspeed-k", client.simulator, SHOPS[1], client.clock)
    inside = {"totalNetAmountWithTax" in line for it in listed(client) for line in lines(it)}
    on_top = {"totalNetAmountWithTax" in line for it in listed(other) for line in lines(it)}
    assert (inside, on_top) == ({True}, {False})


SHOPS = SIMULATORS["lightspeed-k"].shops(2)


def lines(sale: dict[str, Any]) -> list[dict[str, Any]]:
    return sale["salesLines"]  # type: ignore[no-any-return]


def test_payments_come_only_when_they_are_asked_for() -> None:
    _, client = a_k_series()
    span = {"from_": stamp(NOW - 3 * DAY), "to": stamp(NOW)}
    plain = json.loads(sales(client, **span).body)["sales"]
    full = json.loads(sales(client, include="payments,consumer", **span).body)["sales"]
    assert not any("payments" in one for one in plain)
    assert all("payments" in one for one in full)


@pytest.mark.parametrize(
    "query",
    [
        {"from_": stamp(NOW - 366 * DAY), "to": stamp(NOW)},
        {"from_": stamp(NOW), "to": stamp(NOW - DAY)},
        {"from_": "2026-03-01T00:00:00", "to": stamp(NOW)},
        {"from_": stamp(NOW - DAY), "to": stamp(NOW), "pageSize": "101"},
        {"from_": stamp(NOW - DAY), "to": stamp(NOW), "nextPageToken": "example"},
        {},
    ],
)
def test_a_question_that_k_series_would_refuse_is_refused(query: dict[str, str]) -> None:
    _, client = a_k_series()
    assert sales(client, **query).status == 400


def test_the_token_of_a_page_is_good_for_its_own_question_only() -> None:
    _, client = a_k_series()
    span = {"from_": stamp(NOW - 6 * DAY), "to": stamp(NOW), "pageSize": "5"}
    token = json.loads(sales(client, **span).body)["nextPageToken"]
    assert sales(client, nextPageToken=token, **span).status == 200
    other = {**span, "to": stamp(NOW - DAY)}
    assert sales(client, nextPageToken=token, **other).status == 400


def test_the_days_of_sales_hold_what_the_list_holds() -> None:
    series, client = a_k_series(live_orders=0)
    reading, zone = Reading(client), client.place.calendar
    for back in range(8):
        day = zone.day_of(NOW) - back * DAY
        want = WantedBody(resource=f"sales-daily/{day.isoformat()}")
        reading.read_all(client.fetch(want))
    assert days_of(reading.figures(), client.place) == days_of(series.totals(), client.place)


def test_a_business_location_is_found_by_its_token_and_no_other_is() -> None:
    _, client = a_k_series()
    place = client.place
    found = client.pages(probe(Place()))
    facts = located(found, Place(location_id=place.location_id))
    assert facts is not None
    assert (facts.name, facts.timezone, facts.currency) == (
        place.name,
        place.timezone,
        place.currency,
    )
    assert located(found, Place(location_id=SHOPS[1].location_id)) is None
    other = f"/f/v2/business-location/{SHOPS[1].location_id}/sales"
    assert get(client, other, from_=stamp(NOW - DAY), to=stamp(NOW)).status == 403


def test_a_refresh_token_is_good_once_and_its_access_token_for_an_hour() -> None:
    series, client = a_k_series()
    renewal = client.access.tokens
    assert isinstance(renewal, Renewal)
    us = Application("client", "secret")

    def answered(request: Request) -> Response:
        call = Call(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers={"authorization": basic(us)},
        )
        return series.handle(call, client.clock.tick()).response

    first = f"refresh-{client.place.token}"
    (page,) = converse(renewal.ask(us, first), answered)
    grant = renewal.read(page.bodies[0], client.clock.now)
    assert grant.refresh_token is not None
    client.token = grant.access_token
    assert client.snapshot()
    client.clock.now += timedelta(hours=1)
    with pytest.raises(CredentialsError):
        client.snapshot()
    with pytest.raises(CredentialsError):
        converse(renewal.ask(us, first), answered)
    assert converse(renewal.ask(us, grant.refresh_token), answered)


def test_who_withdraws_the_authorisation_tells_no_more() -> None:
    series, client = a_k_series()
    series.revoke(client.place.merchant_id, NOW)
    with pytest.raises(CredentialsError):
        client.snapshot()


def test_webhooks_count_items_and_sales_come_only_by_asking() -> None:
    series, client = a_k_series()
    reading = Reading(client)
    seen = [delivery for _, delivery in series.deliveries()]
    for delivery in seen:
        reading.read("webhook", delivery.body, Channel.WEBHOOK)
    counts = [it for told in reading.outcomes if isinstance(told, Parts) for it in told.counts]
    assert {one.quantity for one in counts} == {"40"}
    assert reading.transactions() == []
    assert all("x-lightspeed-idempotency-key" in one.headers for one in seen)


def test_what_is_left_is_polled_while_somebody_counts_it() -> None:
    series, client = a_k_series(live_orders=20)
    config = series.config
    quarter = timedelta(seconds=config.live_seconds) // 4
    seen = []
    for at in (config.now, config.now + 2 * quarter, series.ends):
        series.release(at)
        reading = Reading(client)
        reading.read_all(client.poll(at - timedelta(minutes=15), at))
        counts = [it for one in reading.outcomes if isinstance(one, Parts) for it in one.counts]
        seen.append({count.pos_product_id: count.quantity for count in counts})
    assert (seen[0], seen[2]) == ({}, {})
    assert set(seen[1].values()) == {"40"}
