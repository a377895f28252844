"""How long lanes stood still when they moved, by what the processes wrote down."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from statistics import median

import msgspec


class Line(msgspec.Struct):
    """What a process says of a lane that it opened or closed."""

    event: str
    timestamp: datetime
    stage: str = ""
    lane: int = -1
    given_up: int = 0


class Pauses(msgspec.Struct, kw_only=True):
    """
    Seconds from the closing of a lane to its next opening, wherever that was.

    `given_up` are records whose handling was cut short and was begun again by the next owner.
    """

    moves: int
    pause_s_p50: float
    pause_s_max: float
    given_up: int


def pauses(files: Iterable[Path]) -> Pauses:
    """Pair each closing of a lane with the opening that follows, in any of the processes."""
    lines = [line for file in files for line in _lines(file)]
    closed, found = dict[tuple[str, int], datetime](), list[float]()
    for line in sorted(lines, key=lambda line: line.timestamp):
        lane = line.stage, line.lane
        if line.event == "lane-closed":
            closed[lane] = line.timestamp
        elif since := closed.pop(lane, None):
            found.append((line.timestamp - since).total_seconds())
    return Pauses(
        moves=len(found),
        pause_s_p50=round(median(found), 2),
        pause_s_max=round(max(found), 2),
        given_up=sum(line.given_up for line in lines),
    )


def _lines(file: Path) -> list[Line]:
    return [
        msgspec.json.decode(raw, type=Line)
        for raw in file.read_bytes().splitlines()
        if b'"lane-closed"' in raw or b'"lane-open"' in raw or b'"lane-rebuilt"' in raw
    ]
