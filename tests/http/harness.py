"""The whole worker over a real embedded log, HTTP in memory, and a provider that is still."""

import base64
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import httpx

from connectors.contract import CredentialsError
from schemas.raw import Channel
from schemas.sealing import generate_master_key
from streams.http.app import create_api
from streams.http.services import LocationInfo
from streams.settings import load
from streams.worker import Worker

API = "/api/v1/pos"
ADMIN_KEY = "an-admin-key-of-tests"
SIGNATURE_KEY = "a-signature-key-of-tests"
URL = "https://tills.example/api/v1/pos/webhooks/square"
SIGNATURE = "x-square-hmacsha256-signature"
SAMPLES = Path(__file__).parents[2] / "connectors" / "square" / "samples"


class StillExchange:
    """A provider at which nothing ever happens."""

    async def converse(self, conversation):
        conversation.close()
        for page in ():
            yield page


async def probe(provider, credentials, place):
    """Know every location that begins with L; any token but "wrong" is fine."""
    if credentials.access_token == "wrong":
        raise CredentialsError("no")
    if not place.location_id.startswith("L"):
        return None
    return LocationInfo(
        location_id=place.location_id,
        merchant="MLBAKERY",
        name=f"Bakery {place.location_id}",
        timezone="Europe/Berlin",
        currency="EUR",
    )


class House:
    """A running worker and the ways into it."""

    def __init__(self, worker, app):
        self.worker = worker
        self.app = app
        self.services = app.state.services
        self.client = self.as_key(None)
        self.admin = self.as_key(ADMIN_KEY)

    def as_key(self, key):
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url="http://test",
            headers={"authorization": f"Bearer {key}"} if key else {},
        )

    async def tenant(self, name):
        made = await self.admin.post("/api/v1/tenants", json={"name": name, "tenant_id": name})
        assert made.status_code == 201, made.text
        return self.as_key(made.json()["api_key"])

    async def connected(self, client, location="LBAKERY01", **more):
        form = {"provider": "square", "location_id": location, "access_token": "good", **more}
        answer = await client.post(f"{API}/accounts", json=form)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def deliver(self, body, **headers):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(
            f"{API}/webhooks/square", content=raw, headers={SIGNATURE: signed(raw)} | headers
        )

    async def sell(self, account_id, sample):
        """Take in a sample as a poll would bring it."""
        account = self.worker.directory.account(account_id)
        for raw in sample_raws(sample):
            body = json.dumps(raw["body"]).replace("LBAKERY01", account.location_id)
            await self.worker.ingest.append(
                account, Channel.POLL, raw["resource"], [body.encode()]
            )
        await self.settle()

    async def settle(self):
        await self.worker.runtime.views.settle(range(self.worker.settings.lanes), 10)


def sample_raws(name):
    return json.loads((SAMPLES / f"{name}.raws.json").read_text())


def signed(body, key=SIGNATURE_KEY, url=URL):
    mac = hmac.digest(key.encode(), url.encode() + body, sha256)
    return base64.b64encode(mac).decode()


def a_payment(payment="P1", amount=1250, *, merchant="MLBAKERY", location="LBAKERY01"):
    """A webhook of a card payment without an order: the simplest sale there is."""
    at = "2026-05-04T13:01:00Z"
    money = {"amount": amount, "currency": "EUR"}
    body = {
        "id": payment,
        "created_at": at,
        "updated_at": at,
        "amount_money": money,
        "total_money": money,
        "status": "COMPLETED",
        "source_type": "CARD",
        "location_id": location,
    }
    return {
        "merchant_id": merchant,
        "type": "payment.updated",
        "event_id": f"event-{payment}-{amount}",
        "created_at": at,
        "data": {"type": "payment", "id": payment, "object": {"payment": body}},
    }


@asynccontextmanager
async def house(folder, **given) -> AsyncIterator[House]:
    usual = {
        "log": f"embedded://{folder}/log?sync=0&upkeep_s=3600",
        "data_dir": folder,
        "lanes": 2,
        "keys": f"k1:{generate_master_key()}",
        "admin_key": ADMIN_KEY,
        "public_url": "https://tills.example",
        "square": {
            "signature_key": SIGNATURE_KEY,
            "notification_url": URL,
            "application_id": "sq-app",
            "application_secret": "hush-hush-secret",
        },
    }
    settings = load(**usual | given)
    failures = []
    worker = Worker(settings, fatal=failures.append, clock=lambda: datetime.now(UTC))
    worker.exchanges.of = lambda _account: StillExchange()
    worker.exchanges.probe = probe
    await worker.start(serve=False)
    try:
        yield House(worker, create_api(worker._services()))
    finally:
        await worker.stop()
    assert not failures
