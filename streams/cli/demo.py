"""
`tillstream demo`: the whole of it on simulated shops, checked to the cent.

Two bakeries with a month of history are imported, today's trade arrives by signed webhooks as
fast as they are taken, products are matched, one is mapped by hand, and at the end every total
is compared with the simulator's own.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
import uvloop
from pydantic import SecretStr

from connectors.square.simulator import Faults, SimulatorConfig, SquareSimulator
from schemas.sealing import generate_master_key
from streams import logs
from streams.cli import demo_tables as show
from streams.cli.api import Api
from streams.cli.console import FAILED, line, note, told
from streams.cli.demo_check import Check, Ours, check
from streams.cli.up import end_process
from streams.errors import SetupError
from streams.settings import Settings, SquareSettings, load
from streams.simulate import deliver, serve_simulator
from streams.worker import Worker

HISTORY_DAYS = 30
ORDERS_A_DAY = 45
LIVE_ORDERS = 300
LIVE_SECONDS = 60
BAKERY_COUNT = 2
PATIENCE_S = 50.0
PRESENT = Faults(rate_limited=5, server_errors=5, duplicates=60, losses=20, delayed=120)
ACCOUNTS = "/api/v1/pos/accounts"


class Summary(msgspec.Struct, kw_only=True):
    """What `--json` prints, on the last line."""

    ok: bool
    seconds: float
    webhooks: int
    webhooks_per_second: float
    figures_compared: int
    differences: int
    moved_by_hand: int
    accounts: list[dict[str, Any]]
    unmapped: list[Any]


@told
def demo(
    *,
    json: Annotated[
        bool, typer.Option("--json", help="one JSON object, the last line")
    ] = False,
    seed: Annotated[int, typer.Option(help="another seed, other shops")] = 7,
    port: Annotated[int, typer.Option(help="of the API; 0 takes a free one")] = 0,
    stay: Annotated[
        bool | None, typer.Option(help="stay up afterwards; by default only on a terminal")
    ] = None,
) -> None:
    """Import a month of two simulated bakeries, sell, map, and check every total."""
    logs.set_up("error", sys.stderr)
    stays = sys.stdout.isatty() and not json if stay is None else stay
    with tempfile.TemporaryDirectory(prefix="tillstream-demo-") as folder:
        run = Demo(Path(folder), seed=seed, port=port, tell=note)
        good = uvloop.run(run.whole(json=json, stays=stays))
    if not good:
        raise typer.Exit(FAILED)


class Demo:
    """One run of the demo; `tell` says how far it has got."""

    def __init__(
        self, folder: Path, *, seed: int, port: int, tell: Callable[[str], None]
    ) -> None:
        # The live trade lies in the minutes just past, so no clock has to be bent.
        now = datetime.now(UTC) - timedelta(seconds=LIVE_SECONDS, minutes=2)
        self._folder = folder
        self._port = port or _free_port()
        self._webhook_url = f"http://127.0.0.1:{self._port}/api/v1/pos/webhooks/square"
        self._tell = tell
        self._key = secrets.token_urlsafe(24)
        self.simulator = SquareSimulator(
            SimulatorConfig(
                now=now,
                seed=seed,
                days=HISTORY_DAYS,
                orders_per_day=ORDERS_A_DAY,
                live_orders=LIVE_ORDERS,
                live_seconds=LIVE_SECONDS,
                signature_key=self._key,
                notification_url=self._webhook_url,
                faults=PRESENT,
            )
        )
        self.accounts: dict[str, Any] = {}
        self.webhooks = 0
        self.webhook_seconds = 0.0
        self.moved = 0

    async def whole(self, *, json: bool, stays: bool) -> bool:
        """Run it all, show it, and say whether every total was right."""
        began = time.perf_counter()
        async with AsyncExitStack() as stack:
            square = await stack.enter_async_context(serve_simulator(self.simulator))
            worker = Worker(self._settings(square), fatal=end_process)
            await worker.start()
            stack.push_async_callback(worker.stop)
            admin = Api(worker.url, self._admin)
            stack.push_async_callback(admin.close)
            made = await admin.call("POST", "/api/v1/tenants", {"name": "Two bakeries"})
            api = Api(worker.url, made["api_key"])
            stack.push_async_callback(api.close)
            await self._trade(worker, api)
            result = await self._checked(api)
            seconds = time.perf_counter() - began
            await self._show(api, result, seconds, json=json)
            if stays:
                self._tell(f"The API is at {worker.url}/docs, the key: {made['api_key']}")
                self._tell("Ctrl-C ends it; nothing is kept.")
                await asyncio.Event().wait()
        return not result.differences

    # -- what happens ------------------------------------------------------------------------

    async def _trade(self, worker: Worker, api: Api) -> None:
        products = [msgspec.to_builtins(it) for it in self.simulator.tenant_catalogue()]
        await api.call("PUT", "/api/v1/pos/products", {"products": products})
        async with asyncio.TaskGroup() as connecting:
            for bakery in self.simulator.config.shops:
                connecting.create_task(self._connect(api, bakery.location_id, bakery.token))
        await self._idle(worker, api)
        runs = await self._runs(api)
        brought = sum(run["new"] for _, run in runs)
        self._tell(f"{brought:,} transactions of {HISTORY_DAYS} days imported and matched")
        live = asyncio.create_task(self._deliver())
        await asyncio.sleep(0.5)
        await self._map_one(api)
        await live
        rate = self.webhooks / self.webhook_seconds
        self._tell(f"{self.webhooks:,} webhooks of today taken, {rate:,.0f} a second")
        for account in self.accounts.values():
            await self._asked(api, f"{ACCOUNTS}/{account['account_id']}", "sync", None)
        await self._idle(worker, api)

    async def _connect(self, api: Api, location_id: str, token: str) -> None:
        form = {"provider": "square", "location_id": location_id, "access_token": token}
        account = await api.call("POST", ACCOUNTS, form)
        self.accounts[location_id] = account
        self._tell(f"{account['location_name']} connected")
        history = {"days": HISTORY_DAYS + 3}
        path = f"{ACCOUNTS}/{account['account_id']}"
        await self._asked(api, path, "sync/historical", history)

    async def _asked(self, api: Api, account: str, what: str, body: object) -> None:
        """Ask for a run and wait for its end; it must succeed, however rough the provider."""
        asked = await api.call("POST", f"{account}/{what}", body)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            runs = await api.items(f"{account}/syncs")
            found = [run for run in runs if run["sync_id"] == asked["sync_id"]]
            if found and found[0]["status"] == "failed":
                raise SetupError(f"a sync run of the demo failed: {found[0]['error']}")
            if found and found[0]["status"] == "completed":
                return
            await asyncio.sleep(0.05)
        raise SetupError("a sync run of the demo did not end in time")

    async def _deliver(self) -> None:
        """Deliver today's webhooks, several at a time, as fast as they are taken."""
        began = time.perf_counter()
        done = await deliver(self.simulator, paced=False)
        self.webhooks = done.accepted
        self.webhook_seconds = time.perf_counter() - began

    async def _map_one(self, api: Api) -> None:
        """Map what earns most and is mapped to nothing, as a person would; watch it move."""
        unmapped = (await api.call("GET", "/api/v1/pos/mappings/unmapped", limit=1))["items"]
        if not unmapped:
            return
        first = unmapped[0]
        product = {"product_id": "by-hand", "name": "A name that no match would find"}
        await api.call("PUT", "/api/v1/pos/products", {"products": [product]})
        mapping = {
            "account_id": first["account_id"],
            "pos_product_id": first["pos_product_id"],
            "product_id": product["product_id"],
        }
        await api.call("POST", "/api/v1/pos/mappings", mapping)
        rows = await api.items("/api/v1/pos/sales", account_id=first["account_id"])
        self.moved = sum(r["net"] for r in rows if r["product_id"] == product["product_id"])
        currency = first["moves"]["currency"]
        self._tell(
            f"{first['name']!r} mapped by hand: {show.money(self.moved, currency)} moved out "
            "of unmapped revenue, history included"
        )

    async def _idle(self, worker: Worker, api: Api) -> None:
        """Wait until no run is under way and the stages have nothing left to do."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            lanes = range(worker.settings.lanes)
            await worker.runtime.views.settle(lanes, PATIENCE_S, stages=("commands", "fetch"))
            await worker.runtime.views.settle(lanes, PATIENCE_S)
            states = [
                await api.call("GET", f"{ACCOUNTS}/{account['account_id']}/sync")
                for account in self.accounts.values()
            ]
            busy = any(state["running"] or state["last_run"] is None for state in states)
            if not busy and not any(worker.runtime.views.lag().values()):
                return
            await asyncio.sleep(0.1)
        raise SetupError("the demo did not come to rest in time; this machine is very busy")

    # -- what is shown -----------------------------------------------------------------------

    async def _checked(self, api: Api) -> Check:
        accounts = [
            Ours(
                location_id=location_id,
                sales_days=await api.items("/api/v1/pos/sales-days", account_id=name),
                sales=await api.items("/api/v1/pos/sales", account_id=name),
                inventory=await api.items("/api/v1/pos/inventory", account_id=name),
            )
            for location_id, account in self.accounts.items()
            for name in (account["account_id"],)
        ]
        self._ours = accounts
        return check(self.simulator.totals(), accounts)

    async def _runs(self, api: Api) -> list[tuple[str, Any]]:
        return [
            (account["location_name"], run)
            for account in self.accounts.values()
            for run in await api.items(f"{ACCOUNTS}/{account['account_id']}/syncs")
        ]

    async def _show(self, api: Api, result: Check, seconds: float, *, json: bool) -> None:
        unmapped = await api.items("/api/v1/pos/mappings/unmapped")
        runs = await self._runs(api)
        if json:
            line(self._summary(result, seconds, unmapped, runs))
            return
        for ours in self._ours:
            location = self.accounts[ours.location_id]["location_name"]
            show.show_days(location, ours.sales_days)
            show.show_products(location, ours.sales)
            show.show_inventory(location, ours.inventory)
        show.show_unmapped(unmapped)
        show.show_syncs(runs)
        show.show_check(result)
        self._tell(f"{seconds:.1f} s")

    def _summary(
        self, result: Check, seconds: float, unmapped: list[Any], runs: list[tuple[str, Any]]
    ) -> Summary:
        return Summary(
            ok=not result.differences,
            seconds=round(seconds, 1),
            webhooks=self.webhooks,
            webhooks_per_second=round(self.webhooks / self.webhook_seconds, 1),
            figures_compared=result.figures,
            differences=len(result.differences),
            moved_by_hand=self.moved,
            accounts=[
                {
                    **self.accounts[ours.location_id],
                    "sales_days": ours.sales_days,
                    "top_products": show.best_products(ours.sales),
                    "inventory": ours.inventory,
                    "syncs": [
                        run
                        for name, run in runs
                        if name == self.accounts[ours.location_id]["location_name"]
                    ],
                }
                for ours in self._ours
            ],
            unmapped=unmapped,
        )

    def _settings(self, square: str) -> Settings:
        self._admin = secrets.token_urlsafe(24)
        return load(
            log=f"embedded://{self._folder}/log",
            data_dir=self._folder,
            host="127.0.0.1",
            port=self._port,
            keys=f"demo:{generate_master_key()}",
            admin_key=self._admin,
            square=SquareSettings(
                signature_key=SecretStr(self._key),
                notification_url=self._webhook_url,
                base_url=square,
                calls_per_second=500,
            ),
        )


def _free_port() -> int:
    """Return a port that is free now: the webhooks' URL must be known before it is served."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
