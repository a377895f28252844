"""
Faust driver of the embedded log: one process owns all partitions.

One Faust event carries one chunk of one partition. Faust never commits: positions belong to
the stages. The order of calls in a rebalance, and which base methods are replaced, is dictated
by faust-streaming 0.15 (github.com/faust-streaming/faust, `transport/consumer.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from faust import types
from faust.assignor.client_assignment import ClientAssignment
from faust.exceptions import ProducerSendError
from faust.tables.manager import TableManager
from faust.transport import base
from faust.types import ConsumerMessage

from streams.log import TP, Chunk, LogCorruptError, LogUnavailableError, StageSpec

if TYPE_CHECKING:
    from streams.embedded.log import EmbeddedLog


IDLE_S = 0.05


class QuickTables(TableManager):  # type: ignore[misc]  # Faust is untyped
    """Starts at once: the stock one sleeps a second for Faust tables, and we have none."""

    async def on_start(self) -> None:
        """Start recovery of no tables, which lets the consumer run."""
        await self._update_channels()
        await self.recovery.start()


class Producer(base.Producer):  # type: ignore[misc]  # Faust is untyped
    """Exists so that the app starts; whatever writes does so through the `EventLog`."""

    async def send(self, *_: Any, **__: Any) -> Any:
        """Refuse."""
        raise ProducerSendError("append to the EventLog")

    send_and_wait = send

    async def flush(self) -> None:
        """Flush Faust's own buffer, which stays empty."""
        await self.buffer.flush()

    async def create_topic(self, *_: Any, **__: Any) -> None:
        """Leave topics alone: the runtime creates them."""


