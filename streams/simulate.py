"""
A simulated provider behind HTTP: answers its API, delivers its webhooks, tells its own sums.

`GET /totals` is the simulator's own truth, so that anybody can check a running Tillstream from
outside; `GET /own-products` is the product list of the tenant, as the API's bulk upsert takes
it; `POST /revoke/<merchant>` withdraws our authorisation.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import msgspec
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.contract import Delivery, TransientError
from connectors.exchange import Sender
from connectors.simulation.calls import Call
from connectors.simulation.simulator import Simulator
from streams.errors import SetupError
from streams.http.serving import Uvicorn

logger = structlog.get_logger(__name__)

CONCURRENT = 16
ATTEMPTS = 8
FIRST_PAUSE = timedelta(milliseconds=250)
"""Providers wait minutes between attempts; a simulation has less time, and doubles this."""

ACCEPTED = range(200, 300)
METHODS = ["GET", "POST", "PUT", "DELETE"]


class Delivered(msgspec.Struct, kw_only=True):
    """How the deliveries went; `lost` ones were refused at every attempt."""

    accepted: int = 0
    again: int = 0
    lost: int = 0


def _utc_now() -> datetime:
    return datetime.now(UTC)


@contextlib.asynccontextmanager
async def serve_simulator(
    simulator: Simulator,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    clock: Callable[[], datetime] = _utc_now,
    ticking: bool = False,
) -> AsyncIterator[str]:
    """
    Serve a simulator and give its base URL; it stops with the context.

    Args:
        port: 0 takes any that is free.
        ticking: today's trade becomes known as the clock goes; else only `deliver` does that.

    Raises:
        SetupError: the port is taken.
    """
    listening = _listen(host, port)
    config = uvicorn.Config(
        _Front(simulator, clock, ticking=ticking).app,
        log_config=None,
        access_log=False,
        date_header=False,  # an answer has that of the provider's clock
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = Uvicorn(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]), name="simulator")
    try:
        while not server.started:
            if serving.done():
                serving.result()
                raise SetupError(f"{host}:{port} cannot be served")
            await asyncio.sleep(0.005)
        yield f"http://{host}:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        listening.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise SetupError(f"{host}:{port} is taken; give another --port") from error


class _Front:
    """The routes: Square's own, and what only a simulator has."""

    def __init__(
        self, simulator: Simulator, clock: Callable[[], datetime], *, ticking: bool
    ) -> None:
        self._simulator, self._clock, self._ticking = simulator, clock, ticking
        self._skew = timedelta(seconds=simulator.config.faults.clock_skew_s)
        self.app = Starlette(
            routes=[
                Route("/totals", self._totals),
                Route("/own-products", self._own_products),
                Route("/revoke/{merchant}", self._revoke, methods=["POST"]),
                Route("/{path:path}", self._api, methods=METHODS),
            ]
        )

    def _tick(self) -> datetime:
        now = self._clock() + self._skew
        if self._ticking:
            self._simulator.release(now)
        return now

    async def _api(self, request: Request) -> Response:
        now = self._tick()
        call = Call(
            method=request.method,
            path=request.scope["raw_path"].decode("ascii"),
            query=dict(request.query_params),
            headers=dict(request.headers),
            body=await request.body(),
        )
        answer = self._simulator.handle(call, now)
        if answer.wait:
            await asyncio.sleep(answer.wait.total_seconds())
        told = answer.response
        date = format_datetime(now.replace(microsecond=0), usegmt=True)
        return Response(told.body, told.status, headers={"date": date, **told.headers})

    async def _totals(self, _request: Request) -> Response:
        self._tick()
        return _json(self._simulator.totals())

    async def _own_products(self, _request: Request) -> Response:
        return _json(self._simulator.own_products())

    async def _revoke(self, request: Request) -> Response:
        delivery = self._simulator.revoke(request.path_params["merchant"], self._clock())
        if delivery is None:
            return _json({"delivered": False})
        sender = Sender()
        status = await _post(sender, delivery)
        await sender.close()
        return _json({"delivered": status in ACCEPTED})


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")


async def deliver(
    simulator: Simulator, *, paced: bool, since: datetime | None = None
) -> Delivered:
    """
    Deliver all webhooks that are to come, and return how it went.

    Any 2xx is taken as received, everything else is tried again.

    Args:
        paced: keeps the trade's own pace; else as fast as they are taken.
        since: by default from the end of the history on.
    """
    done = Delivered()
    sender = Sender()
    gate = asyncio.Semaphore(CONCURRENT)
    loop = asyncio.get_running_loop()
    due = loop.time()
    try:
        async with asyncio.TaskGroup() as group:
            for pause, delivery in simulator.deliveries(since):
                if paced:
                    due += pause.total_seconds()
                    await asyncio.sleep(max(0, due - loop.time()))
                await gate.acquire()
                group.create_task(_until_accepted(simulator, sender, delivery, done, gate))
    finally:
        await sender.close()
    return done


async def _until_accepted(
    simulator: Simulator,
    sender: Sender,
    delivery: Delivery,
    done: Delivered,
    gate: asyncio.Semaphore,
) -> None:
    try:
        for attempt in range(ATTEMPTS):
            status = await _post(sender, delivery)
            if status in ACCEPTED:
                done.accepted += 1
                return
            done.again += 1
            delivery = simulator.repeated(delivery, attempt + 1, timed_out=status is None)
            await asyncio.sleep((FIRST_PAUSE * 2**attempt).total_seconds())
        done.lost += 1
        logger.warning("webhook_never_accepted")
    finally:
        gate.release()


async def _post(sender: Sender, delivery: Delivery) -> int | None:
    try:
        return await sender.deliver(delivery)
    except TransientError:
        return None
