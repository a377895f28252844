"""One lane of one stage on the embedded log: a commit is one WriteBatch."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import structlog

from streams.embedded.layout import NUMBER, PREFIX, READY, TABLE, TABLE_LAST, number
from streams.embedded.scanning import following, scan
from streams.log import (
    TP,
    DeadLetter,
    Effects,
    Record,
    Rows,
    StageSpec,
    StateBrokenError,
    Table,
    rejection,
)

if TYPE_CHECKING:
    from streams.embedded.log import EmbeddedLog

logger = structlog.get_logger(__name__)

FOLD_RECORDS = 1000


class EmbeddedLane:
    """A `LaneLog`; opening one without damage is a look-up of its positions."""

    def __init__(self, log: EmbeddedLog, spec: StageSpec, partition: int) -> None:
        self._log = log
        self._spec = spec
        self._partition = partition
        self._generation = log.generation
        self._tables = {table.name: table for table in spec.tables}
        self._prefixes = {
            table.name: table_prefix(log, spec.name, table.name, partition)
            for table in spec.tables
        }
        self.recovered = 0
        self.positions = {
            topic: log.book.position(spec.name, TP(topic, partition)) for topic in spec.sources
        }

    @classmethod
    async def open(cls, log: EmbeddedLog, spec: StageSpec, partition: int) -> EmbeddedLane:
        """
        Take the lane over and rebuild tables whose state is lost.

        Raises:
            LogCorruptError: a changelog cannot be read.
            LogUnavailableError: the disk takes no writes.
        """
        lane = cls(log, spec, partition)
        lane._register()
        for name, table in lane._tables.items():
            prefix = lane._prefixes[name]
            if lane._lookup([READY + prefix]) == [None]:
                await lane._rebuild(table, prefix)
            log.ready.add(prefix)
            if table.catch_up:
                await lane._catch_up(table, prefix)
        return lane

    def _register(self) -> None:
        """Write down where a new stage begins, so that retention waits for it."""
        batch, known = self._log.batch(), self._log.book.positions.get(self._spec.name, {})
        for topic, offset in self.positions.items():
            if TP(topic, self._partition) not in known:
                batch.position(self._spec.name, TP(topic, self._partition), offset)
        if batch.positions:
            self._log.write(batch)

    async def _rebuild(self, table: Table, prefix: bytes) -> None:
        """Fold the changelog; the marker comes last, so an interrupted fold starts over."""
        tp = TP(table.changelog, self._partition)
        book, state = self._log.book, self._log.store.state
        state.delete_range(prefix, following(prefix))
        at = book.begin[tp]
        end = self.positions.get(table.changelog, book.ends[tp])
        while at < end:
            chunk = self._log.read(tp, at, end, FOLD_RECORDS)
            batch, at = self._log.batch(), chunk.end
            batch.rows(prefix, self._folded(table, chunk.records))
            self._log.write(batch)
            self.recovered += len(chunk.records)
            await asyncio.sleep(0)
            self._check()
        batch = self._log.batch()
        batch.rows(READY, {prefix: b"1"})
        self._log.write(batch)

    async def _catch_up(self, table: Table, prefix: bytes) -> None:
        """Read a source to its end and move its position with the rows."""
        tp = TP(table.changelog, self._partition)
        end = self._log.book.ends[tp]
        while (at := self.positions[table.changelog]) < end:
            start = max(at, self._log.book.begin[tp])
            chunk = self._log.read(tp, start, end, FOLD_RECORDS)
            batch = self._log.batch()
            batch.rows(prefix, self._folded(table, chunk.records))
            batch.position(self._spec.name, tp, chunk.end)
            self._log.write(batch)
            self.positions[table.changelog] = chunk.end
            self.recovered += len(chunk.records)
            await asyncio.sleep(0)
            self._check()

    def _folded(self, table: Table, records: Iterable[Record]) -> Rows:
        if table.fold is None:
            return {record.key: record.value for record in records if record.key is not None}
        rows: Rows = {}
        for record in records:
            try:
                rows.update(table.fold(record))
            except Exception as error:
                if table.changelog not in self._spec.sources:
                    raise
                # Written by others: the step has refused it too, so it stands for no rows.
                logger.warning(
                    "fold-skipped",
                    topic=record.topic,
                    lane=record.partition,
                    offset=record.offset,
                    error=type(error).__name__,
                )
        return rows

    def _check(self) -> None:
        if self._generation != self._log.generation:
            raise StateBrokenError("the state was dropped or reopened by another lane")

    def _lookup(self, keys: list[bytes]) -> list[bytes | None]:
        self._check()
        try:
            found: list[bytes | None] = self._log.store.state.get(keys)
        except Exception as error:
            raise StateBrokenError(str(error)) from error
        return found

    def get(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the row of each key, None where there is none."""
        prefix = self._prefixes[table]
        return self._lookup([prefix + key for key in keys]) if keys else []

    def scan(self, table: str, prefix: bytes) -> dict[bytes, bytes]:
        """Return all rows whose key begins with `prefix`, in key order."""
        self._check()
        return dict(scan_rows(self._log, self._prefixes[table], prefix))

    async def commit(self, effects: Effects, positions: Mapping[str, int]) -> None:
        """Make all of it true in one write; nothing of it on any error."""
        self._check()
        batch, lane, spec = self._log.batch(), self._partition, self._spec
        for topic, outs in effects.outputs.items():
            if outs:
                batch.outputs(topic, outs, lane)
        for name, rows in effects.rows.items():
            table = self._tables[name]
            batch.rows(self._prefixes[name], rows)
            if rows and table.fold is None:
                entries = [(key, value, ()) for key, value in rows.items()]
                batch.records(TP(table.changelog, lane), entries)
        if effects.rejected and spec.rejected is not None:
            letters = [_entry(spec.name, letter) for letter in effects.rejected]
            batch.records(TP(spec.rejected, lane), letters)
        for topic, offset in positions.items():
            if offset != self.positions[topic]:
                batch.position(spec.name, TP(topic, lane), offset)
        self._log.write(batch)
        self.positions = dict(positions)

    def wipe(self) -> None:
        """Drop the state of all lanes: damage is in files, and files are shared."""
        self._log.drop_state(self._generation)

    async def close(self) -> None:
        """Give the lane up; there is nothing to let go of."""


