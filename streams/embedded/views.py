"""Views of the embedded log: they read what the lanes of the same process have committed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from streams.embedded.lane import scan_rows, table_prefix
from streams.embedded.log import EmbeddedLog
from streams.log import TP, LogUnavailableError, StageSpec, StateBrokenError
from streams.views import NotReadyError, NotSettledError, settling_order

NEWS_MAX_S = 1.0


class EmbeddedViews:
    """
    `Views` over the lanes of this process.

    Args:
        waited: the stages that `settle` waits for unless others are named.
    """

    def __init__(
        self, log: EmbeddedLog, specs: Sequence[StageSpec], waited: Iterable[str]
    ) -> None:
        self._log = log
        self._specs = {spec.name: spec for spec in specs}
        self._waited = frozenset(waited)
        self._order = settling_order(specs)
        self._tables = {
            f"{spec.name}.{table.name}": (spec.name, table.name)
            for spec in specs
            for table in spec.tables
        }
        self._prefixes: dict[tuple[str, int], bytes] = {}

    def _prefix(self, table: str, lane: int) -> bytes:
        known = self._prefixes.get((table, lane))
        if known is None:
            stage, name = self._tables[table]
            known = table_prefix(self._log, stage, name, lane)
            self._prefixes[table, lane] = known
        if known not in self._log.ready or not self._log.store.is_open:
            raise NotReadyError(f"lane {lane} of {table} is not open")
        return known

    def get(self, table: str, lane: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the row of each key, None where there is none."""
        prefix, generation = self._prefix(table, lane), self._log.generation
        if not keys:
            return []
        try:
            found: list[bytes | None] = self._log.store.state.get([prefix + k for k in keys])
        except Exception as error:
            raise self._broken(table, generation) from error
        return found

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
        full, generation = self._prefix(table, lane), self._log.generation
        try:
            return scan_rows(self._log, full, prefix, after=after, limit=limit)
        except StateBrokenError as error:
            raise self._broken(table, generation) from error

    def _broken(self, table: str, generation: int) -> NotReadyError:
        with suppress(LogUnavailableError):
            self._log.drop_state(generation)
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
        book = self._log.book
        goals = {
            (tp := TP(topic, lane)): book.ends[tp] for topic in spec.sources for lane in lanes
        }
        while True:
            news.clear()
            behind = [tp for tp, end in goals.items() if book.position(spec.name, tp) < end]
            if not behind:
                return
            left = deadline - time.monotonic()
            if left <= 0:
                where = ", ".join(f"{tp.topic}/{tp.partition}" for tp in behind)
                raise NotSettledError(f"stage {spec.name} is behind in {where}")
            try:
                async with asyncio.timeout(min(left, NEWS_MAX_S)):
                    await news.wait()
            except TimeoutError:
                continue

    def lag(self) -> dict[tuple[str, str, int], int]:
        """Return the records each (stage, topic, lane) has still to process."""
        book = self._log.book
        return {
            (spec.name, tp.topic, tp.partition): book.ends[tp] - book.position(spec.name, tp)
            for spec in self._specs.values()
            for topic in spec.sources
            for tp in book.of(topic)
        }

    def ends(self) -> dict[TP, int]:
        """Return the end of every partition."""
        return dict(self._log.book.ends)
