"""
A copy of the tables that the API reads, of all lanes, whichever process owns them.

It folds the changelogs as far as they are committed. Rows and the positions that they reflect
are one write, so a restart goes on where the copy is; what is damaged, of another log, or too
old to be completed is made anew. How far the stages are is asked of their groups.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from streams.errors import StateFullError
from streams.kafka.admin import TOMBSTONES_S
from streams.kafka.folding import rows_of, unfit
from streams.kafka.log import KafkaLog
from streams.kafka.settling import Settling
from streams.kafka.state import State, locked
from streams.lane import pieces_of
from streams.log import (
    TP,
    Chunk,
    Reader,
    Rows,
    StageSpec,
    StateBrokenError,
    Table,
)
from streams.views import NotReadyError, Staleness

logger = structlog.get_logger(__name__)

NAME = "replica"
READ_S = 0.5
RETRY_S = 0.5
FULL_S = 2.0
FULL = (
    "the disk of TILLSTREAM_DATA_DIR is full, so the replica stands still: make room, and it "
    "goes on by itself; webhooks are taken meanwhile"
)
STOP_S = 0.1
PIECE = 200
"""Records folded between two passes of the event loop."""


class _Copy:
    """The tables of one lane; complete once it has reached the ends of its opening."""

    def __init__(
        self, state: State, tables: Mapping[str, Table], ends: Mapping[str, int]
    ) -> None:
        self.state = state
        self._tables = tables
        self._goals = {name: ends[table.changelog] for name, table in tables.items()}
        if why := unfit(state, self._goals):
            logger.warning("replica-wiped", path=state.path.name, reason=why)
            state.wipe()
        self.positions = {name: state.position(name) for name in tables}
        self.is_complete = self._has_reached_goals()

    def _has_reached_goals(self) -> bool:
        return all(self.positions[name] >= goal for name, goal in self._goals.items())

    def position(self, changelog: str) -> int:
        """Return how far all tables of a changelog are."""
        found = [
            self.positions[n] for n, it in self._tables.items() if it.changelog == changelog
        ]
        return min(found)

    def take(self, changelog: str, chunk: Chunk) -> None:
        """Fold what is new into the tables of a changelog."""
        rows: dict[str, Rows] = {}
        positions: dict[str, int] = {}
        for name, table in self._tables.items():
            at = self.positions[name]
            if table.changelog == changelog and chunk.end > at:
                fresh = [record for record in chunk.records if record.offset >= at]
                rows[name] = rows_of(table, fresh, strict=False)
                positions[name] = chunk.end
        if positions:
            self.state.write(rows, positions)
            self.positions |= positions
            self.is_complete = self.is_complete or self._has_reached_goals()


class KafkaReplica(Settling):
    """
    A `Replica` of some tables.

    Args:
        specs: all stages, whoever runs them; a table is named "stage.table".
        tables: which ones are copied.
        folder: where the copy is; no other process may use it.
    """

    def __init__(
        self,
        log: KafkaLog,
        specs: Sequence[StageSpec],
        waited: Iterable[str],
        tables: Collection[str],
        folder: Path,
    ) -> None:
        super().__init__(log, specs, waited)
        self._folder = folder
        self._tables = {
            name: table
            for spec in specs
            for table in spec.tables
            if (name := f"{spec.name}.{table.name}") in tables
        }
        self._logs = sorted({table.changelog for table in self._tables.values()})
        self._followed = sorted({*self._logs, *_transactional(specs)})
        self._copies: dict[int, _Copy] = {}
        self._broken: set[int] = set()
        self._read: dict[TP, int] = {}
        self._last: dict[TP, int] = {}
        self._mark: tuple[Mapping[TP, int], dict[TP, int]] = ({}, {})
        self._level_s: dict[TP, float] = {}
        self._began_s = self._heard_s = time.monotonic()
        self._stopping = False
        self._trouble = ""
        self._lock: int | None = None
        self._task: asyncio.Task[None] | None = None

    # -- life

    async def start(self) -> None:
        """
        Begin to fold; the lanes can be read as they become complete.

        Raises:
            SetupError: another process uses the folder.
        """
        with suppress(StateFullError):  # it is tried again with everything else
            self._lock = locked(self._folder)
        self._task = asyncio.create_task(self._run(), name=NAME)

    async def stop(self) -> None:
        """Stop folding and let go of the files."""
        # asyncio.wait_for of Python 3.11, in readers, loses a cancellation that meets news
        self._stopping = True
        while self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=STOP_S)
        copies, self._copies = self._copies, {}
        for copy in copies.values():
            copy.state.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _run(self) -> None:
        while not self._stopping:
            try:
                await self._follow()
            except StateFullError as error:
                if self._trouble != FULL:
                    name = type(error).__name__
                    logger.warning("replica-waits-for-room", error=name, reason=str(error))
                self._trouble = FULL
                await asyncio.sleep(FULL_S)
            except Exception as error:
                # whatever it is: a replica that stands still must say so, and try again
                logger.exception("replica-failed")
                self._trouble = f"the replica failed, {type(error).__name__}: see the log"
                await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        """Read until a lane has to be made anew."""
        if self._lock is None:
            self._lock = locked(self._folder)
        await self._open()
        self._read = await self._starts()
        reader = await self._log.reader(self._read)
        try:
            while not self._broken:
                await self._take_news(reader)
        finally:
            await reader.close()

    # -- lanes

    @property
    def _lanes(self) -> range:
        return range(min(self._log.partitions[topic] for topic in self._followed))

    def _tps(self, topics: Iterable[str]) -> list[TP]:
        return [TP(topic, lane) for topic in topics for lane in self._lanes]

    async def _open(self) -> None:
        """Have a copy of every lane, made anew where one is broken or was asleep too long."""
        if time.monotonic() - self._heard_s > TOMBSTONES_S / 2:
            self._broken.update(self._copies)
        bounds = await self._log.bounds(self._tps(self._logs))
        for lane in self._lanes:
            copy = self._copies.get(lane)
            if copy is not None and lane not in self._broken:
                continue
            if copy is not None:
                logger.warning("replica-wiped", lane=lane, reason="damaged or made anew")
                copy.state.wipe()
                state = self._copies.pop(lane).state
            else:
                state = self._log.open_copy(self._folder / f"lane-{lane}", self._tables)
            ends = {topic: bounds[TP(topic, lane)][1] for topic in self._logs}
            self._copies[lane] = _Copy(state, self._tables, ends)
            self._broken.discard(lane)

    async def _starts(self) -> dict[TP, int]:
        """
        Return where to read from: the copy's positions, or the stages' where those are lower.

        What a stage has not processed must be seen, or nobody could tell it from markers.
        """
        bounds = await self._log.bounds(self._tps(self._followed))
        starts = {tp: begin for tp, (begin, _) in bounds.items()}
        known = {
            tp: self._copies[tp.partition].position(tp.topic) for tp in self._tps(self._logs)
        }
        for spec in self._specs.values():
            tps = self._tps(set(spec.sources) & set(self._followed))
            for tp, offset in (await self._log.committed(spec.name, tps)).items():
                known[tp] = min(offset, known.get(tp, offset))
        return {tp: max(begin, known.get(tp, begin)) for tp, begin in starts.items()}

    async def _take_news(self, reader: Reader) -> None:
        for tp, chunk in (await reader.read(READ_S)).items():
            for piece in pieces_of(chunk, PIECE):
                self._take(tp, piece)
                await asyncio.sleep(0)
        self._heard_s = time.monotonic()
        self._trouble = ""
        self._compare_with_ends()
        self._log.wake()

    def _take(self, tp: TP, chunk: Chunk) -> None:
        if tp.topic in self._logs and tp.partition not in self._broken:
            try:
                self._copies[tp.partition].take(tp.topic, chunk)
            except StateBrokenError:
                self._broken.add(tp.partition)
                return
            except StateFullError:
                # RocksDB takes no more writes, even when there is room again, until reopened.
                self._copies.pop(tp.partition).state.close()
                raise
        if chunk.records:
            end = chunk.records[-1].offset + 1
            self._last[tp] = max(end, self._last.get(tp, 0))
        self._read[tp] = chunk.end

    def _compare_with_ends(self) -> None:
        """Find topics that were made anew: they end before what was read of them."""
        ends, (known, read) = self._log.ends, self._mark
        if ends is known:
            return
        now = time.monotonic()
        for tp, position in read.items():
            if ends.get(tp, position) < position:
                self._broken.add(tp.partition)
        for tp, position in self._read.items():
            if position >= ends.get(tp, 0):
                self._level_s[tp] = now
        self._mark = (ends, dict(self._read))

    # -- questions

    def _state(self, table: str, lane: int) -> State:
        if table not in self._tables:
            raise KeyError(table)
        copy = self._copies.get(lane)
        if copy is None or not copy.is_complete or lane in self._broken:
            raise NotReadyError(f"lane {lane} of {table} is being folded")
        return copy.state

    def get(self, table: str, lane: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the row of each key, None where there is none."""
        try:
            return self._state(table, lane).get(table, keys)
        except StateBrokenError as error:
            raise self._damaged(table, lane) from error

    def scan(
        self,
        table: str,
        lane: int,
        prefix: bytes,
        *,
        after: bytes | None = None,
        limit: int | None = None,
    ) -> list[tuple[bytes, bytes]]:
        """Return keys and rows in key order: keys begin with `prefix` and are above `after`."""
        try:
            return self._state(table, lane).scan(table, prefix, after=after, limit=limit)
        except StateBrokenError as error:
            raise self._damaged(table, lane) from error

    def _damaged(self, table: str, lane: int) -> NotReadyError:
        self._broken.add(lane)
        return NotReadyError(f"{table} was damaged and is being rebuilt")

    @property
    def unfolded(self) -> int:
        """Return how many lanes cannot be read yet."""
        complete = sum(copy.is_complete for copy in self._copies.values())
        return len(self._lanes) - complete + len(self._broken)

    @property
    def trouble(self) -> str:
        """Return why it stands still and what to do, empty while it does not."""
        return self._trouble

    def staleness(self) -> Staleness:
        """Return for how long, at most, something committed has not been shown."""
        now, ends, worst = time.monotonic(), self._log.ends, Staleness(self._log.silent_s)
        for tp in self._tps(self._logs):
            if self._read.get(tp, 0) < ends.get(tp, 0):
                seconds = now - self._level_s.get(tp, self._began_s)
                worst = max(worst, Staleness(seconds, f"{tp.topic}/{tp.partition}"))
        return worst

    def lag(self) -> dict[tuple[str, str, int], int]:
        """Return the records of each changelog that the copy does not have yet."""
        return {
            (NAME, tp.topic, tp.partition): max(0, end - self._read.get(tp, 0))
            for tp in self._tps(self._logs)
            if (end := self._log.ends.get(tp)) is not None
        }

    def ends(self) -> dict[TP, int]:
        """Return the end of every partition, as of a second ago."""
        return dict(self._log.ends)

    # -- settling

    async def _unprocessed(self, stage: str, goals: Mapping[TP, int]) -> list[TP]:
        done = await self._log.offsets.fetch(self._log.group(stage), goals)
        return [tp for tp, end in goals.items() if not self._is_past(tp, done[tp] or 0, end)]

    def _is_past(self, tp: TP, position: int, end: int) -> bool:
        """Say whether there is no record between a position and an end: markers are none."""
        blank = self._read.get(tp, -1) >= end and self._last.get(tp, 0) <= position
        return position >= end or blank

    async def _unshown(self, goals: Mapping[TP, int]) -> list[TP]:
        return [tp for tp, end in goals.items() if self._read.get(tp, -1) < end]

    def _changelogs(self) -> Iterable[str]:
        return self._logs


def _transactional(specs: Sequence[StageSpec]) -> set[str]:
    """Return sources that stages write: there, markers of transactions may follow records."""
    written = {topic for spec in specs for topic in spec.writes()}
    return {topic for spec in specs for topic in spec.sources if topic in written}
