"""The embedded log as the runtime uses it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from streams.embedded.log import EmbeddedLog
from streams.embedded.transport import QuickTables, Transport
from streams.embedded.views import EmbeddedViews
from streams.log import StageSpec


class EmbeddedEngine:
    """An `Engine`; one process owns everything, so nothing is ever fenced."""

    fenced_wait_s = 12.0
    stop_s = 1.0

    def __init__(self, log: EmbeddedLog) -> None:
        self.log = log
        self.chunk = log.options.chunk
        self.buffer = log.options.buffer

    def views(self, specs: Sequence[StageSpec], computing: Iterable[str]) -> EmbeddedViews:
        """Return views over the one state."""
        return EmbeddedViews(self.log, specs, computing)

    def replica(
        self,
        specs: Sequence[StageSpec],
        computing: Iterable[str],
        tables: Collection[str],
    ) -> None:
        """Return nothing: one process has every lane."""

    def tenure(self, stage: str, lane: int) -> object:  # noqa: ARG002 - for all lanes alike
        """Return the log: its folder is locked for as long as it is open."""
        return self.log

    async def prove(self, stage: str, lane: int) -> None:
        """Return at once: no other process can have a lane while the folder is locked."""

    def app_settings(self) -> dict[str, Any]:
        """Return what starts without waiting for brokers."""
        return {"broker": "embedded://", "TableManager": QuickTables}

    def connect(
        self, app: Any, specs: Sequence[StageSpec], fatal: Callable[[BaseException], None]
    ) -> None:
        """Give the app the transport of this log."""
        app.transport = Transport(app, self.log, specs, fatal)
        app.producer_transport = Transport(app, self.log, specs, fatal)

    def on_lost_state(self, reopen: Callable[[str | None, int | None], None]) -> None:
        """State is lost for all lanes at once: it is one database."""
        self.log.on_new_generation = lambda: reopen(None, None)

    def on_taken_lane(self, taken: Callable[[str, int], None]) -> None:
        """Nobody else can: the folder is locked."""
