"""A whole worker beside a simulated Lightspeed Retail, and the commands of its tenant."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner

from connectors.contract import Response
from connectors.lightspeed_r.simulator.places import CLIENT_ID, CLIENT_SECRET
from connectors.simulation.calls import Answer, Call
from schemas import topics
from schemas.codec import decode
from schemas.events import PosError
from schemas.sealing import generate_master_key
from streams.cli.main import app
from streams.http.app import create_api
from streams.log import TP
from streams.reading import records_of
from streams.settings import load
from streams.simulate import serve_simulator
from streams.worker import Worker
from tests.connectors.simulated import simulated
from tests.http.harness import ADMIN_KEY, API, House

PATIENCE_S = 30
_PATHS = {"lightspeed-r": "/API/V3/Account/{merchant}"}


class Between:
    """A simulated provider of which answers change on their way: see `answered`."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.simulator = simulated(provider, days=8, orders_per_day=3, live_orders=0)
        self.config = self.simulator.config

    def handle(self, call: Call, now: datetime) -> Answer:
        """Answer a call."""
        return self.answered(call, self.simulator.handle(call, now))

    def answered(self, call: Call, answer: Answer) -> Answer:
        """Return what arrives of an answer."""
        del call
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.simulator, name)


class Forbidding(Between):
    """Calls below these paths are forbidden, as those of a scope that lacks are."""

    def __init__(self, provider: str, *paths: str) -> None:
        super().__init__(provider)
        self.paths = paths

    def answered(self, call: Call, answer: Answer) -> Answer:
        if any(path in call.path for path in self.paths):
            return Answer(response=Response(status=403, body=b"{}"))
        return answer


@asynccontextmanager
async def desk(
    folder: Path, series: Between, **given: Any
) -> AsyncIterator[tuple[House, httpx.AsyncClient, str]]:
    """Run a worker beside a simulator; give a tenant's client and its account."""
    behind = datetime.now(UTC) - series.config.now

    def clock() -> datetime:
        return datetime.now(UTC) - behind

    async with serve_simulator(series, clock=clock) as url:  # type: ignore[arg-type]  # it looks like one
        settings = load(
            log=f"embedded://{folder}/log?sync=0&upkeep_s=3600",
            data_dir=folder,
            lanes=2,
            port=0,
            keys=f"k1:{generate_master_key()}",
            admin_key=ADMIN_KEY,
            **{series.provider.replace("-", "_"): _application(series.provider, url)},
            **given,
        )
        worker = Worker(settings, fatal=[].append, clock=clock)
        await worker.start(serve=False)
        try:
            shop = House(worker, create_api(worker._services()))
            await worker._serve()
            tenant, place = await shop.tenant("larder"), series.config.shops[0]
            form = {
                "provider": series.provider,
                "merchant": place.merchant_id,
                "location_id": place.location_id,
                "currency": place.currency,
                "access_token": place.token,
            }
            made = await tenant.post(f"{API}/accounts", json=form)
            assert made.status_code == 201, made.text
            yield shop, tenant, made.json()["account_id"]
        finally:
            await worker.stop()


def _application(provider: str, url: str) -> dict[str, str]:
    known = {
        "base_url": url + _PATHS.get(provider, ""),
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }
    further = {
        "lightspeed-r": {"token_url": url},
        "lightspeed-k": {"webhook_login": "till:opensesame"},
    }
    return known | further.get(provider, {})


async def run(
    shop: House, tenant: httpx.AsyncClient, *arguments: str, at: str = "--url", status: int = 0
) -> str:
    """Run a command with the tenant's key and return what it says."""
    words = [*arguments, *_where(shop, tenant, at)]
    result = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert result.exit_code == status, result.output
    return result.output


async def started(shop: House, tenant: httpx.AsyncClient, *arguments: str) -> Process:
    """Start a command with the tenant's key as a process of its own."""
    words = ("-m", "streams.cli", *arguments, *_where(shop, tenant))
    return await asyncio.create_subprocess_exec(sys.executable, *words)


def _where(shop: House, tenant: httpx.AsyncClient, at: str = "--url") -> tuple[str, ...]:
    key = tenant.headers["authorization"].removeprefix("Bearer ")
    return ("--api-key", key, at, shop.worker.url)


async def synced(
    shop: House, tenant: httpx.AsyncClient, account: str, kind: str = "sync", **what: object
) -> None:
    """Have the account asked and wait for the end of that run, which must succeed."""
    where = f"{API}/accounts/{account}"
    asked = await tenant.post(f"{where}/{kind}", json=what)
    assert asked.status_code == 202, asked.text
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = (await tenant.get(f"{where}/syncs")).json()["items"]
            ended = {run["sync_id"]: run["status"] for run in found if run["ended_at"]}
            status = ended.get(asked.json()["sync_id"])
            if status is not None:
                assert status == "completed", found
                return
            await asyncio.sleep(0.05)


async def errors(shop: House, account: str) -> list[PosError]:
    """Return what people were told of an account."""
    log, lane = shop.worker.runtime.log, shop.worker.directory.lane(account)
    return [
        decode(PosError, record.value)
        async for record in records_of(log, TP(topics.ERRORS, lane))
        if record.value is not None and record.key == account.encode()
    ]


async def rows(
    shop: House, tenant: httpx.AsyncClient, account: str, *arguments: str
) -> list[dict[str, Any]]:
    """Return what `orders ls` lists of an account."""
    text = await run(shop, tenant, "orders", "ls", account, "--json", *arguments)
    # the server of the same process writes its log there, too
    return [json.loads(line) for line in text.splitlines() if line.startswith('{"tenant_id"')]
