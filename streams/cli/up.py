"""`tillstream up`: everything in one process; `serve` and `work`: one half of it each."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated

import structlog
import typer
import uvloop

from streams import collecting, logs
from streams.cli.console import FAILED, Json, line, told
from streams.roles import Role
from streams.settings import Settings, load
from streams.worker import Worker, run_until_signal

logger = structlog.get_logger(__name__)


Log = Annotated[str | None, typer.Option(help="where the log is; else TILLSTREAM_LOG")]
Host = Annotated[str | None, typer.Option(help="else TILLSTREAM_HOST")]


@told
def up(
    *,
    log: Log = None,
    host: Host = None,
    port: Annotated[int | None, typer.Option(help="else TILLSTREAM_PORT, 8013")] = None,
    json: Json = False,
) -> None:
    """Run the log, the stages, the pollers and the API in this process, until SIGTERM."""
    _run(Role.UP, json=json, log=log, host=host, port=port)


@told
def serve(
    *,
    log: Log = None,
    host: Host = None,
    port: Annotated[int | None, typer.Option(help="else TILLSTREAM_PORT, 8013")] = None,
    json: Json = False,
) -> None:
    """Run the API alone, on Kafka, beside any number of `work` and `serve`, until SIGTERM."""
    _run(Role.SERVE, json=json, log=log, host=host, port=port)


@told
def work(
    *,
    log: Log = None,
    host: Host = None,
    port: Annotated[
        int | None,
        typer.Option(help="of health and metrics; else TILLSTREAM_WORK_PORT, 8014"),
    ] = None,
    json: Json = False,
) -> None:
    """Run stages and pollers alone, on Kafka; lanes are shared with other `work` and `up`."""
    _run(Role.WORK, json=json, log=log, host=host, work_port=port)


def _run(role: Role, *, json: bool, **given: str | int | None) -> None:
    settings = load(**{name: value for name, value in given.items() if value is not None})
    logs.set_up(settings.log_level, sys.stderr)
    uvloop.run(_until_signal(settings, role, _told if json else _started))


async def _until_signal(
    settings: Settings, role: Role, started: Callable[[Worker], None]
) -> None:
    await run_until_signal(Worker(settings, fatal=end_process, role=role), started)


def _started(worker: Worker) -> None:
    collecting.freeze()
    logger.info("ready", role=worker.role.value, url=worker.url)


def _told(worker: Worker) -> None:
    """Also tell the program that waits for us, on standard output: port 0 takes any."""
    _started(worker)
    line({"role": worker.role.value, "url": worker.url})


def end_process(error: BaseException) -> None:
    """End at once, without tidying up: the log survives that, and going on would be wrong."""
    logger.critical("ended", reason=str(error), error=type(error).__name__)
    os._exit(FAILED)
