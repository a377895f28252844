"""
`tillstream demo`: the whole of it on simulated shops, checked to the cent.

A month of history of simulated shops is imported, today's trade arrives by signed webhooks as
fast as they are taken, or by the next poll where a provider has none, products are matched, one
is mapped by hand, and at the end every total is compared with the simulators' own.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
import uvloop

from connectors.simulators import SIMULATORS
from schemas.sealing import generate_master_key
from streams import logs
from streams.cli import demo_tables as show
from streams.cli.api import Api
from streams.cli.console import FAILED, line, note, told
from streams.cli.demo_check import Check, Ours
from streams.cli.demo_scene import ACCOUNTS, HISTORY_DAYS, PATIENCE_S, Scene
from streams.cli.up import end_process
from streams.errors import SetupError
from streams.settings import Settings, load
from streams.worker import Worker

DEFAULT = "square"
SHOPS_ALONE, SHOPS_TOGETHER = 2, 1


class Summary(msgspec.Struct, kw_only=True):
    """What `--json` prints, on the last line."""

    ok: bool
    seconds: float
    webhooks: int
    webhooks_per_second: float
    figures_compared: int
    differences: int
    moved_by_hand: int
    providers: list[str]
    accounts: list[dict[str, Any]]
    unmapped: list[Any]


@told
def demo(
    *,
    json: Annotated[
        bool, typer.Option("--json", help="one JSON object, the last line")
    ] = False,
    provider: Annotated[
        list[str] | None,
        typer.Option(help=f"of which the shops are, again for more; else {DEFAULT}"),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="a shop of every provider that can be simulated")
    ] = False,
    seed: Annotated[int, typer.Option(help="another seed, other shops")] = 7,
    port: Annotated[int, typer.Option(help="of the API; 0 takes a free one")] = 0,
    stay: Annotated[
        bool | None, typer.Option(help="stay up afterwards; by default only on a terminal")
    ] = None,
) -> None:
    """Import a month of simulated shops, sell, map, and check every total."""
    logs.set_up("error", sys.stderr)
    providers = list(SIMULATORS) if everything else list(dict.fromkeys(provider or [DEFAULT]))
    if unknown := sorted(set(providers) - set(SIMULATORS)):
        raise SetupError(f"--provider: no {unknown[0]!r}; there are {', '.join(SIMULATORS)}")
    stays = sys.stdout.isatty() and not json if stay is None else stay
    with tempfile.TemporaryDirectory(prefix="tillstream-demo-") as folder:
        run = Demo(Path(folder), providers, seed=seed, port=port, tell=note)
        good = uvloop.run(run.whole(json=json, stays=stays))
    if not good:
        raise typer.Exit(FAILED)


class Demo:
    """One run of the demo; `tell` says how far it has got."""

    def __init__(
        self,
        folder: Path,
        providers: Sequence[str],
        *,
        seed: int,
        port: int,
        tell: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._port = port or _free_port()
        self._tell = tell
        self._admin = secrets.token_urlsafe(24)
        shops = SHOPS_ALONE if len(providers) == 1 else SHOPS_TOGETHER
        url = f"http://127.0.0.1:{self._port}"
        self.scenes = [
            Scene(name, url, seed=seed, shops=shops, tell=tell) for name in providers
        ]
        self.moved = 0
        self._ours: list[tuple[Scene, Ours]] = []

    @property
    def accounts(self) -> list[Any]:
        """Return all accounts as the API gave them."""
        return [account for scene in self.scenes for account in scene.accounts.values()]

    async def whole(self, *, json: bool, stays: bool) -> bool:
        """Run it all, show it, and say whether every total was right."""
        began = time.perf_counter()
        async with AsyncExitStack() as stack:
            worker = Worker(await self._settings(stack), fatal=end_process)
            await worker.start()
            stack.push_async_callback(worker.stop)
            admin = await stack.enter_async_context(Api(worker.url, self._admin))
            made = await admin.call("POST", "/api/v1/tenants", {"name": "Simulated shops"})
            api = await stack.enter_async_context(Api(worker.url, made["api_key"]))
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
        # All simulated shops sell the same assortment, so one list of products is enough.
        products = [msgspec.to_builtins(it) for it in self.scenes[0].simulator.own_products()]
        await api.call("PUT", "/api/v1/pos/products", {"products": products})
        await asyncio.gather(*(scene.connect(api) for scene in self.scenes))
        await self._idle(worker, api)
        brought = sum(run["new"] for _, run in await self._runs(api))
        self._tell(f"{brought:,} transactions of {HISTORY_DAYS} days imported and matched")
        live = asyncio.gather(*(scene.deliver() for scene in self.scenes))
        await asyncio.sleep(0.5)
        await self._map_one(api)
        await live
        if self._webhooks:
            self._tell(
                f"{self._webhooks:,} webhooks of today taken, {self._rate:,.0f} a second"
            )
        await asyncio.gather(*(scene.poll(api) for scene in self.scenes))
        await self._idle(worker, api)

    @property
    def _webhooks(self) -> int:
        return sum(scene.webhooks for scene in self.scenes)

    @property
    def _rate(self) -> float:
        return self._webhooks / max(scene.seconds for scene in self.scenes)

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
                for account in self.accounts
            ]
            busy = any(state["running"] or state["last_run"] is None for state in states)
            if not busy and not any(worker.runtime.views.lag().values()):
                return
            await asyncio.sleep(0.1)
        raise SetupError("the demo did not come to rest in time; this machine is very busy")

    # -- what is shown -----------------------------------------------------------------------

    async def _checked(self, api: Api) -> Check:
        result = Check()
        for scene in self.scenes:
            ours = await scene.ours(api)
            self._ours += [(scene, one) for one in ours]
            result = result.and_of(scene.check(ours))
        return result

    async def _runs(self, api: Api) -> list[tuple[Any, Any]]:
        return [
            (account, run)
            for account in self.accounts
            for run in await api.items(f"{ACCOUNTS}/{account['account_id']}/syncs")
        ]

    async def _show(self, api: Api, result: Check, seconds: float, *, json: bool) -> None:
        unmapped = await api.items("/api/v1/pos/mappings/unmapped")
        runs = await self._runs(api)
        if json:
            line(self._summary(result, seconds, unmapped, runs))
            return
        for scene, ours in self._ours:
            location = scene.accounts[ours.location_id]["location_name"]
            show.show_days(location, ours.sales_days)
            show.show_products(location, ours.sales)
            show.show_inventory(location, ours.inventory)
        show.show_unmapped(unmapped)
        show.show_syncs([(account["location_name"], run) for account, run in runs])
        show.show_check(result)
        self._tell(f"{seconds:.1f} s")

    def _summary(
        self, result: Check, seconds: float, unmapped: list[Any], runs: list[tuple[Any, Any]]
    ) -> Summary:
        return Summary(
            ok=not result.differences,
            seconds=round(seconds, 1),
            webhooks=self._webhooks,
            webhooks_per_second=round(self._rate, 1),
            figures_compared=result.figures,
            differences=len(result.differences),
            moved_by_hand=self.moved,
            providers=[scene.provider for scene in self.scenes],
            accounts=[
                {
                    **account,
                    "sales_days": ours.sales_days,
                    "top_products": show.best_products(ours.sales),
                    "inventory": ours.inventory,
                    "syncs": [run for whose, run in runs if whose is account],
                }
                for scene, ours in self._ours
                for account in (scene.accounts[ours.location_id],)
            ],
            unmapped=unmapped,
        )

    async def _settings(self, stack: AsyncExitStack) -> Settings:
        providers = {
            scene.provider.replace("-", "_"): await scene.serve(stack) for scene in self.scenes
        }
        return load(
            log=f"embedded://{self._folder}/log",
            data_dir=self._folder,
            host="127.0.0.1",
            port=self._port,
            keys=f"demo:{generate_master_key()}",
            admin_key=self._admin,
            **providers,
        )


def _free_port() -> int:
    """Return a port that is free now: the webhooks' URL must be known before it is served."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
