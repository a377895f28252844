"""Serve an application over HTTP for as long as the process wants."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from streams.errors import SetupError

START_S = 0.01


class Uvicorn(uvicorn.Server):
    """Leaves signals to the process, which stops HTTP before the log."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Catch none."""
        yield


class HttpServer:
    """One application on one port; 0 takes a free one."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self._where = f"{host}:{port}"
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._uvicorn = Uvicorn(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """
        Return once it answers.

        Raises:
            SetupError: the port is taken.
        """
        self._task = asyncio.create_task(self._uvicorn.serve(), name="http")
        while not self._uvicorn.started:
            if self._task.done():
                self._task.result()
                raise SetupError(f"{self._where} is taken")
            await asyncio.sleep(START_S)

    async def stop(self) -> None:
        """Accept nothing any more and finish what is being answered."""
        self._uvicorn.should_exit = True
        if self._task is not None:
            await self._task

    @property
    def url(self) -> str:
        """Return where it answers."""
        host, port = self._uvicorn.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"
