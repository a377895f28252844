"""Appends for whoever is no stage: durable when they return, refused when no broker answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from streams.kafka.batches import Entry, send
from streams.kafka.clients import Clients, stop_quietly
from streams.log import TP, LogUnavailableError, Out, TPOffset, lane_of

logger = structlog.get_logger(__name__)

BULK = 64
"""Records of one append from which batches are built whole."""
SILENT_S = 10.0
"""After so many seconds without an answer of the brokers, appends are refused at once."""


class Appender:
    """
    One idempotent producer, replaced after an error: what it had queued is void.

    `heard_s` is the monotonic time of the brokers' last answer; who hears from them sets it.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._producer: Any = None
        self._failed = False
        self.heard_s = time.monotonic()

    async def start(self) -> None:
        """Connect; raises KafkaError where nobody answers."""
        producer = self._clients.producer()
        try:
            await producer.start()
        except BaseException:
            await stop_quietly(producer)
            raise
        self._producer, self._failed = producer, False
        self.heard_s = time.monotonic()

    async def stop(self) -> None:
        """Disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop_quietly(producer)

    @property
    def silent_s(self) -> float:
        """Return the seconds since the brokers last answered."""
        return time.monotonic() - self.heard_s

    def check_available(self) -> None:
        """Raise LogUnavailableError while no broker answers."""
        if self._producer is None or self.silent_s > SILENT_S:
            raise LogUnavailableError(f"no broker has answered for {SILENT_S:.0f} s")

    async def heal(self) -> None:
        """Replace a producer that failed, once the brokers answer again."""
        if self._failed:
            old = self._producer
            with suppress(KafkaError):
                await self.start()
                logger.info("append-recovered")
                await stop_quietly(old)

    async def append(
        self, topic: str, records: Sequence[Out], partition: int | None, lanes: int | None
    ) -> list[TPOffset]:
        """
        Append and return where.

        Args:
            lanes: partitions of the topic, None where they are to be asked for.

        Raises:
            LogUnavailableError: some of it may not be kept.
        """
        self.check_available()
        try:
            count = lanes or len(await self._producer.partitions_for(topic))
            chosen = [_lane(out, partition, count) for out in records]
            few = len(records) < BULK
            places = await (self._few if few else self._many)(topic, records, chosen)
        except MessageSizeTooLargeError:
            raise
        except KafkaError as error:
            self._failed = True
            raise LogUnavailableError(f"{topic}: {type(error).__name__}") from error
        self.heard_s = time.monotonic()
        return places

    async def _few(
        self, topic: str, records: Sequence[Out], lanes: Sequence[int]
    ) -> list[TPOffset]:
        """Let the producer join them with those of other callers."""
        futures = [
            await self._producer.send(
                topic, key=out.key, value=out.value, headers=list(out.headers), partition=lane
            )
            for out, lane in zip(records, lanes, strict=True)
        ]
        done = await asyncio.gather(*futures)
        return [TPOffset(metadata.partition, metadata.offset) for metadata in done]

    async def _many(
        self, topic: str, records: Sequence[Out], lanes: Sequence[int]
    ) -> list[TPOffset]:
        by_lane: dict[int, list[int]] = {}
        for at, lane in enumerate(lanes):
            by_lane.setdefault(lane, []).append(at)
        sent = {
            lane: await send(
                self._producer, TP(topic, lane), [Entry(*records[at][:3]) for at in places]
            )
            for lane, places in by_lane.items()
        }
        result = [TPOffset(lane, -1) for lane in lanes]
        for lane, batches in sent.items():
            left = iter(by_lane[lane])
            for future, count in batches:
                base = (await future).offset
                for offset in range(base, base + count):
                    result[next(left)] = TPOffset(lane, offset)
        return result


def _lane(out: Out, partition: int | None, lanes: int) -> int:
    if out.lane is not None:
        return out.lane
    return lane_of(out.key or b"", lanes) if partition is None else partition
