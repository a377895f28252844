"""Appends from outside: those of one pass of the event loop share a batch and an fsync."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from streams.embedded.batch import Entry
from streams.log import TP, LogUnavailableError, Out, TPOffset, lane_of

if TYPE_CHECKING:
    from streams.embedded.log import EmbeddedLog

WAITING_MAX = 10_000


class _Call(NamedTuple):
    topic: str
    items: list[tuple[int, Entry]]
    done: asyncio.Future[list[TPOffset]]


class Appends:
    """Collects calls and writes them together; one caller's bad record never harms another."""

    def __init__(self, log: EmbeddedLog) -> None:
        self._log = log
        self._calls: list[_Call] = []
        self._open = 0

    async def append(
        self, topic: str, records: Sequence[Out], partition: int | None
    ) -> list[TPOffset]:
        """
        Queue the records of one call and wait until they are durable.

        Raises:
            ValueError: a record has no key although lane or compaction needs one.
            LogUnavailableError: the disk does not take it, or too many callers wait.
        """
        items = self._placed(topic, records, partition)
        if not items:
            return []
        if self._open >= WAITING_MAX:
            raise LogUnavailableError(f"{self._open} appends wait for the disk already")
        loop = asyncio.get_running_loop()
        if not self._calls:
            loop.call_soon(self.write)
        call = _Call(topic, items, loop.create_future())
        self._calls.append(call)
        self._open += 1
        try:
            return await call.done
        finally:
            self._open -= 1

    def _placed(
        self, topic: str, records: Sequence[Out], partition: int | None
    ) -> list[tuple[int, Entry]]:
        stored = self._log.book.topic(topic)
        items = []
        for key, value, headers, lane in records:
            if key is None and stored.compact:
                raise ValueError(f"record without key for the compacted topic {topic}")
            where = partition if lane is None else lane
            if where is None:
                if key is None:
                    raise ValueError(f"record without key and lane for {topic}")
                where = lane_of(key, stored.partitions)
            if not 0 <= where < stored.partitions:
                raise ValueError(f"{topic} has no partition {where}")
            items.append((where, (key, value, headers)))
        return items

    def write(self) -> None:
        """Write all queued calls as one batch."""
        calls, self._calls = self._calls, []
        if not calls:
            return
        synced: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        batch = self._log.batch()
        places = [
            [
                TPOffset(lane, batch.records(TP(call.topic, lane), (entry,)))
                for lane, entry in call.items
            ]
            for call in calls
        ]
        synced.add_done_callback(lambda done: _settle(calls, places, done.exception()))
        try:
            self._log.write(batch, synced)
        except LogUnavailableError as error:
            synced.set_exception(error)


def _settle(
    calls: list[_Call], places: list[list[TPOffset]], error: BaseException | None
) -> None:
    for call, where in zip(calls, places, strict=True):
        if call.done.done():
            continue
        if error is None:
            call.done.set_result(where)
        else:
            call.done.set_exception(LogUnavailableError(str(error)))
