"""How each provider is called, against providers on the loopback."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from connectors.access import Place, PlaceError
from connectors.contract import PermanentError
from streams.credentials import Credentials
from streams.exchanges import AccountExchanges
from streams.settings import load
from tests.connectors.provider import busiest, provider
from tests.streams.book import NOW, READ, Book, Clock, new_book, old, ours


@pytest.fixture
def book() -> Book:
    return new_book()


@pytest.fixture
def clock() -> Clock:
    return Clock()


# -- what each provider wants ----------------------------------------------------------------


def toast_answer(asked):
    if asked.path.endswith("/login"):
        token = {"accessToken": "machine", "expiresIn": 86400, "tokenType": "Bearer"}
        return 200, {}, json.dumps({"token": token, "status": "SUCCESS"}).encode()
    return 200, {}, b"{}"


async def test_toast_logs_in_once_for_all_restaurants_and_names_each_in_a_header(
    book, clock, tmp_path
) -> None:
    none = Credentials(access_token="")
    accounts = [book.add("toast", none, f"a{n}", f"M{n}", f"guid-{n}") for n in range(3)]
    async with provider(toast_answer, delay_s=0.02) as there:
        way = ours(tmp_path, book, clock, there.url)
        await asyncio.gather(*(way.of(accounts[n % 3]).ask(READ) for n in range(18)))
        clock.wait(hours=23, minutes=56)
        await asyncio.gather(*(way.of(account).ask(READ) for account in accounts))
        await way.close()
    logins = [one for one in there.asked if one.path.endswith("/login")]
    assert len(logins) == 2, "one for all, and one when its day is almost over"
    assert json.loads(logins[0].body) == {
        "clientId": "us",
        "clientSecret": "hush",
        "userAccessType": "TOAST_MACHINE_CLIENT",
    }
    calls = there.at("/things")
    assert {one.headers["authorization"] for one in calls} == {"Bearer machine"}
    named = [one.headers["toast-restaurant-external-id"] for one in calls]
    assert sorted(named) == sorted([f"guid-{n}" for n in range(3)] * 7)


async def test_toasts_twenty_a_second_hold_over_all_restaurants(book, clock, tmp_path) -> None:
    none = Credentials(access_token="")
    accounts = [book.add("toast", none, f"a{n}", f"M{n}", f"guid-{n}") for n in range(3)]
    async with provider(toast_answer) as there:
        way = ours(tmp_path, book, clock, there.url)
        await asyncio.gather(*(way.of(accounts[n % 3]).ask(READ) for n in range(45)))
        await way.close()
    assert len(there.asked) == 46
    assert busiest(there.asked, 1) <= 20


async def test_toast_without_an_application_is_not_called(book, clock, tmp_path) -> None:
    account = book.add("toast", Credentials(access_token=""))
    way = AccountExchanges(load(data_dir=tmp_path), book.sealer, book, clock=clock)
    with pytest.raises(PermanentError, match="not set"):
        way.of(account)
    await way.close()


async def test_k_series_renews_by_basic_and_query(book, clock, tmp_path) -> None:
    account = book.add("lightspeed-k", old())
    grant = b'{"access_token":"new","refresh_token":"newer","expires_in":3600}'
    async with provider(lambda _: (200, {}, grant)) as there:
        way = ours(tmp_path, book, clock, there.url)
        await way.of(account).ask(READ)
        await way.close()
    asked = there.asked[0]
    assert (asked.method, asked.path) == ("POST", "/oauth/token")
    assert asked.query == {"grant_type": ["refresh_token"], "refresh_token": ["refresh-1"]}
    assert asked.headers["authorization"] == f"Basic {b64encode(b'us:hush').decode()}"
    known = book.credentials()
    assert (known.access_token, known.refresh_token) == ("new", "newer")
    assert known.expires_at == NOW + timedelta(hours=1)
    assert known.renew_at == NOW + timedelta(minutes=55)


async def test_x_series_renews_by_a_form(book, clock, tmp_path) -> None:
    account = book.add("lightspeed-x", old(), merchant="bakery")
    grant = b'{"access_token":"new","refresh_token":"newer","expires":1,"expires_in":86400}'
    async with provider(lambda _: (200, {}, grant)) as there:
        way = ours(tmp_path, book, clock, there.url)
        await way.of(account).ask(READ)
        await way.close()
    asked = there.asked[0]
    assert (asked.method, asked.path) == ("POST", "/api/1.0/token")
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(asked.body.decode()) == {
        "client_id": ["us"],
        "client_secret": ["hush"],
        "grant_type": ["refresh_token"],
        "refresh_token": ["refresh-1"],
    }
    assert there.asked[1].headers["user-agent"] == "tillstream"


async def test_square_keeps_its_refresh_token_and_is_renewed_after_a_week(
    book, clock, tmp_path
) -> None:
    account = book.add("square", old(30 * 86_400))
    end = (NOW + timedelta(days=37)).isoformat()
    grant = {"access_token": "new", "merchant_id": "77", "expires_at": end}
    async with provider(lambda _: (200, {}, json.dumps(grant).encode())) as there:
        login = {"application_id": "us", "application_secret": "hush"}
        way = ours(tmp_path, book, clock, there.url, **login)
        await way.of(account).ask(READ)
        assert [one.path for one in there.asked] == ["/things"]
        clock.wait(days=7)
        await way.of(account).ask(READ)
        await way.close()
    assert json.loads(there.at("/oauth2/token")[0].body)["refresh_token"] == "refresh-1"
    assert book.credentials().refresh_token == "refresh-1"


@pytest.mark.parametrize("merchant", ["", "evil.example/", "a@b", "a:1", "../x", "é", "x" * 65])
@pytest.mark.parametrize("name", ["lightspeed-r", "lightspeed-x"])
async def test_no_merchant_leads_a_token_elsewhere(
    book, clock, tmp_path, name, merchant
) -> None:
    way = AccountExchanges(load(data_dir=tmp_path), book.sealer, book, clock=clock)
    account = book.add(name, old(9999), merchant=merchant)
    with pytest.raises(PlaceError):
        way.of(account)
    with pytest.raises(PlaceError):
        await way.probe(name, old(), Place(merchant=merchant, location_id="1"))
    await way.close()


async def test_who_only_pushes_is_not_called(book, clock, tmp_path) -> None:
    way = ours(tmp_path, book, clock, "http://127.0.0.1:1")
    with pytest.raises(PermanentError, match="push"):
        way.of(book.add("abacus", old()))
    await way.close()
