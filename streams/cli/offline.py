"""The log opened by a command, while no other process has it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from streams import logs
from streams.cli.console import note
from streams.cli.up import end_process
from streams.log import EventLog
from streams.registry import adopt
from streams.roles import Role
from streams.runtime import is_shared, open_event_log
from streams.settings import Settings, load
from streams.topics import all_topics
from streams.views import NotSettledError
from streams.worker import APP_ID, Worker

SETTLE_S, BESIDE_S, SILENT_S = 600.0, 60.0, 5.0
DURABLE_S = 0.005


def settings_for_tools() -> Settings:
    """Return the settings; only what goes wrong is logged."""
    settings = load()
    logs.set_up("error", sys.stderr)
    return settings


@asynccontextmanager
async def worker_of(settings: Settings) -> AsyncIterator[Worker]:
    """Run log and stages, without HTTP and without calling any provider."""
    worker = Worker(settings, fatal=end_process, role=Role.TOOL)
    await worker.start(serve=False)
    try:
        yield worker
    finally:
        await worker.stop()


@asynccontextmanager
async def log_of(settings: Settings, name: str) -> AsyncIterator[EventLog]:
    """
    Open the log without stages.

    Args:
        name: of a folder for local state; on Kafka a worker beside has the other one.
    """
    await asyncio.to_thread(adopt, settings.registry(), settings.data_dir)
    security = settings.kafka.security()
    log = open_event_log(settings.log, APP_ID, settings.data_dir / name, security)
    await log.start()
    try:
        await log.create(all_topics(settings.lanes))
        yield log
    finally:
        await log.stop()


@asynccontextmanager
async def readable(settings: Settings) -> AsyncIterator[Worker]:
    """
    Have every table at hand, as far as records are now; changes nothing.

    On Kafka it reads a copy of its own, which is kept for the next time, so workers may run.
    """
    role = Role.SERVE if is_shared(settings.log) else Role.TOOL
    if role is Role.SERVE:
        settings = settings.model_copy(update={"data_dir": settings.data_dir / "reading"})
    worker = Worker(settings, fatal=end_process, role=role)
    await worker.start(serve=False)
    try:
        await _settled_audibly(worker)
        yield worker
    finally:
        await worker.stop()


def run(main: Callable[[Worker], Coroutine[Any, Any, None]]) -> None:
    """Run a command's coroutine on a worker of its own."""

    async def whole() -> None:
        async with worker_of(settings_for_tools()) as worker:
            await main(worker)

    asyncio.run(whole())


def run_beside(main: Callable[[Worker], Coroutine[Any, Any, None]]) -> None:
    """Run a command's coroutine over all tables; on Kafka workers should run beside."""

    async def whole() -> None:
        async with readable(settings_for_tools()) as worker:
            await main(worker)

    asyncio.run(whole())


def home() -> Path:
    """Return the folder where commands keep how far they are."""
    return load().data_dir


async def caught_up(worker: Worker) -> None:
    """Wait until what a command wrote is processed; say so where nobody does it."""
    try:
        await settled(worker, BESIDE_S if is_shared(worker.settings.log) else SETTLE_S)
    except NotSettledError as error:
        note(f"written, and not yet processed: {error}; see that workers run")


async def _settled_audibly(worker: Worker) -> None:
    try:
        await settled(worker, SILENT_S)
    except NotSettledError as error:
        note(f"waiting until all is processed: {error}")
        await settled(worker)


async def settled(worker: Worker, timeout_s: float | None = None) -> None:
    """Wait until the stages have processed all there is, and readers can see it."""
    log, views = worker.runtime.log, worker.runtime.views
    await views.settle(range(worker.settings.lanes), timeout_s or SETTLE_S)
    written = views.ends()
    while True:
        durable = await log.bounds(written)
        if all(durable[tp][1] >= end for tp, end in written.items()):
            return
        await asyncio.sleep(DURABLE_S)
