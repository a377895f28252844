"""Views of the Kafka log for a process that has all lanes: they read the lanes' own state."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from aiokafka.errors import KafkaError

from streams.kafka.log import KafkaLog
from streams.kafka.state import State
from streams.log import TP, StageSpec, StateBrokenError
from streams.views import NotReadyError, NotSettledError, settling_order

LOOK_S = 0.05
UNKNOWN_S = 5.0

Silent = Callable[[], Mapping[Any, tuple[int, int]]]


class KafkaViews:
    """
    `Views` over the lanes of this process.

    Args:
        waited: the stages that `settle` waits for unless others are named.
        silent: returns what the consumer has read behind the last chunks without records.
    """

    def __init__(
        self, log: KafkaLog, specs: Sequence[StageSpec], waited: Iterable[str], silent: Silent
    ) -> None:
        self._log = log
        self._specs = {spec.name: spec for spec in specs}
        self._waited = frozenset(waited)
        self._order = settling_order(specs)
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

    async def settle(
        self, lanes: Iterable[int], timeout_s: float, *, stages: Iterable[str] | None = None
    ) -> None:
        """Wait, stage by stage, for the ends that its sources have when its turn comes."""
        wanted, numbers = self._waited if stages is None else set(stages), sorted(set(lanes))
        deadline = time.monotonic() + timeout_s
        news = asyncio.Event()
        self._log.waiters.add(news)
        try:
            for name in self._order:
                if name in wanted:
                    await self._settle_stage(self._specs[name], numbers, deadline, news)
        finally:
            self._log.waiters.discard(news)

    async def _settle_stage(
        self, spec: StageSpec, lanes: list[int], deadline: float, news: asyncio.Event
    ) -> None:
        goals = await self._goals(spec, lanes, deadline)
        while True:
            news.clear()
            behind = [tp for tp, end in goals.items() if self._position(spec.name, tp) < end]
            if not behind:
                return
            left = deadline - time.monotonic()
            if left <= 0:
                where = ", ".join(f"{tp.topic}/{tp.partition}" for tp in behind)
                raise NotSettledError(f"stage {spec.name} is behind in {where}")
            try:
                async with asyncio.timeout(min(left, LOOK_S)):
                    await news.wait()
            except TimeoutError:
                continue

    async def _goals(self, spec: StageSpec, lanes: list[int], deadline: float) -> dict[TP, int]:
        tps = [TP(topic, lane) for topic in spec.sources for lane in lanes]
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                return await self._log.highwaters(tps)
        except (KafkaError, TimeoutError) as error:
            raise NotSettledError(f"no broker says how far {spec.name} must be") from error

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