class Consumer(base.Consumer):  # type: ignore[misc]  # Faust is untyped
    """Reads the log round robin and remembers per partition where the next chunk begins."""

    def __post_init__(self) -> None:
        self._log: EmbeddedLog = self.transport.log
        self._tps: set[Any] = set()
        self._position: dict[Any, int] = {}
        # Behind the last delivered chunk; compacted gaps belong to the chunk after them.
        self._begin: dict[Any, int] = {}
        self._wake = asyncio.Event()
        self._topics: set[str] = set()
        self._turn = 0
        self._reading = False

    async def on_start(self) -> None:
        """Listen for writes."""
        self._reading = True
        self._log.waiters.add(self._wake)

    async def on_stop(self) -> None:
        """Stop without waiting for acks: what no stage has committed is read again."""
        self._reading = False
        self._log.waiters.discard(self._wake)

    # -- the one and only rebalance

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Take all partitions of these topics."""
        if set(topics) != self._topics:
            self._topics = set(topics)
            # Not awaited: the assignment waits for the subscription, which ends with us.
            self.add_future(self._rebalance())

    async def _rebalance(self) -> None:
        app = self.app
        app.on_rebalance_start()
        if self._tps:
            await self.on_partitions_revoked(set(self._tps))
        parts = {name: self._log.book.topic(name).partitions for name in self._topics}
        actives = {name: list(range(count)) for name, count in parts.items()}
        self._tps = {types.TP(name, p) for name, numbers in actives.items() for p in numbers}
        for tp in self._tps - set(self._position):
            self._position[tp] = self._begin[tp] = self._lowest(TP(*tp))
        app.consumer_generation_id += 1  # messages of another generation are skipped silently
        assignor = app.assignor
        assignor._assignment = ClientAssignment(actives=actives, standbys={})  # noqa: SLF001
        assignor._active_tps = set(self._tps)  # noqa: SLF001 - what a broker would have told it
        assignor._standby_tps = set()  # noqa: SLF001
        assignor._topic_groups = parts  # noqa: SLF001
        assignor.changelog_distribution = {}
        assignor.external_topic_distribution = {str(app.conf.canonical_url): actives}
        await self.on_partitions_assigned(set(self._tps), app.consumer_generation_id)

    def _lowest(self, tp: TP) -> int:
        """Return the position of the stage that is furthest behind; the others skip."""
        readers = [spec for spec in self.transport.specs if tp.topic in spec.sources]
        return min(self._log.book.position(spec.name, tp) for spec in readers)

    def assignment(self) -> set[Any]:
        """Return all partitions of the subscribed topics."""
        return self._tps

    # -- reading

    async def _getmany(self, active_partitions: set[Any] | None, timeout: float) -> Any:  # noqa: ASYNC109
        """Return one chunk of one partition: reading is synchronous and must be short."""
        if not (self._reading and self.flow_active):
            await asyncio.sleep(IDLE_S)  # Faust asks again at once
            return {}
        self._wake.clear()  # before looking: a write after this wakes us again
        if found := self._next_chunk(
            self._tps if active_partitions is None else active_partitions
        ):
            return found
        try:
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            return {}
        return {}  # the set of active partitions may have changed: Faust asks again

    def _next_chunk(self, active: set[Any]) -> dict[Any, list[Chunk]] | None:
        ordered, ends = sorted(active), self._log.book.ends
        for step in range(len(ordered)):
            tp = ordered[(self._turn + step) % len(ordered)]
            start, end = self._position[tp], ends[tp]
            if start >= end:
                continue
            start = max(start, self._log.book.begin[tp])
            try:
                chunk = self._log.read(TP(*tp), start, end, self.transport.chunk)
            except LogCorruptError as error:
                # Nothing behind the damage may be delivered, or it would count as processed.
                self._reading = False
                self.transport.fatal(error)
                return None
            except LogUnavailableError:
                return None  # woken when the disk works again
            self._position[tp] = chunk.end
            if chunk.records:
                begin, self._begin[tp] = self._begin[tp], chunk.end
                self._turn += step + 1
                return {tp: [Chunk(begin, chunk.end, chunk.records)]}
        return None

    def on_buffer_drop(self, tp: Any) -> None:
        """Look again: the partition was paused and takes chunks now."""
        super().on_buffer_drop(tp)
        self._wake.set()

    async def _wait_next_records(self, timeout: float) -> Any:  # noqa: ASYNC109
        # The base sleeps a whole second whenever every partition is paused.
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        active = None if self.app.client_only else self._get_active_partitions()
        return await self._getmany(active, timeout), active

    async def _drain_messages(self, fetcher: Any) -> None:
        # The base makes four tasks a message and tracks gaps that mean nothing here.
        while not (self.should_stop or fetcher.should_stop):
            await asyncio.sleep(0)
            async for tp, message in self.getmany(timeout=1.0):
                await self.callback(message)
                self._read_offset[tp] = message.offset

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

    # -- offsets: the stages own them

    async def seek(self, partition: Any, offset: int) -> None:
        """Deliver a partition from `offset` on."""
        await self._seek(partition, offset)

    async def _seek(self, partition: Any, offset: int) -> None:
        tp = types.TP(*partition)
        self._read_offset[tp] = None
        self._position[tp] = self._begin[tp] = offset
        self._wake.set()

    async def seek_to_committed(self) -> dict[Any, int | None]:
        """Do nothing: positions were set with the assignment."""
        return dict.fromkeys(self._tps)

    async def seek_wait(self, partitions: Any) -> None:
        """Do nothing, like `seek_to_committed`."""

    async def perform_seek(self) -> None:
        """Do nothing, like `seek_to_committed`."""

    async def _commit(self, offsets: Any) -> bool:  # noqa: ARG002 - Faust's signature
        return True

    def _new_offset(self, tp: Any) -> None:
        # Nothing to commit; forget what was acked.
        self._acked[tp].clear()
        self._acked_index[tp].clear()

    async def position(self, tp: Any) -> int:
        """Return the next offset to look at."""
        return self._position[tp]

    async def earliest_offsets(self, *partitions: Any) -> dict[Any, int]:
        """Return where each partition begins."""
        return {tp: self._log.book.begin[tp] for tp in partitions}

    async def highwaters(self, *partitions: Any) -> dict[Any, int]:
        """Return where each partition ends."""
        return {tp: self._log.book.ends[tp] for tp in partitions}

    def highwater(self, tp: Any) -> int:
        """Return where a partition ends."""
        return self._log.book.ends[tp]

    def topic_partitions(self, topic: str) -> int | None:
        """Return how many partitions a topic has, None where there is none."""
        stored = self._log.book.topics.get(topic)
        return stored.partitions if stored else None

    def key_partition(self, topic: str, key: Any, partition: int | None = None) -> int | None:  # noqa: ARG002 - Faust's signature
        """Return the partition asked for: lanes are ours to choose."""
        return partition

    def _new_topicpartition(self, topic: str, partition: int) -> Any:
        return types.TP(topic, partition)

    async def create_topic(self, *_: Any, **__: Any) -> None:
        """Leave topics alone: the runtime creates them."""


class Transport(base.Transport):  # type: ignore[misc]  # Faust is untyped
    """Connects one Faust app to one log; given to the app, not looked up by URL."""

    Consumer, Producer = Consumer, Producer
    driver_version, default_port = "embedded", 0

    def __init__(
        self,
        app: Any,
        log: EmbeddedLog,
        specs: Sequence[StageSpec],
        fatal: Callable[[BaseException], None],
    ) -> None:
        super().__init__([], app)
        self.log = log
        self.fatal = fatal
        self.specs = specs
        self.chunk = log.options.chunk
