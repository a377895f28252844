"""
Faust's aiokafka driver, with one Faust event per fetched chunk of a partition.

Positions belong to the transactions of the stages: Faust never commits. Which base methods are
replaced is dictated by faust-streaming 0.15 (github.com/faust-streaming/faust,
`transport/drivers/aiokafka.py`) and aiokafka 0.14 (`consumer/fetcher.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
import uvloop
from aiokafka.errors import ConsumerStoppedError
from faust.transport.drivers import aiokafka as driver
from faust.types import ConsumerMessage

from streams.embedded.transport import Producer
from streams.log import TP, Chunk

logger = structlog.get_logger(__name__)

PREFETCH_BACK_OFF_S = 0.005
SEEK_TRIES, SEEK_PAUSE_S = 5, 0.5


class _Thread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust is untyped
    """
    The thread that talks to the broker.

    `silent` maps partitions to (begin, end) of what was read and held no records, such as
    markers of transactions, and was not delivered with a chunk yet.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.silent: dict[Any, tuple[int, int]] = {}

    def _create_worker_consumer(self, transport: Transport) -> Any:
        return transport.new_consumer()

    async def on_start(self) -> None:
        """Start the consumer; a fetch must not wait for other partitions to be read."""
        await super().on_start()
        self._consumer._fetcher._prefetch_backoff = PREFETCH_BACK_OFF_S  # noqa: SLF001

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: Any,
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's signature
        max_records: int | None = None,  # noqa: ARG002
    ) -> dict[Any, Chunk]:
        fetcher = consumer._fetcher  # noqa: SLF001
        if not self.consumer.flow_active:
            return {}
        if consumer._closed or fetcher._closed:  # noqa: SLF001
            raise ConsumerStoppedError
        with fetcher._subscriptions.fetch_context():  # noqa: SLF001
            if not any(tp in active_partitions for tp in fetcher._records):  # noqa: SLF001
                waiter = fetcher._create_fetch_waiter()  # noqa: SLF001
                await asyncio.wait([waiter], timeout=timeout)
                if not waiter.done():
                    waiter.cancel()
                if consumer._closed or fetcher._closed:  # noqa: SLF001
                    return {}
            return await self._chunks(fetcher, active_partitions)

    async def _chunks(self, fetcher: Any, active: Any) -> dict[Any, Chunk]:
        subscription = fetcher._subscriptions.subscription  # noqa: SLF001
        assignment = subscription and subscription.assignment
        if assignment is None or not assignment.active:
            return {}
        begin = {
            tp: assignment.state_value(tp).position
            for tp in fetcher._records  # noqa: SLF001
            if tp in assignment.tps and assignment.state_value(tp).has_valid_position
        }
        # Does not wait, so that `begin` stays true.
        fetched = await fetcher.fetched_records(active, timeout=0, max_records=None)
        chunks = {}
        for tp, records in fetched.items():
            if records and tp in begin:
                end = assignment.state_value(tp).position
                chunks[tp] = Chunk(self._joined(tp, begin.pop(tp)), end, records)
        for tp, at in begin.items():
            if (end := assignment.state_value(tp).position) > at:
                self.silent[tp] = (self._joined(tp, at), end)
        return chunks

    def _joined(self, tp: Any, begin: int) -> int:
        first, end = self.silent.pop(tp, (None, None))
        return first if first is not None and end == begin else begin


class Consumer(driver.Consumer):  # type: ignore[misc]  # Faust is untyped
    """Delivers chunks and leaves offsets alone."""

    def __post_init__(self) -> None:
        self._wake = asyncio.Event()

    def _new_consumer_thread(self) -> _Thread:
        # Two threads talk to each other for every chunk, and uvloop halves what that takes.
        return _Thread(
            self, loop=self.loop, thread_loop=uvloop.new_event_loop(), beacon=self.beacon
        )

    @property
    def silent(self) -> Mapping[Any, tuple[int, int]]:
        """Return what was read behind the last chunks and held no records."""
        silent: Mapping[Any, tuple[int, int]] = self._thread.silent
        return silent

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109
        chunks = await super()._getmany(active_partitions, timeout)
        return {tp: [chunk] for tp, chunk in chunks.items()}

    async def _wait_next_records(self, timeout: float) -> Any:  # noqa: ASYNC109
        # The base sleeps a whole second whenever every partition is paused.
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        self._wake.clear()
        active = self._get_active_partitions()
        if active:
            return await self._getmany(active, timeout), active
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            return {}, active
        return {}, active

    def on_buffer_drop(self, tp: Any) -> None:
        """Look again: the partition was paused and takes chunks now."""
        super().on_buffer_drop(tp)
        self._wake.set()

    async def _drain_messages(self, fetcher: Any) -> None:
        # The base tracks gaps and drops what it thinks it has read; lanes know better.
        try:
            while not (self.should_stop or fetcher.should_stop):
                await asyncio.sleep(0)
                async for _, message in self.getmany(timeout=1.0):
                    await self.wait_first(self.callback(message), self.suspend_flow.wait())
        except self.consumer_stopped_errors:
            if not self.transport.app.should_stop:
                raise

    def _to_message(self, tp: Any, record: Chunk) -> Any:
        last = record.records[-1]
        return ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=last.offset,
            timestamp=last.timestamp / 1000,
            timestamp_type=0,
            headers=[],
            key=None,
            value=record,
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    def highwater(self, tp: Any) -> int:  # noqa: ARG002 - Faust's signature
        """Return nothing of interest: aiokafka's own raises while partitions move."""
        return 0

    # -- offsets: the stages own them

    async def seek_to_committed(self) -> dict[Any, int]:
        """Go to where the stage that is furthest behind goes on; the others skip."""
        for _ in range(SEEK_TRIES):
            tps = [TP(*tp) for tp in self.assignment()]
            try:
                positions = await self.transport.positions(tps)
                await self._thread.call_thread(self._seek_all, positions)
            except Exception as error:  # noqa: BLE001 - Faust would end the app
                logger.warning("seek-failed", error=type(error).__name__)
                await asyncio.sleep(SEEK_PAUSE_S)
            else:
                return {}
        # Every lane finds the gap, or skips what it has, and asks for its own positions.
        return {}

    async def _seek_all(self, positions: Mapping[TP, int]) -> None:
        consumer = self._thread._ensure_consumer()  # noqa: SLF001
        for tp in consumer.assignment():
            if (position := positions.get(TP(*tp))) is not None:
                consumer.seek(tp, position)

    async def _seek(self, partition: Any, offset: int) -> None:
        await self._thread.call_thread(self._seek_all, {TP(*partition): offset})

    async def _add_gap(self, *_: Any) -> None:
        """Track nothing: the base expands gaps into lists."""

    def _new_offset(self, tp: Any) -> None:
        self._acked[tp].clear()
        self._acked_index[tp].clear()

    async def _commit(self, offsets: Any) -> bool:  # noqa: ARG002 - Faust's signature
        return True


class Transport(driver.Transport):  # type: ignore[misc]  # Faust is untyped
    """
    Connects one Faust app to the brokers; given to the app, not looked up by URL.

    Args:
        new_consumer: makes the group's consumer; called in its thread.
        positions: returns where to read partitions from.
    """

    Consumer, Producer = Consumer, Producer

    def __init__(
        self,
        app: Any,
        new_consumer: Callable[[], Any],
        positions: Callable[[list[TP]], Awaitable[dict[TP, int]]],
    ) -> None:
        super().__init__([], app)
        self.new_consumer = new_consumer
        self.positions = positions
