"""
Fold the history of a stage anew and write only the rows that come out differently.

Folds do not depend on the order between their sources, so reading one source after the other
gives the rows that live processing gives. What was redriven is read where it first stood. The
rows of one lane are held in memory meanwhile.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence

import msgspec
from sortedcontainers import SortedDict

from streams.bisecting import Bisection
from streams.log import (
    TP,
    Effects,
    EventLog,
    LaneLog,
    Out,
    Record,
    StageSpec,
    Step,
    is_redriven,
)

RECORDS = 500
INTERNAL_ERRORS_MAX = 50


Tell = Callable[[int, int, int], None]


def _nobody(_lane: int, _done: int, _whole: int) -> None:
    """Be told, and tell nobody."""


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What rebuilding one lane found."""

    lane: int
    records: int
    rows: int
    changed: int


class MemoryState:
    """A `StateView` that begins empty."""

    def __init__(self) -> None:
        self.tables: dict[str, SortedDict] = {}

    def get(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the row of each key, None where there is none."""
        rows = self.tables.setdefault(table, SortedDict())
        return [rows.get(key) for key in keys]

    def scan(self, table: str, prefix: bytes) -> dict[bytes, bytes]:
        """Return all rows whose key begins with `prefix`, in key order."""
        rows = self.tables.setdefault(table, SortedDict())
        found: dict[bytes, bytes] = {}
        for key in rows.irange(minimum=prefix):
            if not key.startswith(prefix):
                break
            found[key] = rows[key]
        return found

    def take(self, effects: Effects) -> None:
        """Make the rows of one step true."""
        for table, changed in effects.rows.items():
            rows = self.tables.setdefault(table, SortedDict())
            for key, value in changed.items():
                if value is None:
                    rows.pop(key, None)
                else:
                    rows[key] = value


async def rebuild(
    log: EventLog,
    spec: StageSpec,
    step: Step,
    lanes: int,
    *,
    tables: Collection[str],
    skip: Collection[int] = (),
    tell: Tell = _nobody,
    dry_run: bool = False,
) -> AsyncIterator[Rebuilt]:
    """
    Fold every lane anew; call while the stage does not run in this process.

    On Kafka a worker may run: a lane is taken from it while the lane is folded, and it takes
    the lane back. Readers of a copy go on meanwhile; each lane's repair is one commit.

    Args:
        tables: the tables to compare and write; the others only serve the fold.
        skip: lanes that are done.
        tell: is told (lane, done, whole) in offsets of the sources.
    """
    for number in range(lanes):
        if number in skip:
            continue
        lane = await log.open_lane(spec, number)
        try:
            yield await _lane(log, lane, spec, step, number, tables, tell, dry_run=dry_run)
        finally:
            await lane.close()


async def _lane(
    log: EventLog,
    lane: LaneLog,
    spec: StageSpec,
    step: Step,
    number: int,
    tables: Collection[str],
    tell: Tell,
    *,
    dry_run: bool,
) -> Rebuilt:
    state = MemoryState()
    published: dict[tuple[str, bytes], Out] = {}
    records = 0
    done, whole = 0, sum(lane.positions[topic] for topic in spec.sources)
    for topic in spec.sources:
        async for chunk in _until(log, TP(topic, number), lane.positions[topic]):
            effects = Bisection(step, state, INTERNAL_ERRORS_MAX).run(chunk)
            state.take(effects)
            records += len(chunk)
            tell(number, done + chunk[-1].offset + 1, whole)
            for name, outs in effects.outputs.items():
                published.update(((name, out.key), out) for out in outs if out.key is not None)
        done += lane.positions[topic]
        tell(number, done, whole)
    repair, rows = _differences(lane, spec, state, published, tables)
    changed = sum(map(len, repair.rows.values()))
    if changed and not dry_run:
        await lane.commit(repair, lane.positions)
    return Rebuilt(lane=number, records=records, rows=rows, changed=changed)


def _differences(
    lane: LaneLog,
    spec: StageSpec,
    state: MemoryState,
    published: dict[tuple[str, bytes], Out],
    tables: Collection[str],
) -> tuple[Effects, int]:
    effects, count = Effects(), 0
    for table in spec.tables:
        if table.name not in tables:
            continue
        right, known = state.scan(table.name, b""), lane.scan(table.name, b"")
        count += len(right)
        for key in sorted(right.keys() | known.keys()):
            if right.get(key) == known.get(key):
                continue
            effects.rows.setdefault(table.name, {})[key] = right.get(key)
            if table.fold is not None and table.changelog in spec.outputs:
                out = published.get((table.changelog, key)) if key in right else None
                effects.outputs.setdefault(table.changelog, []).append(out or Out(key, None))
    return effects, count


async def _until(log: EventLog, tp: TP, end: int) -> AsyncIterator[list[Record]]:
    begin = (await log.bounds([tp]))[tp][0]
    reader = await log.reader({tp: begin})
    try:
        while reader.positions[tp] < end:
            for chunk in (await reader.read(1.0)).values():
                records = [
                    record
                    for record in chunk.records
                    if record.offset < end and not is_redriven(record)
                ]
                for at in range(0, len(records), RECORDS):
                    yield records[at : at + RECORDS]
    finally:
        await reader.close()
