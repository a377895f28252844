"""`tillstream simulate`: a provider that is not there, for trying and for testing."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from connectors.simulation.config import ROUGH, Faults, SimulatorConfig
from connectors.simulation.simulator import refresh_token_of
from connectors.simulators import SIMULATORS, SimulatedProvider
from streams import logs
from streams.cli.console import Json, line, note, told
from streams.cli.demo_settings import Wiring, variables
from streams.errors import SetupError
from streams.simulate import deliver, serve_simulator
from streams.simulate_database import SimulatedDatabase, serve_database

SIGNATURE_KEY = "simulated-signature-key"
KEY_VARIABLE = "TILLSTREAM_SQUARE__SIGNATURE_KEY"
"""So that a Square on the same machine needs no second setting."""


@told
def simulate(
    *,
    provider: Annotated[str, typer.Argument(help=f"one of {', '.join(SIMULATORS)}")],
    port: Annotated[int, typer.Option(help="0 takes any that is free")] = 8014,
    host: Annotated[str, typer.Option(help="where to listen")] = "127.0.0.1",
    seed: Annotated[int, typer.Option(help="the same seed sells the same")] = 1,
    days: Annotated[int, typer.Option(help="business days of history")] = 30,
    orders_per_day: Annotated[int, typer.Option(help="at each shop")] = 60,
    shops: Annotated[int, typer.Option("--shops", "--bakeries", help="how many")] = 2,
    live_orders: Annotated[
        int | None, typer.Option(help="of today's trade, each shop; else a day's orders")
    ] = None,
    live_seconds: Annotated[int, typer.Option(help="how long today's trade takes")] = 600,
    deliver_to: Annotated[str, typer.Option(help="URL that takes the webhooks")] = "",
    signature_key: Annotated[
        str, typer.Option(envvar=KEY_VARIABLE, help="authenticates the webhooks")
    ] = SIGNATURE_KEY,
    faults: Annotated[
        str, typer.Option(help='"rough", or of a thousand: "losses=20,dying_tokens=5"')
    ] = "",
    fast: Annotated[bool, typer.Option(help="deliver without pauses")] = False,
    as_json: Json = False,
) -> None:
    """Run a simulated provider until SIGTERM; GET /totals answers its own sums."""
    config = SimulatorConfig(
        now=datetime.now(UTC),
        seed=seed,
        shops=_kind(provider).shops(shops),
        days=days,
        orders_per_day=orders_per_day,
        live_orders=orders_per_day if live_orders is None else live_orders,
        live_seconds=live_seconds,
        signature_key=signature_key,
        faults=read_faults(faults),
    )
    run = Run(provider, config, deliver_to=deliver_to, fast=fast, as_json=as_json)
    asyncio.run(run.until_signal(host, port))


def _kind(provider: str) -> SimulatedProvider:
    if provider not in SIMULATORS:
        raise SetupError(f"no {provider!r} to simulate; there are {', '.join(SIMULATORS)}")
    return SIMULATORS[provider]


def read_faults(text: str) -> Faults:
    """
    Read what is to go wrong: nothing, "rough", or names with so many of a thousand.

    Raises:
        SetupError: no such fault, or no number.
    """
    if text == "rough":
        return ROUGH
    given = dict(pair.partition("=")[::2] for pair in text.split(",") if pair)
    unknown = set(given) - set(Faults.__struct_fields__)
    if unknown:
        known = ", ".join(Faults.__struct_fields__)
        raise SetupError(f"--faults: no {min(unknown)!r}; there are {known}")
    try:
        return msgspec.convert(given, Faults, strict=False)
    except msgspec.ValidationError as error:
        raise SetupError(f"--faults: {error}") from error


class Run:
    """One simulated provider that is served, and delivers its webhooks."""

    def __init__(
        self,
        provider: str,
        config: SimulatorConfig,
        *,
        deliver_to: str,
        fast: bool,
        as_json: bool,
    ) -> None:
        if deliver_to:
            config = msgspec.structs.replace(config, notification_url=deliver_to)
        self._provider = provider
        self._simulator = SIMULATORS[provider].make(config)
        self._deliver_to, self._fast, self._as_json = deliver_to, fast, as_json

    async def until_signal(self, host: str, port: int) -> None:
        """Serve and deliver until SIGTERM or SIGINT."""
        logs.set_up("warning", sys.stderr)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        ticking = not (self._deliver_to and self._fast)
        async with AsyncExitStack() as stack:
            serving = serve_simulator(self._simulator, host=host, port=port, ticking=ticking)
            url, database = await stack.enter_async_context(serving), ""
            if isinstance(self._simulator, SimulatedDatabase):
                served = serve_database(self._simulator, host=host)
                database = await stack.enter_async_context(served)
            self._introduce(url, database)
            posting = asyncio.create_task(self._deliver())
            await stop.wait()
            posting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await posting

    async def _deliver(self) -> None:
        if self._deliver_to:
            done = await deliver(self._simulator, paced=not self._fast)
            note(f"delivered {done.accepted}, tried again {done.again}, lost {done.lost}")

    def _introduce(self, url: str, database: str) -> None:
        """Say where it is and what opens it; nothing real is behind the tokens."""
        config = self._simulator.config
        shops = [
            {
                **msgspec.structs.asdict(shop),
                "token": shop.token.format(database=database),
                "refresh_token": refresh_token_of(self._simulator, shop.token),
            }
            for shop in config.shops
        ]
        wiring = Wiring(
            url=url,
            database=database,
            webhook_url=self._deliver_to,
            secret=config.signature_key,
        )
        settings = variables(self._provider, wiring)
        if self._as_json:
            line({"url": url, "locations": shops, "settings": settings})
            return
        note(f"a simulated {self._provider} at {url} (its own sums: {url}/totals)")
        for shop in shops:
            token, renews = shop["token"], shop["refresh_token"]
            note(
                f"  {shop['name']}: merchant {shop['merchant_id']}, "
                f"location {shop['location_id']}, "
                f"access token {token or '(none: the application logs in)'}"
                f"{renews and f', refresh token {renews}'}"
            )
        note("Tillstream calls it with:")
        for name, value in settings.items():
            note(f"  export {name}={value}")
