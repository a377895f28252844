"""The consent of Lightspeed's three series, over the whole worker and a stub of them."""

import json
from base64 import b64decode, urlsafe_b64encode
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from schemas.authorization import AuthorizationStep
from schemas.sealing import generate_master_key
from streams.credentials import opened
from streams.http.app import create_api
from streams.log import LogUnavailableError
from streams.settings import load
from streams.worker import Worker
from tests.connectors.provider import provider
from tests.http.harness import ADMIN_KEY, API, House

PUBLIC = "http://tills.example"
LOGIN = {"client_id": "us", "client_secret": "hush-hush-secret"}
PAIR = {"access_token": "access-1", "refresh_token": "refresh-1", "expires_in": 3600}
X_OUTLETS = {"data": [{"id": "o1", "name": "Pier", "time_zone": "UTC", "version": 7}]}
K_PLACES = {
    "_embedded": {
        "businessList": [
            {"businessLocations": [{"blID": 71, "blName": "Pier", "timezone": "UTC"}]}
        ]
    }
}

SERIES = {
    "lightspeed-k": ("/oauth/token", {"/f/data/businesses": K_PLACES}, "71", "71"),
    "lightspeed-r": (
        "/auth/oauth/token",
        {
            "/Account.json": {"Account": {"accountID": "77", "name": "Pier"}},
            "/Account/77/Shop.json": {"Shop": {"shopID": "1", "timeZone": "UTC"}},
        },
        "77",
        "1",
    ),
    "lightspeed-x": ("/api/1.0/token", {"/api/2.0/outlets": X_OUTLETS}, "pier", "o1"),
}


class Lightspeed:
    def __init__(self, series):
        self.token_path, self.answers, self.merchant, self.location = SERIES[series]
        self.pair = {**PAIR, **({"domain_prefix": "pier"} if series == "lightspeed-x" else {})}
        self.refusal = None

    def answer(self, asked):
        if asked.path == self.token_path:
            if self.refusal is not None:
                return self.refusal, {}, b'{"error":"invalid_grant"}'
            return 200, {}, json.dumps(self.pair).encode()
        if asked.query.get("after", ["0"]) != ["0"]:
            return 200, {}, b'{"data":[]}'
        if asked.headers.get("authorization") != "Bearer access-1":
            return 401, {}, b"{}"
        return 200, {}, json.dumps(self.answers.get(asked.path, {})).encode()


class Street:
    def __init__(self, worker, there, sells):
        self.worker, self.there, self.sells = worker, there, sells
        self.shop = House(worker, create_api(worker._services()))
        self.browser = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.shop.app), base_url=PUBLIC
        )

    async def leaves(self, tenant, series):
        link = (await tenant.post(f"{API}/oauth/{series}/authorize", json={})).json()
        left = await self.browser.get(link["authorize_url"])
        assert left.status_code == 303, left.text
        return link, urlsplit(left.headers["location"])

    async def comes_back(self, series, there, **more):
        query = {"code": "code-1", "state": parse_qs(there.query)["state"][0], **more}
        return await self.browser.get(f"{API}/oauth/{series}/callback", params=query)

    def exchanged(self):
        """The parameters by which the code was exchanged."""
        (asked,) = self.there.at(self.sells.token_path)
        return asked, asked.query or parse_qs(asked.body.decode())


async def walk(folder, series):
    sells = Lightspeed(series)
    async with provider(sells.answer) as there:
        settings = load(
            log=f"embedded://{folder}/log?sync=0&upkeep_s=3600",
            data_dir=folder,
            lanes=2,
            keys=f"k1:{generate_master_key()}",
            admin_key=ADMIN_KEY,
            public_url=PUBLIC,
            lightspeed_k={"base_url": there.url, **LOGIN},
            lightspeed_r={
                "base_url": f"{there.url}/Account/{{merchant}}",
                "token_url": there.url,
                **LOGIN,
            },
            lightspeed_x={"base_url": there.url, "consent_url": there.url, **LOGIN},
        )
        worker = Worker(settings, fatal=[].append, polling=False)
        await worker.start(serve=False)
        try:
            yield Street(worker, there, sells)
        finally:
            await worker.stop()


@pytest.fixture(params=sorted(SERIES))
def series(request):
    return request.param


@pytest.fixture
async def street(tmp_path, series):
    async for one in walk(tmp_path, series):
        yield one


def more_of(series):
    return {"domain_prefix": "pier"} if series == "lightspeed-x" else {}


async def test_a_merchant_s_consent_connects_its_location(street, series):
    tenant = await street.shop.tenant("bakery")
    link, there = await street.leaves(tenant, series)
    asked = {name: value for name, (value,) in parse_qs(there.query).items()}
    assert asked["client_id"] == "us"
    assert asked["redirect_uri"] == f"{PUBLIC}{API}/oauth/{series}/callback"
    assert asked["scope"]
    done = await street.comes_back(series, there, **more_of(series))
    assert done.status_code == 200, done.text
    (account_id,) = (await tenant.get(f"{API}/oauth/attempts/{link['attempt_id']}")).json()[
        "account_ids"
    ]
    account = street.worker.directory.account(account_id)
    assert (account.merchant, account.location_id) == (
        street.sells.merchant,
        street.sells.location,
    )
    known = opened(account, street.worker.sealer)
    assert (known.access_token, known.refresh_token) == ("access-1", "refresh-1")
    assert known.renew_at < known.expires_at


