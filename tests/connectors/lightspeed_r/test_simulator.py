"""The simulated R-Series where it is like no other provider."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from connectors.access import Application, Code, Place, Renewal
from connectors.catalogue import ACCESSES
from connectors.consent import consent_url
from connectors.contract import (
    Conversation,
    CredentialsError,
    Page,
    Rejected,
    Request,
    Response,
)
from connectors.exchange import Exchange, limiter_of
from connectors.lightspeed_r.access import (
    CONSENT,
    exchange_code,
    listed,
    located,
    probe,
    read_consented,
    read_whose,
    shops,
)
from connectors.lightspeed_r.poll import BUDGET, SALE_RELATIONS
from connectors.lightspeed_r.simulator import CLIENT_ID, CLIENT_SECRET
from connectors.simulation.calls import Call
from connectors.simulation.simulator import Simulator
from connectors.simulators import SIMULATORS
from streams.simulate import serve_simulator
from tests.connectors.simulated import (
    NOW,
    Client,
    Reading,
    bodies,
    clients,
    converse,
    days_of,
    finished,
    simulated,
)

DAY = timedelta(days=1)
SHOPS = SIMULATORS["lightspeed-r"].shops(4)


def an_r_series(**given: Any) -> tuple[Simulator, Client]:
    """Return a simulator and a client of its first shop."""
    series = finished(simulated("lightspeed-r", **given))
    return series, clients("lightspeed-r", series)[0]


def get(client: Client, path: str, **query: str) -> Response:
    return client.ask(Request(method="GET", path=path, query=tuple(query.items())))


def rows(answer: Response, kind: str) -> list[dict[str, Any]]:
    return many(json.loads(answer.body).get(kind, []))


def many(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def test_everything_that_r_series_may_say_of_a_sale_is_said() -> None:
    series, client = an_r_series(days=10, orders_per_day=70, page_limit=0)
    told = client.poll(NOW - 12 * DAY, series.ends)
    sales = [json.loads(body) for page, body in told if page.resource == "sale"]
    said = {
        (one["completed"], one["voided"], one["archived"], one["calcTotal"].startswith("-"))
        for one in sales
    }
    assert said == {
        ("true", "false", "false", False),
        ("true", "false", "false", True),
        ("true", "true", "false", False),
        ("false", "false", "true", False),
    }
    payments = [one["SalePayments"]["SalePayment"] for one in sales if "SalePayments" in one]
    assert {type(one) for one in payments} == {dict, list}
    lines = [line for one in sales for line in many(one["SaleLines"]["SaleLine"])]
    assert any(line["parentSaleLineID"] != "0" for line in lines)
    assert any(line["itemID"] == "0" and line["Note"]["note"] for line in lines)
    assert any(len(line["calcTax2"].partition(".")[2]) > 2 for line in lines)
    assert any(one["calcItemFees"] != "0" for one in sales)


@pytest.mark.parametrize("seed", [1, 2])
def test_shops_with_taxes_inside_their_prices_sum_up_to_what_was_sold(seed: int) -> None:
    series = finished(simulated("lightspeed-r", seed=seed, shops=SHOPS[2:], orders_per_day=40))
    for client in clients("lightspeed-r", series):
        reading = Reading(client)
        reading.read_all(client.poll(NOW - 8 * DAY, series.ends))
        assert [it for it in reading.outcomes if isinstance(it, Rejected)] == []
        assert days_of(reading.figures(), client.place) == days_of(
            series.totals(), client.place
        )


def test_stock_is_what_is_left_after_all_sales() -> None:
    series, client = an_r_series()
    told = rows(get(client, "/ItemShop.json", limit="100"), "ItemShop")
    theirs = series.totals().stock
    for row in told:
        if row["shopID"] == "0":
            each = [shop[row["itemID"]] for shop in theirs.values()]
            assert row["qoh"] == f"{sum(each)}"
        else:
            assert row["qoh"] == f"{theirs[row['shopID']][row['itemID']]}"


def test_relations_come_only_when_they_are_asked_for() -> None:
    _, client = an_r_series()
    plain = rows(get(client, "/Sale.json"), "Sale")
    full = rows(get(client, "/Sale.json", load_relations=SALE_RELATIONS), "Sale")
    assert not any("SaleLines" in one for one in plain)
    assert all("SaleLines" in one for one in full)


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/Sale.json", {"limit": "101"}, 400),
        ("/Sale.json", {"load_relations": "SaleLines"}, 400),
        ("/Sale.json", {"load_relations": '["Lines"]'}, 400),
        ("/Sale.json", {"timeStamp": ">,yesterday"}, 400),
        ("/Sale.json", {"timeStamp": ">,2026-03-01T00:00:00"}, 400),
        ("/Sale.json", {"completeTime": "><,2026-03-01T00:00:00+00:00"}, 400),
        ("/Sale.json", {"after": "example"}, 400),
        ("/Sale/999999999.json", {}, 404),
        ("/Till.json", {}, 404),
    ],
)
def test_what_r_series_would_refuse_is_refused(
    path: str, query: dict[str, str], status: int
) -> None:
    _, client = an_r_series()
    answer = get(client, path, **query)
    assert answer.status == status
    assert json.loads(answer.body)["httpCode"] == f"{status}"


def test_a_page_is_named_by_its_whole_url_and_none_follows_the_last() -> None:
    _, client = an_r_series()
    first = json.loads(get(client, "/Item.json", limit="10").body)
    assert first["@attributes"]["next"].startswith(
        f"https://api.lightspeedapp.com/API/V3/Account/{client.place.merchant_id}/Item.json?"
    )
    last = json.loads(get(client, "/Item.json", limit="100").body)
    assert len(last["Item"]) == 20  # the config's pages are that short
    query = {"sort": "timeStamp", "timeStamp": f">,{NOW + DAY:%Y-%m-%dT%H:%M:%S}+00:00"}
    none = json.loads(get(client, "/Sale.json", **query).body)
    assert none == {"@attributes": {"next": "", "previous": ""}}


def test_a_shop_is_found_by_the_token_of_its_account_and_no_other_is() -> None:
    series = simulated("lightspeed-r", shops=SHOPS)
    client = clients("lightspeed-r", series)[0]
    facts = located(client.pages(probe(Place(location_id="2"))), Place(merchant="1"))
    assert facts is not None
    assert (facts.name, facts.timezone) == (SHOPS[1].name, SHOPS[1].timezone)
    assert located(client.pages(probe(Place(location_id="3"))), Place(merchant="1")) is None
    client.token = SHOPS[2].token
    assert get(client, "/Sale.json").status == 403


def test_a_bucket_that_is_full_refuses_until_enough_has_dripped_out() -> None:
    series, client = an_r_series()
    asked = Call(
        method="GET",
        path=f"/API/V3/Account/{client.place.merchant_id}/Sale.json",
        query={"load_relations": SALE_RELATIONS, "limit": "1"},
        headers={"authorization": f"Bearer {client.token}"},
    )
    at = client.clock.tick()
    answers = [series.handle(asked, at).response for _ in range(40)]
    full = [one for one in answers if one.status == 429]
    # Six registers: 140 units, and a list with seven relations costs 3.8.
    assert len(full) == 40 - 140 * 10 // 38
    assert getattr(series, "over_budget", 0) == len(full)
    assert full[0].headers["x-ls-api-bucket-level"] == "136.8/140"
    wait = timedelta(seconds=int(full[0].headers["retry-after"]))
    assert series.handle(asked, at + wait).response.status == 200


async def test_two_shops_that_share_a_bucket_are_never_refused() -> None:
    series, client = an_r_series()
    access, began = ACCESSES["lightspeed-r"], time.monotonic_ns()
    bucket = (limiter_of(access.limits[BUDGET][0]),)

    def clock() -> datetime:
        return NOW + timedelta(microseconds=(time.monotonic_ns() - began) // 1000)

    async def asked(way: Exchange, times: int) -> None:
        query = (("load_relations", SALE_RELATIONS), ("limit", "1"))
        for _ in range(times):
            request = Request(method="GET", path="/Sale.json", query=query, budget=BUDGET)
            async for _page in way.converse(a_question(request)):
                pass

    async with (
        serve_simulator(series, clock=clock) as url,
        Exchange(
            f"{url}/API/V3/Account/{client.place.merchant_id}",
            authorization=f"Bearer {client.token}",
            headers=access.headers,
            limiters={BUDGET: bucket},
        ) as way,
    ):
        # Two calls more than the 140 units of six registers are good for.
        await asyncio.gather(asked(way, 19), asked(way, 19))
    assert getattr(series, "over_budget", None) == 0


def a_question(request: Request) -> Conversation:
    """Put one question and bring nothing."""
    answer = yield request
    assert answer is not None
    assert answer.status == 200


def test_a_renewal_kills_the_pair_before_it() -> None:
    series, client = an_r_series(token_lives_s=3600)
    renewal = client.access.tokens
    assert isinstance(renewal, Renewal)

    def answered(request: Request) -> Response:
        call = Call(method=request.method, path=request.path, body=request.body or b"")
        return series.handle(call, client.clock.tick()).response

    us, first = Application(CLIENT_ID, CLIENT_SECRET), f"refresh-{client.place.token}"
    (page,) = converse(renewal.ask(us, first), answered)
    assert get(client, "/Shop/1.json").status == 401
    grant = renewal.read(page.bodies[0], client.clock.now)
    client.token = grant.access_token
    assert get(client, "/Shop/1.json").status == 200
    client.clock.now += timedelta(hours=1)
    assert get(client, "/Shop/1.json").status == 401
    with pytest.raises(CredentialsError):
        converse(renewal.ask(us, first), answered)
    assert grant.refresh_token is not None
    assert converse(renewal.ask(us, grant.refresh_token), answered)


def test_the_sales_of_a_day_are_those_completed_on_it() -> None:
    series, client = an_r_series(live_orders=0)
    reading, zone = Reading(client), client.place.calendar
    for back in range(8):
        day = zone.day_of(NOW) - back * DAY
        reading.read_all(bodies(client.pages(client.connector.day(client.shop, day))))
    assert days_of(reading.figures(), client.place) == days_of(series.totals(), client.place)


def test_a_token_opens_its_account_and_all_shops_of_it() -> None:
    _, client = an_r_series()
    answer = client.simulator.handle(
        Call(
            method="GET",
            path="/API/V3/Account.json",
            headers={"authorization": f"Bearer {client.token}"},
        ),
        client.clock.tick(),
    ).response
    assert read_whose([Page(resource="account", bodies=(answer.body,))]) == SHOPS[0].merchant_id
    found = listed(client.pages(shops()), SHOPS[0].merchant_id)
    assert [one.location_id for one in found] == ["1", "2"]


def test_who_says_yes_at_the_page_of_consent_gives_a_code_that_is_good_once() -> None:
    series, client = an_r_series()

    def answered(request: Request) -> Response:
        call = Call(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            body=request.body or b"",
        )
        return series.handle(call, client.clock.tick()).response

    us, back, verifier = (
        Application(CLIENT_ID, CLIENT_SECRET),
        "https://example.com/back",
        "v" * 50,
    )
    url = consent_url(
        "https://example.com/",
        CONSENT,
        CLIENT_ID,
        redirect_uri=back,
        state="s",
        verifier=verifier,
    )
    query = tuple(parse_qsl(urlsplit(url).query))
    there = answered(Request(method="GET", path=CONSENT.path, query=query))
    assert there.status == 302
    told = dict(parse_qsl(urlsplit(there.headers["location"]).query))
    code = Code(code=told["code"], redirect_uri=back, verifier=verifier)
    (page,) = converse(exchange_code(us, code), answered)
    client.token = read_consented(page.bodies[0], client.clock.now).grant.access_token
    assert get(client, "/Shop.json").status == 200
    with pytest.raises(CredentialsError):
        converse(exchange_code(us, code), answered)


def test_who_withdraws_the_authorisation_tells_no_more() -> None:
    series, client = an_r_series()
    series.revoke(client.place.merchant_id, NOW)
    with pytest.raises(CredentialsError):
        client.snapshot()
