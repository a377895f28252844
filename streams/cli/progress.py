"""How far a long command is: bars on a terminal, JSON lines on standard error otherwise."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

import msgspec
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

EVERY_S = 1.0


class Steps:
    """
    The progress of a command, lane by lane.

    Args:
        name: of the command, in each JSON line.
        terminal: whether a person looks; None asks standard error.
    """

    def __init__(self, name: str, *, terminal: bool | None = None) -> None:
        self._name = name
        self._bars: Progress | None = None
        self._tasks: dict[int, TaskID] = {}
        self._told_s = time.monotonic()
        self._ended: set[int] = set()
        if sys.stderr.isatty() if terminal is None else terminal:
            self._bars = Progress(
                TextColumn("lane {task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def at(self, lane: int, done: int, whole: int) -> None:
        """Tell that `done` of `whole` are done in a lane; lines are a second apart at least."""
        if not whole:
            return
        if self._bars is not None:
            if lane not in self._tasks:
                self._tasks[lane] = self._bars.add_task(str(lane), total=whole)
            self._bars.update(self._tasks[lane], completed=done, total=whole)
            return
        now = time.monotonic()
        ends = done >= whole and lane not in self._ended
        if ends or now - self._told_s >= EVERY_S:
            self._told_s = now
            self._ended |= {lane} if ends else set()
            told = {"progress": self._name, "lane": lane, "done": done, "of": whole}
            typer.echo(msgspec.json.encode(told).decode(), err=True)