async def test_the_code_is_exchanged_with_the_verifier_of_the_challenge(street, series):
    tenant = await street.shop.tenant("bakery")
    _, there = await street.leaves(tenant, series)
    await street.comes_back(series, there, **more_of(series))
    call, fields = street.exchanged()
    (verifier,) = fields["code_verifier"]
    digest = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
    asked = parse_qs(there.query)
    assert asked["code_challenge"] == [digest]
    assert asked["code_challenge_method"] == ["S256"]
    assert verifier not in there.query
    assert fields["grant_type"] == ["authorization_code"]
    assert fields["redirect_uri"] == asked["redirect_uri"]
    if series == "lightspeed-k":
        _, _, basic = call.headers["authorization"].partition(" ")
        assert b64decode(basic) == b"us:hush-hush-secret"
    else:
        assert fields["client_secret"] == ["hush-hush-secret"]


async def test_tokens_that_cannot_be_written_down_are_not_used(street, series, monkeypatch):
    tenant = await street.shop.tenant("bakery")
    _, there = await street.leaves(tenant, series)
    put = street.worker.authorizations.put

    async def away(attempt):
        if attempt.step is AuthorizationStep.GRANTED:
            raise LogUnavailableError("away")
        await put(attempt)

    monkeypatch.setattr(street.worker.authorizations, "put", away)
    answer = await street.comes_back(series, there, **more_of(series))
    assert answer.status_code == 503
    assert [one.path for one in street.there.asked] == [street.sells.token_path]
    again = await street.comes_back(series, there, **more_of(series))
    assert again.status_code == 400, "the code is not sent a second time"
    assert len(street.there.asked) == 1


def test_an_operator_may_ask_for_scopes_of_another_name():
    settings = load(lightspeed_x={"scopes": "sales:all  outlets:all"})
    assert settings.lightspeed_x.consent_scopes() == ("sales:all", "outlets:all")
    assert settings.square.consent_scopes() == ()


@pytest.mark.parametrize("status", [400, 500])
async def test_a_code_that_is_refused_is_sent_once_and_connects_nothing(street, series, status):
    tenant = await street.shop.tenant("bakery")
    street.sells.refusal = status
    link, there = await street.leaves(tenant, series)
    answer = await street.comes_back(series, there, **more_of(series))
    assert answer.status_code == 400
    assert len(street.there.at(street.sells.token_path)) == 1
    attempt = (await tenant.get(f"{API}/oauth/attempts/{link['attempt_id']}")).json()
    assert (attempt["status"], attempt["account_ids"]) == ("failed", [])


async def test_the_browser_does_not_choose_the_host_that_gets_our_secret(tmp_path):
    async for street in walk(tmp_path, "lightspeed-x"):
        street.worker.exchanges._settings = street.worker.settings.model_copy(
            update={
                "lightspeed_x": street.worker.settings.lightspeed_x.model_copy(
                    update={"base_url": "http://{merchant}.localhost.invalid"}
                )
            }
        )
        tenant = await street.shop.tenant("bakery")
        for prefix in ("evil.example/", "evil.example#", "a.b", "..", "", "x" * 70, "a@b"):
            _, there = await street.leaves(tenant, "lightspeed-x")
            answer = await street.comes_back("lightspeed-x", there, domain_prefix=prefix)
            assert answer.status_code == 400, prefix
            assert "does not say which merchant" in answer.text, prefix
        assert street.there.asked == []


async def test_tokens_of_another_store_than_the_browser_says_connect_nothing(tmp_path):
    async for street in walk(tmp_path, "lightspeed-x"):
        tenant = await street.shop.tenant("bakery")
        _, there = await street.leaves(tenant, "lightspeed-x")
        answer = await street.comes_back("lightspeed-x", there, domain_prefix="quay")
        assert answer.status_code == 400
        assert (await tenant.get(f"{API}/accounts")).json()["items"] == []


async def test_what_the_provider_calls_over_ends_the_polling_and_asks_for_a_person(tmp_path):
    async for street in walk(tmp_path, "lightspeed-r"):
        tenant = await street.shop.tenant("bakery")
        link, there = await street.leaves(tenant, "lightspeed-r")
        await street.comes_back("lightspeed-r", there)
        attempt = await tenant.get(f"{API}/oauth/attempts/{link['attempt_id']}")
        (account_id,) = attempt.json()["account_ids"]
        directory = street.worker.directory
        before = directory.account(account_id)
        await directory.grant_over(before)
        state = (await tenant.get(f"{API}/accounts/{account_id}/sync")).json()
        assert state["health"] == "revoked"
        again = await tenant.post(f"{API}/accounts/{account_id}/reconnect", json={})
        left = await street.browser.get(again.json()["authorize_url"])
        done = await street.comes_back("lightspeed-r", urlsplit(left.headers["location"]))
        assert done.status_code == 200, done.text
        await directory.grant_over(before)
        assert directory.account(account_id).status.value == "connected"
