"""What the runtime needs of the log it was told to use, beside the `EventLog` itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Protocol

from streams.log import EventLog, StageSpec
from streams.views import Replica, Views


class Engine(Protocol):
    """
    One kind of log in one process.

    Args:
        chunk: records handed to a step at a time.
        buffer: chunks kept between the log and a lane, per stage and source topic.
        fenced_wait_s: how long a lane that somebody took waits for an assignment.
        stop_s: how long lanes may take to finish their commits; the app may take as long.
    """

    chunk: int
    buffer: int
    fenced_wait_s: float
    stop_s: float

    @property
    def log(self) -> EventLog:
        """Return the log."""
        ...

    def views(self, specs: Sequence[StageSpec], computing: Iterable[str]) -> Views:
        """Return views of the lanes here; `computing` are the stages that are waited for."""
        ...

    def replica(
        self, specs: Sequence[StageSpec], computing: Iterable[str], tables: Collection[str]
    ) -> Replica | None:
        """Return views of all lanes; None where every lane is here in any case."""
        ...

    def tenure(self, stage: str, lane: int) -> object | None:
        """
        Return what stands for this process's hold of a lane, None while it has none.

        Another object than before means that somebody else may have had it in between.
        """
        ...

    async def prove(self, stage: str, lane: int) -> None:
        """
        Make sure that no other process has the lane by now.

        Raises:
            FencedError: one has, or this one never had it.
            LogUnavailableError: nobody can say.
        """
        ...

    def app_settings(self) -> dict[str, Any]:
        """Return settings of the Faust app that depend on the log."""
        ...

    def connect(
        self, app: Any, specs: Sequence[StageSpec], fatal: Callable[[BaseException], None]
    ) -> None:
        """Give the Faust app what delivers chunks."""
        ...

    def on_lost_state(self, reopen: Callable[[str | None, int | None], None]) -> None:
        """Have `reopen(stage, lane)` called when state is lost; None stands for all."""
        ...

    def on_taken_lane(self, taken: Callable[[str, int], None]) -> None:
        """Have `taken(stage, lane)` called when another process wrote to a lane of ours."""
        ...
