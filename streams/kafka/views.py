"""Views of the lanes that this process has on Kafka: they read the lanes' own state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from streams.kafka.log import KafkaLog
from streams.kafka.settling import Settling
from streams.kafka.state import State
from streams.log import TP, StageSpec, StateBrokenError
from streams.views import NotReadyError

UNKNOWN_S = 5.0

Silent = Callable[[], Mapping[Any, tuple[int, int]]]


class KafkaViews(Settling):
    """
    `Views` over the lanes of this process.

    Args:
        waited: the stages that `settle` waits for unless others are named.
        silent: returns what the consumer has read behind the last chunks without records.
    """

    def __init__(
        self, log: KafkaLog, specs: Sequence[StageSpec], waited: Iterable[str], silent: Silent
    ) -> None:
        super().__init__(log, specs, waited)
        self._silent = silent
        self._tables = {
            f"{spec.name}.{table.name}": (spec.name, table.name)
            for spec in specs
            for table in spec.tables
        }

    def _state(self, table: str, lane: int) -> tuple[State, str]:
        stage, name = self._tables[table]
        opened = self._log.lanes.get((stage, lane))
        if opened is None or opened.state is None or not opened.state.is_open:
            raise NotReadyError(f"lane {lane} of {table} is not open")
        return opened.state, name

    def get(self, table: str, lane: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the row of each key, None where there is none."""
        state, name = self._state(table, lane)
        try:
            return state.get(name, keys)
        except StateBrokenError as error:
            raise self._broken(table, lane) from error

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
        state, name = self._state(table, lane)
        try:
            return state.scan(name, prefix, after=after, limit=limit)
        except StateBrokenError as error:
            raise self._broken(table, lane) from error

    def _broken(self, table: str, lane: int) -> NotReadyError:
        self._log.on_damage(self._tables[table][0], lane)
        return NotReadyError(f"{table} was damaged and is being rebuilt")

    async def _unprocessed(self, stage: str, goals: Mapping[TP, int]) -> list[TP]:
        return [tp for tp, end in goals.items() if self._position(stage, tp) < end]

    async def _unshown(self, goals: Mapping[TP, int]) -> list[TP]:  # noqa: ARG002
        return []

    def _changelogs(self) -> Iterable[str]:
        return ()  # a commit writes the rows, too

    def _position(self, stage: str, tp: TP) -> int:
        """Return how far a lane is, markers that follow its position included."""
        lane = self._log.lanes.get((stage, tp.partition))
        if lane is None:
            return -1
        position = lane.positions[tp.topic]
        begin, end = self._silent().get(tp, (None, None))
        return end if begin == position and end is not None else position

    def lag(self) -> dict[tuple[str, str, int], int]:
        """
        Return the records each (stage, topic, lane) of this process has still to process.

        Nothing is known, and nothing is returned, while no broker answers.
        """
        if self._log.silent_s > UNKNOWN_S:
            return {}
        return {
            (stage, topic, lane): max(0, end - self._position(stage, TP(topic, lane)))
            for stage, lane in list(self._log.lanes)
            if stage in self._specs
            for topic in self._specs[stage].sources
            if (end := self._log.ends.get(TP(topic, lane))) is not None
        }

    def ends(self) -> dict[TP, int]:
        """Return the end of every partition, as of a second ago."""
        return dict(self._log.ends)