def _entry(
    stage: str, letter: DeadLetter
) -> tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]:
    out = rejection(stage, letter)
    return out.key, out.value, out.headers


def table_prefix(log: EmbeddedLog, stage: str, table: str, lane: int) -> bytes:
    """Return the beginning of all keys of one lane of a table; numbers a new table."""
    db, key = log.store.db, TABLE + f"{stage}.{table}".encode()
    if (known := db.get(key)) is None:
        batch = log.batch()
        known = NUMBER.pack(number(db.get(TABLE_LAST)) + 1)
        batch.raw.put(key, known, log.store.h_meta)
        batch.raw.put(TABLE_LAST, known, log.store.h_meta)
        log.write(batch)
    return PREFIX.pack(number(known), lane)


def scan_rows(
    log: EmbeddedLog,
    table: bytes,
    prefix: bytes,
    *,
    after: bytes | None = None,
    limit: int | None = None,
) -> list[tuple[bytes, bytes]]:
    """
    Return rows of the table whose keys begin with `prefix` and lie behind `after`.

    Raises:
        StateBrokenError: a file of the state is damaged.
    """
    full, rows = table + prefix, list[tuple[bytes, bytes]]()
    if limit == 0:
        return rows
    start = full if after is None else max(full, table + after + b"\x00")
    try:
        for key, value in scan(log.store.state, start, following(full)):
            rows.append((key[PREFIX.size :], value))
            if len(rows) == limit:
                break
    except Exception as error:
        raise StateBrokenError(str(error)) from error
    return rows
