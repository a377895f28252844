"""Wait until what was appended shows in the tables: stage by stage, then in the rows."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from aiokafka.errors import KafkaError

from streams.kafka.log import KafkaLog
from streams.log import TP, StageSpec
from streams.views import NotSettledError, settling_order

LOOK_S = 0.05

Behind = Callable[[], Awaitable[list[TP]]]


class Settling(ABC):
    """
    The `settle` of `Views` on Kafka.

    Args:
        waited: the stages that `settle` waits for unless others are named.
    """

    def __init__(
        self, log: KafkaLog, specs: Sequence[StageSpec], waited: Iterable[str]
    ) -> None:
        self._log = log
        self._specs = {spec.name: spec for spec in specs}
        self._waited = frozenset(waited)
        self._order = settling_order(specs)

    @abstractmethod
    async def _unprocessed(self, stage: str, goals: Mapping[TP, int]) -> list[TP]:
        """Return the partitions that a stage has not processed up to these ends."""

    @abstractmethod
    async def _unshown(self, goals: Mapping[TP, int]) -> list[TP]:
        """Return the changelogs that the tables do not show up to these ends."""

    @abstractmethod
    def _changelogs(self) -> Iterable[str]:
        """Return the changelogs whose ends the tables must show."""

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
            await self._settle_rows(numbers, deadline, news)
        finally:
            self._log.waiters.discard(news)

    async def _settle_stage(
        self, spec: StageSpec, lanes: list[int], deadline: float, news: asyncio.Event
    ) -> None:
        who = f"stage {spec.name}"
        goals = await self._goals(spec.sources, lanes, deadline, who)
        await _until_none(lambda: self._unprocessed(spec.name, goals), who, deadline, news)

    async def _settle_rows(
        self, lanes: list[int], deadline: float, news: asyncio.Event
    ) -> None:
        who = "the replica"
        goals = await self._goals(self._changelogs(), lanes, deadline, who)
        await _until_none(lambda: self._unshown(goals), who, deadline, news)

    async def _goals(
        self, topics: Iterable[str], lanes: list[int], deadline: float, who: str
    ) -> dict[TP, int]:
        tps = [TP(topic, lane) for topic in topics for lane in lanes]
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                return await self._log.highwaters(tps)
        except (KafkaError, TimeoutError) as error:
            raise NotSettledError(f"no broker says how far {who} must be") from error


async def _until_none(behind: Behind, who: str, deadline: float, news: asyncio.Event) -> None:
    while True:
        news.clear()
        try:
            late = await behind()
        except KafkaError as error:
            raise NotSettledError(f"no broker says how far {who} is") from error
        if not late:
            return
        left = deadline - time.monotonic()
        if left <= 0:
            where = ", ".join(f"{tp.topic}/{tp.partition}" for tp in late)
            raise NotSettledError(f"{who} is behind in {where}")
        try:
            async with asyncio.timeout(min(left, LOOK_S)):
                await news.wait()
        except TimeoutError:
            continue
