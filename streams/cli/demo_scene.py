"""One simulated provider of the demo: its shops, their trade, and what we made of it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel

from connectors.simulation.config import Faults, SimulatedShop, SimulatorConfig
from connectors.simulation.simulator import Simulator, refresh_token_of
from connectors.simulators import SIMULATORS
from streams.cli.api import Api
from streams.cli.demo_check import Check, Ours, check
from streams.cli.demo_settings import SIMULATED, Wiring
from streams.errors import SetupError
from streams.simulate import deliver, serve_simulator
from streams.simulate_database import SimulatedDatabase, serve_database

HISTORY_DAYS = 30
ORDERS_A_DAY = 45
LIVE_ORDERS = 300
LIVE_SECONDS = 60
PATIENCE_S = 120.0
PRESENT = Faults(rate_limited=5, server_errors=5, duplicates=60, losses=20, delayed=120)
ACCOUNTS = "/api/v1/pos/accounts"


class Scene:
    """
    A provider with its shops.

    Args:
        api_url: where Tillstream will be.
        shops: how many.
        tell: says how far it has got.
    """

    def __init__(
        self, provider: str, api_url: str, *, seed: int, shops: int, tell: Callable[[str], None]
    ) -> None:
        # The live trade lies in the minutes just past, so no clock has to be bent.
        now = datetime.now(UTC) - timedelta(seconds=LIVE_SECONDS, minutes=2)
        self.provider = provider
        self._tell = tell
        self._webhook_url = f"{api_url}/api/v1/pos/webhooks/{provider}"
        self._secret = secrets.token_urlsafe(24)
        kind = SIMULATORS[provider]
        self.simulator: Simulator = kind.make(
            SimulatorConfig(
                now=now,
                seed=seed,
                shops=kind.shops(shops),
                days=HISTORY_DAYS,
                orders_per_day=ORDERS_A_DAY,
                live_orders=LIVE_ORDERS,
                live_seconds=LIVE_SECONDS,
                signature_key=self._secret,
                notification_url=self._webhook_url,
                faults=PRESENT,
            )
        )
        self._database = ""
        self.accounts: dict[str, Any] = {}
        self.webhooks = 0
        self.seconds = 0.0

    async def serve(self, stack: AsyncExitStack) -> BaseModel:
        """Serve the provider for as long as the stack is open; return how it is called."""
        url = await stack.enter_async_context(serve_simulator(self.simulator))
        if isinstance(self.simulator, SimulatedDatabase):
            self._database = await stack.enter_async_context(serve_database(self.simulator))
        wiring = Wiring(
            url=url,
            database=self._database,
            webhook_url=self._webhook_url,
            secret=self._secret,
        )
        return SIMULATED[self.provider](wiring)

    async def connect(self, api: Api) -> None:
        """Connect every shop and import its history."""
        shops = self.simulator.config.shops
        await asyncio.gather(*(self._connect(api, shop) for shop in shops))

    async def _connect(self, api: Api, shop: SimulatedShop) -> None:
        form = {
            "provider": self.provider,
            "location_id": shop.location_id,
            "merchant": shop.merchant_id,
            "cut_off_hour": shop.cut_off_hour,
            **{name: getattr(shop, name) for name in SIMULATORS[self.provider].typed},
        }
        if shop.token:
            form["access_token"] = shop.token.format(database=self._database)
        if refresh_token := refresh_token_of(self.simulator, shop.token):
            form["refresh_token"] = refresh_token
        account = await api.call("POST", ACCOUNTS, form)
        self.accounts[shop.location_id] = account
        self._tell(f"{account['location_name']} connected ({self.provider})")
        history = {"days": HISTORY_DAYS + 3}
        await self._asked(api, account["account_id"], "sync/historical", history)

    async def deliver(self) -> None:
        """Deliver today's webhooks, several at a time, as fast as they are taken."""
        began = time.perf_counter()
        done = await deliver(self.simulator, paced=False)
        self.webhooks = done.accepted
        self.seconds = time.perf_counter() - began

    async def poll(self, api: Api) -> None:
        """Ask every account what its webhooks did not tell."""
        names = [account["account_id"] for account in self.accounts.values()]
        await asyncio.gather(*(self._asked(api, name, "sync", None) for name in names))

    async def _asked(self, api: Api, account_id: str, what: str, body: object) -> None:
        """Ask for a run and wait for its end; it must succeed, however rough the provider."""
        account = f"{ACCOUNTS}/{account_id}"
        asked = await api.call("POST", f"{account}/{what}", body)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            runs = await api.items(f"{account}/syncs")
            found = [run for run in runs if run["sync_id"] == asked["sync_id"]]
            if found and found[0]["status"] == "failed":
                raise SetupError(f"a sync run of {self.provider} failed: {found[0]['error']}")
            if found and found[0]["status"] == "completed":
                return
            await asyncio.sleep(0.05)
        raise SetupError(f"a sync run of {self.provider} did not end in time")

    async def ours(self, api: Api) -> list[Ours]:
        """Return what our API says of the accounts."""
        return [
            Ours(
                location_id=location_id,
                sales_days=await api.items("/api/v1/pos/sales-days", account_id=name),
                sales=await api.items("/api/v1/pos/sales", account_id=name),
                inventory=await api.items("/api/v1/pos/inventory", account_id=name),
            )
            for location_id, account in self.accounts.items()
            for name in (account["account_id"],)
        ]

    def check(self, ours: list[Ours]) -> Check:
        """Compare it with the provider's own sums."""
        return check(self.simulator.totals(), ours)
