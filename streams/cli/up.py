"""`tillstream up`: everything in one process."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import structlog
import typer
import uvloop

from streams import collecting, logs
from streams.cli.console import FAILED, told
from streams.settings import Settings, load
from streams.worker import Worker, run_until_signal

logger = structlog.get_logger(__name__)


@told
def up(
    *,
    log: Annotated[
        str | None, typer.Option(help="where the log is; else TILLSTREAM_LOG")
    ] = None,
    host: Annotated[str | None, typer.Option(help="else TILLSTREAM_HOST")] = None,
    port: Annotated[int | None, typer.Option(help="else TILLSTREAM_PORT, 8013")] = None,
) -> None:
    """Run the log, the stages, the pollers and the API in this process, until SIGTERM."""
    given = {"log": log, "host": host, "port": port}
    settings = load(**{name: value for name, value in given.items() if value is not None})
    logs.set_up(settings.log_level, sys.stderr)
    uvloop.run(_run(settings))


async def _run(settings: Settings) -> None:
    worker = Worker(settings, fatal=end_process)
    await run_until_signal(worker, _started)


def _started(worker: Worker) -> None:
    collecting.freeze()
    logger.info("ready", url=worker.url)


def end_process(error: BaseException) -> None:
    """End at once, without tidying up: the log survives that, and going on would be wrong."""
    logger.critical("ended", reason=str(error), error=type(error).__name__)
    os._exit(FAILED)
