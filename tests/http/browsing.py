"""A merchant's browser, and a worker whose Square is simulated, for tests of connecting."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
from msgspec.structs import replace

from connectors.square.simulator import SimulatorConfig, SquareSimulator, bakeries
from schemas.sealing import generate_master_key
from streams.http.app import create_api
from streams.settings import load
from streams.simulate import serve_simulator
from streams.worker import Worker
from tests.http.harness import ADMIN_KEY, API, House

PUBLIC = "http://tills.example"
BACK = "https://shop.example/settings"
APPLICATION = {"application_id": "sq-app", "application_secret": "hush-hush-secret"}


class Browser:
    """Keeps cookies of ours, follows redirects to the provider and back."""

    def __init__(self, app) -> None:
        self.ours = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC)

    async def opens(self, url) -> str:
        """Open our link; return where the provider sends the browser back to."""
        left = await self.ours.get(url)
        assert left.status_code == 303, left.text
        async with httpx.AsyncClient() as outside:
            there = await outside.get(left.headers["location"])
        assert there.status_code == 302, there.text
        return there.headers["location"]

    async def connects(self, url) -> httpx.Response:
        return await self.ours.get(await self.opens(url))


class Town:
    """The house, the simulated Square beside it, and browsers."""

    def __init__(self, shop, square) -> None:
        self.shop = shop
        self.square = square
        self.merchants = [one.merchant_id for one in square.config.shops]
        self.locations = [one.location_id for one in square.config.shops]

    def browser(self) -> Browser:
        return Browser(self.shop.app)

    async def link(self, client, **form):
        answer = await client.post(f"{API}/oauth/square/authorize", json=form)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def attempt(self, client, link):
        return (await client.get(f"{API}/oauth/attempts/{link['attempt_id']}")).json()


def two_shops(*, one_merchant: bool):
    first, second = bakeries(2)
    if not one_merchant:
        return first, second
    same = replace(second, merchant_id=first.merchant_id, token=first.token, main=False)
    return first, same


@asynccontextmanager
async def town(folder, *, one_merchant=False, clock=None, **given) -> AsyncIterator[Town]:
    now = datetime.now(UTC)
    config = SimulatorConfig(
        now=now, shops=two_shops(one_merchant=one_merchant), days=2, orders_per_day=5
    )
    square = SquareSimulator(config)
    async with serve_simulator(square) as url:
        settings = load(
            log=f"embedded://{folder}/log?sync=0&upkeep_s=3600",
            data_dir=folder,
            lanes=2,
            keys=f"k1:{generate_master_key()}",
            admin_key=ADMIN_KEY,
            square={"base_url": url, "calls_per_second": 1000, **APPLICATION},
            **{"public_url": PUBLIC, "return_urls": BACK, **given},
        )
        failures = []
        worker = Worker(
            settings, fatal=failures.append, clock=clock or (lambda: datetime.now(UTC))
        )
        await worker.start(serve=False)
        try:
            yield Town(House(worker, create_api(worker._services())), square)
        finally:
            await worker.stop()
        assert not failures
