"""Durable records in offset order, for whatever is no stage: exports, replays, tests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from streams.log import TP, Chunk

if TYPE_CHECKING:
    from streams.embedded.log import EmbeddedLog

RECORDS_MAX = 1000


class EmbeddedReader:
    """A `Reader`; reading is synchronous, at most a thousand records per partition and call."""

    def __init__(self, log: EmbeddedLog, start: Mapping[TP, int]) -> None:
        self._log = log
        self.positions = {TP(*tp): offset for tp, offset in start.items()}
        self._news = asyncio.Event()
        log.waiters.add(self._news)

    async def read(self, timeout_s: float) -> dict[TP, Chunk]:
        """Return what is new; waits at most `timeout_s` where there is nothing."""
        self._news.clear()  # before looking, so that nothing is missed
        chunks = self._look()
        if chunks:
            return chunks
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return {}
        return self._look()

    def _look(self) -> dict[TP, Chunk]:
        chunks = {}
        book = self._log.book
        for tp, at in self.positions.items():
            end = book.durable[tp]
            if at < end:
                chunk = self._log.read(tp, max(at, book.begin[tp]), end, RECORDS_MAX)
                chunks[tp] = chunk
                self.positions[tp] = chunk.end
        return chunks

    async def close(self) -> None:
        """Stop reading."""
        self._log.waiters.discard(self._news)
