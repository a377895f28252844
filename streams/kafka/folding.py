"""Rebuild or complete the tables of a lane from their changelogs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import structlog

from streams.kafka.admin import TOMBSTONES_S
from streams.kafka.state import State
from streams.log import TP, Chunk, Record, Rows, StageSpec, StateBrokenError, Table

if TYPE_CHECKING:
    from streams.kafka.log import KafkaLog

logger = structlog.get_logger(__name__)

READ_S = 0.5
WITNESS = "__positions"
"""Header of the last changelog record of a commit: the source positions behind it."""


class Folding:
    """
    Brings the state of one lane up to date while it is being opened.

    `recovered` counts the records that had to be read, `ends` are those of the changelogs.
    """

    def __init__(self, log: KafkaLog, spec: StageSpec, partition: int, state: State) -> None:
        self._log = log
        self._spec = spec
        self._partition = partition
        self._state = state
        self.recovered = 0
        self.ends: dict[str, int] = {}

    async def own(self, tables: Sequence[Table]) -> dict[str, int]:
        """
        Fold what the stage itself wrote, as far as it is committed.

        Returns:
            The newest source positions that the records bear witness of, empty where none do.
        """
        bounds = await self._log.bounds({self._tp(table) for table in tables})
        goals = {table.name: bounds[self._tp(table)][1] for table in tables}
        self.ends = {tp.topic: end for tp, (_, end) in bounds.items()}
        if why := unfit(self._state, goals):
            self._forget(why)
        return await self._fold(tables, goals, bounds)

    async def sources(self, tables: Sequence[Table], positions: Mapping[str, int]) -> None:
        """
        Fold sources of the stage as far as the stage has processed them.

        Raises:
            StateBrokenError: the state knew more than that; it is empty now, open again.
        """
        goals = {table.name: positions[table.changelog] for table in tables}
        if any(self._state.position(name) > end for name, end in goals.items()):
            self._forget("the state is ahead of the stage")
            raise StateBrokenError("the state is ahead of the stage")
        await self._fold(tables, goals, await self._log.bounds(map(self._tp, tables)))

    def _tp(self, table: Table) -> TP:
        return TP(table.changelog, self._partition)

    def _forget(self, why: str) -> None:
        logger.warning("state-wiped", stage=self._spec.name, lane=self._partition, reason=why)
        self._state.wipe()

    async def _fold(
        self,
        tables: Sequence[Table],
        goals: Mapping[str, int],
        bounds: Mapping[TP, tuple[int, int]],
    ) -> dict[str, int]:
        """Read all changelogs that are not folded to their goals with one reader."""
        witness: dict[str, int] = {}
        todo: dict[TP, list[Table]] = {}
        start: dict[TP, int] = {}
        for table in tables:
            tp = self._tp(table)
            at = max(bounds[tp][0], self._state.position(table.name))
            if at < goals[table.name]:
                todo.setdefault(tp, []).append(table)
                start[tp] = min(at, start.get(tp, at))
        if not todo:
            return witness
        ends = {tp: max(goals[table.name] for table in todo[tp]) for tp in todo}
        reader = await self._log.reader(start)
        try:
            while any(reader.positions[tp] < end for tp, end in ends.items()):
                for tp, chunk in (await reader.read(READ_S)).items():
                    for table in todo[tp]:
                        self._take(table, chunk, goals[table.name])
                    self.recovered += len(chunk.records)
                    _merge(witness, chunk.records)
                await asyncio.sleep(0)
        finally:
            await reader.close()
        return witness

    def _take(self, table: Table, chunk: Chunk, goal: int) -> None:
        at = self._state.position(table.name)
        if at < min(chunk.end, goal):
            fresh = [record for record in chunk.records if at <= record.offset < goal]
            ours = table.changelog not in self._spec.sources
            rows = {table.name: rows_of(table, fresh, strict=ours)}
            self._state.write(rows, {table.name: min(chunk.end, goal)})


def unfit(state: State, goals: Mapping[str, int]) -> str | None:
    """
    Say why a state must be made anew to become complete.

    Args:
        goals: the end of the changelog of each table.
    """
    if any(state.position(name) > end for name, end in goals.items()):
        return "the changelog ends before the state"
    behind = any(state.position(name) < end for name, end in goals.items())
    if behind and state.age_s() > TOMBSTONES_S / 2:
        return "deletions may have been compacted away"
    return None


def rows_of(table: Table, records: Iterable[Record], *, strict: bool) -> Rows:
    """
    Return the rows that records of a changelog stand for; the later record wins.

    Args:
        strict: a record that cannot be folded is an error. Else it was written by others, and
            the step has refused it too, so it stands for no rows.
    """
    if table.fold is None:
        return {record.key: record.value for record in records if record.key is not None}
    rows: Rows = {}
    for record in records:
        try:
            rows.update(table.fold(record))
        except Exception as error:
            if strict:
                raise
            logger.warning(
                "fold-skipped",
                topic=record.topic,
                lane=record.partition,
                offset=record.offset,
                error=type(error).__name__,
            )
    return rows


def _merge(witness: dict[str, int], records: Iterable[Record]) -> None:
    """Add the newest positions that records bear witness of."""
    for record in records:
        for name, value in record.headers:
            if name == WITNESS:
                for topic, offset in msgspec.json.decode(value, type=dict[str, int]).items():
                    witness[topic] = max(offset, witness.get(topic, 0))
