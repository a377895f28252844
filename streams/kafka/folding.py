"""Rebuild or complete the tables of a lane from their changelogs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec
import structlog

from streams.kafka.admin import TOMBSTONES_S
from streams.kafka.state import State
from streams.log import TP, Record, Rows, StageSpec, StateBrokenError, Table

if TYPE_CHECKING:
    from streams.kafka.log import KafkaLog

logger = structlog.get_logger(__name__)

READ_S = 0.5
WITNESS = "__positions"
"""Header of the last changelog record of a commit: the source positions behind it."""


class Folding:
    """
    Brings the state of one lane up to date while it is being opened.

    `recovered` counts the records that had to be read.
    """

    def __init__(self, log: KafkaLog, spec: StageSpec, partition: int, state: State) -> None:
        self._log = log
        self._spec = spec
        self._partition = partition
        self._state = state
        self.recovered = 0

    async def own(self, tables: Sequence[Table]) -> dict[str, int]:
        """
        Fold what the stage itself wrote, as far as it is committed.

        Returns:
            The newest source positions that the records bear witness of, empty where none do.
        """
        tps = {TP(table.changelog, self._partition) for table in tables}
        ends = {tp: end for tp, (_, end) in (await self._log.bounds(tps)).items()}
        goals = [(table, ends[TP(table.changelog, self._partition)]) for table in tables]
        if any(self._state.position(table.name) > end for table, end in goals):
            self._forget("the changelog ends before the state")
        behind = any(self._state.position(table.name) < end for table, end in goals)
        if behind and self._state.age_s() > TOMBSTONES_S / 2:
            self._forget("deletions may have been compacted away")
        witness: dict[str, int] = {}
        for table, end in goals:
            for topic, offset in (await self._fold(table, end)).items():
                witness[topic] = max(offset, witness.get(topic, 0))
        return witness

    async def up_to(self, table: Table, end: int) -> None:
        """
        Fold a source of the stage as far as the stage has processed it.

        Raises:
            StateBrokenError: the state knew more than that; it is empty now, open again.
        """
        if self._state.position(table.name) > end:
            self._forget("the state is ahead of the stage")
            raise StateBrokenError("the state is ahead of the stage")
        await self._fold(table, end)

    def _forget(self, why: str) -> None:
        logger.warning("state-wiped", stage=self._spec.name, lane=self._partition, reason=why)
        self._state.wipe()

    async def _fold(self, table: Table, end: int) -> dict[str, int]:
        tp = TP(table.changelog, self._partition)
        begin = (await self._log.bounds([tp]))[tp][0]
        start = max(begin, self._state.position(table.name))
        witness: dict[str, int] = {}
        if start >= end:
            return witness
        reader = await self._log.reader({tp: start})
        try:
            while reader.positions[tp] < end:
                for chunk in (await reader.read(READ_S)).values():
                    records = [record for record in chunk.records if record.offset < end]
                    rows = {table.name: self._rows(table, records)}
                    self._state.write(rows, {table.name: min(chunk.end, end)})
                    self.recovered += len(records)
                    witness.update(_witness(records))
        finally:
            await reader.close()
        return witness

    def _rows(self, table: Table, records: Iterable[Record]) -> Rows:
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


def _witness(records: Iterable[Record]) -> dict[str, int]:
    """Return the positions of the newest record that bears witness."""
    found: dict[str, int] = {}
    for record in records:
        for name, value in record.headers:
            if name == WITNESS:
                found = msgspec.json.decode(value, type=dict[str, int])
    return found
