"""
Turns at writing: of all processes that ask, one at a time may change a lane of a topic.

A turn begins with `init_transactions` under a name that all share, which fences whoever had the
turn before. So between the begin of a turn and its commit nobody else has written: what was
read in between is what the write is based on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from streams.kafka.batches import Entry, send
from streams.kafka.clients import stop_quietly
from streams.log import TP, LogUnavailableError, Out, OvertakenError, TPOffset, Write

if TYPE_CHECKING:
    from streams.kafka.log import KafkaLog

BEGIN_S = 10.0


@asynccontextmanager
async def turn(log: KafkaLog, tp: TP) -> AsyncIterator[Write]:
    """
    Give the write of a turn; errors as in `EventLog.turn`.

    Raises:
        OvertakenError, LogUnavailableError: at the begin, or by the write.
    """
    log.check_available()
    name = log.transactional_id(f"turn-{tp.topic}", tp.partition)
    producer = log.clients.producer(name)
    try:
        try:
            async with asyncio.timeout(BEGIN_S):
                await producer.start()
        except (TimeoutError, KafkaError) as error:
            raise LogUnavailableError(f"{tp.topic}: {type(error).__name__}") from error

        async def write(out: Out) -> TPOffset:
            try:
                return await _written(producer, tp, out)
            except (ProducerFenced, InvalidProducerEpoch) as error:
                raise OvertakenError(f"{tp.topic}/{tp.partition}") from error
            except KafkaError as error:
                raise LogUnavailableError(f"{tp.topic}: {type(error).__name__}") from error

        yield write
    finally:
        await stop_quietly(producer)


async def _written(producer: Any, tp: TP, out: Out) -> TPOffset:
    await producer.begin_transaction()
    (sent,) = await send(producer, tp, [Entry(out.key, out.value, out.headers)])
    offset = (await sent.future).offset
    await producer.commit_transaction()
    return TPOffset(tp.partition, offset)
