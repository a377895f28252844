"""A location is connected, polled and its token renewed, over the whole worker."""

import asyncio
import json
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

from schemas import topics
from schemas.codec import decode
from schemas.events import PosError
from schemas.sealing import generate_master_key
from streams.credentials import opened
from streams.http.app import create_api
from streams.log import TP
from streams.reading import records_of
from streams.settings import load
from streams.sync.run import RECONNECT
from streams.worker import Worker
from tests.connectors.provider import provider
from tests.http.harness import ADMIN_KEY, API, House

SHOP = {"Shop": {"shopID": "1", "name": "Corner", "timeZone": "US/Pacific"}}


class Retail:
    """An R-Series account whose first token dies after the shop was looked up."""

    def __init__(self):
        self.good = "access-1"
        self.renewals = []

    def answer(self, asked):
        headers = {"X-LS-Api-Bucket-Level": "1/90", "X-LS-Api-Drip-Rate": "1"}
        if asked.path.endswith("/token"):
            self.renewals.append(parse_qs(asked.body.decode())["refresh_token"])
            self.good = f"access-{len(self.renewals) + 1}"
            pair = {"access_token": self.good, "refresh_token": "refresh-2", "expires_in": 1800}
            return 200, {}, json.dumps(pair).encode()
        if asked.headers["authorization"] != f"Bearer {self.good}":
            return 401, headers, b"{}"
        if asked.path == "/Account/77/Shop/1.json":
            self.good = "none"
            return 200, headers, json.dumps(SHOP).encode()
        return 200, headers, b'{"@attributes":{}}'


def worker_of(folder, keys, url):
    settings = load(
        log=f"embedded://{folder}/log?sync=0&upkeep_s=3600",
        data_dir=folder,
        lanes=2,
        keys=keys,
        admin_key=ADMIN_KEY,
        lightspeed_r={
            "base_url": f"{url}/Account/{{merchant}}",
            "token_url": url,
            "client_id": "us",
            "client_secret": "hush",
        },
    )
    return Worker(settings, fatal=[].append)


async def until(true, seconds=10):
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what the worker does has no event
            await asyncio.sleep(0.02)


async def test_a_renewed_pair_of_tokens_is_in_the_log_and_survives_a_restart(tmp_path):
    keys, retail = f"k1:{generate_master_key()}", Retail()
    form = {
        "provider": "lightspeed-r",
        "merchant": "77",
        "location_id": "1",
        "currency": "USD",
        "access_token": "access-1",
        "refresh_token": "refresh-1",
    }
    async with provider(retail.answer) as there:
        worker = worker_of(tmp_path, keys, there.url)
        await worker.start(serve=False)
        shop = House(worker, create_api(worker._services()))
        tenant = await shop.tenant("bakery")
        nameless = {**form, "merchant": None}
        assert (await tenant.post(f"{API}/accounts", json=nameless)).status_code == 422
        made = await tenant.post(f"{API}/accounts", json=form)
        assert made.status_code == 201, made.text
        account_id = made.json()["account_id"]
        assert made.json()["timezone"] == "US/Pacific"
        assert made.json()["currency"] == "USD"
        await until(lambda: there.at("/Account/77/Sale.json"))
        await worker.stop()
        assert retail.renewals == [["refresh-1"]]

        again = worker_of(tmp_path, keys, there.url)
        await again.start(serve=False)
        known = opened(again.directory.account(account_id), again.sealer)
        await again.stop()
    assert (known.access_token, known.refresh_token) == ("access-2", "refresh-2")
    assert known.renew_at < known.expires_at


async def test_credentials_that_the_provider_refuses_connect_nothing(tmp_path):
    keys, retail = f"k1:{generate_master_key()}", Retail()
    async with provider(retail.answer) as there:
        worker = worker_of(tmp_path, keys, there.url)
        await worker.start(serve=False)
        shop = House(worker, create_api(worker._services()))
        tenant = await shop.tenant("bakery")
        form = {"provider": "lightspeed-r", "merchant": "77", "location_id": "1"}
        answer = await tenant.post(f"{API}/accounts", json={**form, "access_token": "stolen"})
        await worker.stop()
    assert answer.status_code == 422
    assert retail.renewals == []


class Refusing(Retail):
    """The same, but its refresh token is no longer good, or nobody is there to renew it."""

    def __init__(self, status, body):
        super().__init__()
        self.status, self.body = status, body

    def answer(self, asked):
        if asked.path.endswith("/token"):
            self.renewals.append(asked.path)
            return self.status, {}, self.body
        return super().answer(asked)


@asynccontextmanager
async def refused(folder, status, body=b"{}"):
    keys, retail = f"k1:{generate_master_key()}", Refusing(status, body)
    form = {"provider": "lightspeed-r", "merchant": "77", "location_id": "1"}
    tokens = {"access_token": "access-1", "refresh_token": "refresh-1"}
    async with provider(retail.answer) as there:
        worker = worker_of(folder, keys, there.url)
        await worker.start(serve=False)
        shop = House(worker, create_api(worker._services()))
        tenant = await shop.tenant("bakery")
        made = await tenant.post(f"{API}/accounts", json={**form, **tokens, "currency": "USD"})
        yield worker, retail, tenant, made.json()["account_id"]
        await worker.stop()


async def test_an_authorisation_that_is_over_ends_the_polling_and_asks_for_a_person(tmp_path):
    gone = b'{"error":"invalid_grant"}'
    async with refused(tmp_path, 400, gone) as (worker, retail, tenant, account_id):
        await until(lambda: worker.directory.account(account_id).status.value == "revoked")
        await worker.runtime.views.settle(range(2), 10)
        state = (await tenant.get(f"{API}/accounts/{account_id}/sync")).json()
        log = worker.runtime.log
        errors = [
            decode(PosError, record.value)
            for lane in range(2)
            async for record in records_of(log, TP(topics.ERRORS, lane))
        ]
    assert state["health"] == "revoked"
    assert [one.action_required for one in errors] == [RECONNECT]
    assert state["next_due"] is None
    assert len(retail.renewals) == 1


async def test_a_renewal_that_meets_a_passing_trouble_disconnects_nobody(tmp_path):
    async with refused(tmp_path, 503) as (worker, retail, tenant, account_id):
        await until(lambda: len(retail.renewals) >= 3, 20)
        state = (await tenant.get(f"{API}/accounts/{account_id}/sync")).json()
        assert worker.directory.account(account_id).status.value == "connected"
    assert state["health"] != "revoked"
