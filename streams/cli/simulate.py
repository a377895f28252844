"""`tillstream simulate`: a provider that is not there, for trying and for testing."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from connectors.square.simulator import (
    ROUGH,
    Faults,
    SimulatorConfig,
    SquareSimulator,
    bakeries,
)
from streams import logs
from streams.cli.console import Json, line, note, told
from streams.errors import SetupError
from streams.simulate import deliver, serve_simulator

simulate_app = typer.Typer(
    help="Run a simulated provider: its API, its webhooks, its own sums.",
    no_args_is_help=True,
)


@simulate_app.callback()
def simulate() -> None:
    """Run a simulated provider."""


@simulate_app.command()
@told
def square(
    *,
    port: Annotated[int, typer.Option(help="0 takes any that is free")] = 8014,
    host: Annotated[str, typer.Option(help="where to listen")] = "127.0.0.1",
    seed: Annotated[int, typer.Option(help="the same seed sells the same")] = 1,
    days: Annotated[int, typer.Option(help="business days of history")] = 30,
    orders_per_day: Annotated[int, typer.Option(help="at each bakery")] = 60,
    shops: Annotated[int, typer.Option("--bakeries", help="how many locations")] = 2,
    live_orders: Annotated[
        int | None, typer.Option(help="of today's trade, each bakery; else a day's orders")
    ] = None,
    live_seconds: Annotated[int, typer.Option(help="how long today's trade takes")] = 600,
    deliver_to: Annotated[str, typer.Option(help="URL that takes the webhooks")] = "",
    signature_key: Annotated[
        str,
        typer.Option(help="signs the webhooks", envvar="TILLSTREAM_SQUARE__SIGNATURE_KEY"),
    ] = "simulated-signature-key",
    faults: Annotated[
        str, typer.Option(help='"rough", or of a thousand: "losses=20,duplicates=50"')
    ] = "",
    fast: Annotated[bool, typer.Option(help="deliver without pauses")] = False,
    as_json: Json = False,
) -> None:
    """
    Run a simulated Square until SIGTERM; the access tokens are shown at the start.

    GET /totals answers its own sums, GET /own-products the product list to upload.
    """
    config = SimulatorConfig(
        now=datetime.now(UTC),
        seed=seed,
        shops=bakeries(shops),
        days=days,
        orders_per_day=orders_per_day,
        live_orders=orders_per_day if live_orders is None else live_orders,
        live_seconds=live_seconds,
        signature_key=signature_key,
        faults=read_faults(faults),
    )
    asyncio.run(_run(config, host, port, deliver_to=deliver_to, fast=fast, as_json=as_json))


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


async def _run(
    config: SimulatorConfig,
    host: str,
    port: int,
    *,
    deliver_to: str,
    fast: bool,
    as_json: bool,
) -> None:
    logs.set_up("warning", sys.stderr)
    if deliver_to:
        config = msgspec.structs.replace(config, notification_url=deliver_to)
    simulator = SquareSimulator(config)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    ticking = not (deliver_to and fast)
    async with serve_simulator(simulator, host=host, port=port, ticking=ticking) as url:
        _introduce(simulator, url, as_json=as_json)
        posting = asyncio.create_task(_deliver(simulator, deliver_to, fast=fast))
        await stop.wait()
        posting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await posting


async def _deliver(simulator: SquareSimulator, deliver_to: str, *, fast: bool) -> None:
    if deliver_to:
        done = await deliver(simulator, paced=not fast)
        note(f"delivered {done.accepted}, tried again {done.again}, lost {done.lost}")


def _introduce(simulator: SquareSimulator, url: str, *, as_json: bool) -> None:
    """Say where it is and what opens it; the tokens are no secrets, nothing real is behind."""
    shops = simulator.config.shops
    if as_json:
        line({"url": url, "locations": shops})
        return
    note(f"a simulated Square at {url} (its own sums: {url}/totals)")
    for shop in shops:
        note(
            f"  {shop.name}: merchant {shop.merchant_id}, location {shop.location_id}, "
            f"access token {shop.token}"
        )
