"""The simulated X-Series where it is like no other provider."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from connectors.access import Application, Code
from connectors.consent import consent_url
from connectors.contract import CredentialsError, Request, Response
from connectors.lightspeed_x.access import (
    CONSENT,
    exchange_code,
    listed,
    outlets,
    read_consented,
    renew,
    store,
)
from connectors.lightspeed_x.simulator import CLIENT_ID, LightspeedXSimulator
from connectors.oauth import read_grant
from connectors.simulation.config import Faults
from tests.connectors.simulated import NOW, Client, clients, converse, finished, simulated

BACK = "https://example.com/back"


def an_x_series(**given: object) -> tuple[LightspeedXSimulator, Client]:
    series = finished(simulated("lightspeed-x", **given))
    assert isinstance(series, LightspeedXSimulator)
    return series, clients("lightspeed-x", series)[0]


def get(client: Client, path: str, **query: str) -> Response:
    return client.ask(Request(method="GET", path=path, query=tuple(query.items())))


def test_who_consents_gives_a_code_that_is_good_once_and_names_the_store() -> None:
    series, client = an_x_series()
    us, verifier = Application(CLIENT_ID, series.config.signature_key), "v" * 50
    url = consent_url(
        "https://example.com/",
        CONSENT,
        CLIENT_ID,
        redirect_uri=BACK,
        state="s" * 8,
        verifier=verifier,
    )
    query = tuple(parse_qsl(urlsplit(url).query))
    there = client.ask(Request(method="GET", path=CONSENT.path, query=query))
    assert there.status == 302
    told = dict(parse_qsl(urlsplit(there.headers["location"]).query))
    assert store(told) == client.place.merchant_id
    code = Code(code=told["code"], redirect_uri=BACK, verifier=verifier)
    (page,) = converse(exchange_code(us, code), client.ask)
    consented = read_consented(page.bodies[0], client.clock.now)
    assert consented.merchant == client.place.merchant_id
    client.token = consented.grant.access_token
    found = listed(client.pages(outlets()), consented.merchant)
    assert [one.location_id for one in found] == [client.place.location_id]
    with pytest.raises(CredentialsError):
        converse(exchange_code(us, code), client.ask)


def test_a_renewal_ends_the_pair_before_it() -> None:
    series, client = an_x_series()
    us, old = Application(CLIENT_ID, series.config.signature_key), client.token
    (page,) = converse(renew(us, f"refresh-{old}"), client.ask)
    assert get(client, "/api/2.0/sales").status == 401
    client.token = read_grant(page.bodies[0], client.clock.now).access_token
    assert get(client, "/api/2.0/sales").status == 200
    with pytest.raises(CredentialsError):
        converse(renew(us, f"refresh-{old}"), client.ask)


def test_who_calls_too_often_is_refused_until_a_date_and_counted() -> None:
    series, client = an_x_series()
    client.clock.tick = lambda: NOW  # type: ignore[method-assign] # all at once
    answers = [get(client, "/api/2.0/products", page_size="1") for _ in range(960)]
    refused = [answer for answer in answers if answer.status == 429]
    assert len(refused) == series.over_budget == 10
    assert refused[0].headers["retry-after"].endswith("GMT")


def test_versions_ascend_and_a_list_ends_with_a_page_without_rows() -> None:
    _, client = an_x_series(page_limit=0)
    after, seen = "0", list[int]()
    while rows := json.loads(get(client, "/api/2.0/sales", after=after).body)["data"]:
        seen += [row["version"] for row in rows]
        after = str(seen[-1])
    assert seen == sorted(set(seen))
    assert len(seen) > 100


def test_a_poll_of_a_quiet_hour_takes_few_calls() -> None:
    _, client = an_x_series(days=30, orders_per_day=60, page_limit=0, faults=Faults())
    client.asked.clear()
    client.poll(client.simulator.ends - timedelta(hours=1), client.simulator.ends)
    assert len(client.asked) <= 20


def test_stock_is_what_was_counted_less_what_was_sold() -> None:
    series, client = an_x_series()
    told = {
        row["product_id"]: row["inventory_level"]
        for _, body in client.snapshot()
        if "inventory_level" in (row := json.loads(body))
    }
    shelf = series.totals().stock[client.place.location_id]
    assert {name: f"{level}" for name, level in told.items()} == {
        name: f"{json.loads(str(level))}" for name, level in shelf.items()
    }
