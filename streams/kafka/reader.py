"""Committed records in offset order, for whatever is no stage: replicas, exports, replays."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka import TopicPartition

from streams.kafka.clients import stop_quietly
from streams.log import TP, Chunk

POSITION_S = 10.0


class KafkaReader:
    """A `Reader` over a consumer of its own, without a group."""

    def __init__(self, consumer: Any, start: Mapping[TP, int]) -> None:
        self._consumer = consumer
        self.positions = {TP(*tp): offset for tp, offset in start.items()}

    @classmethod
    async def open(cls, consumer: Any, start: Mapping[TP, int]) -> KafkaReader:
        """Start the consumer at these offsets."""
        reader = cls(consumer, start)
        await consumer.start()
        consumer.assign([TopicPartition(*tp) for tp in start])
        for tp, offset in start.items():
            consumer.seek(TopicPartition(*tp), offset)
        await asyncio.sleep(0)  # lets its tasks begin, or stopping it leaves half of it behind
        return reader

    async def read(self, timeout_s: float) -> dict[TP, Chunk]:
        """Wait for news at most `timeout_s`; a chunk may hold no records, only a new end."""
        if not self.positions:
            await asyncio.sleep(timeout_s)
            return {}
        fetched = await self._consumer.getmany(timeout_ms=int(timeout_s * 1000))
        chunks: dict[TP, Chunk] = {}
        for tp, at in self.positions.items():
            # Markers of transactions move positions without records.
            partition = TopicPartition(*tp)
            end = await asyncio.wait_for(self._consumer.position(partition), POSITION_S)
            if end > at:
                chunks[tp] = Chunk(at, end, fetched.get(partition, []))
                self.positions[tp] = end
        return chunks

    async def close(self) -> None:
        """Stop reading."""
        await stop_quietly(self._consumer)
