"""
The event log on Kafka: any number of processes, each lane owned by one of them at a time.

Stages write in transactions of their lanes (`lane`); everything else appends with one
idempotent producer and reads without a group. Positions are committed to a group a stage.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

from streams.errors import SetupError
from streams.kafka.admin import Described, prepare
from streams.kafka.appender import Appender
from streams.kafka.clients import Clients, GroupOffsets, stop_quietly
from streams.kafka.lane import KafkaLane
from streams.kafka.reader import KafkaReader
from streams.kafka.state import State, locked, warm_lanes
from streams.kafka.turns import turn
from streams.log import (
    TP,
    LogUnavailableError,
    Out,
    StageSpec,
    Table,
    Topic,
    TPOffset,
    Write,
)

logger = structlog.get_logger(__name__)

RENEW_S = 6 * 3600.0
ENDS_S, ENDS_TIMEOUT_S = 1.0, 3.0
LED_TRIES = 3
"""Each waits as long as a request may take."""


class KafkaLog:
    """
    An `EventLog` over one cluster.

    `lanes` are those open in this process, `ends` the ends of all partitions a second ago,
    `partitions` how many each topic has.
    `on_damage` is told (stage, lane) when a view meets damaged state, `on_taken` when another
    process has written to a lane that is open here.
    """

    def __init__(self, clients: Clients, app_id: str, folder: Path) -> None:
        self.clients = clients
        self.lanes: dict[tuple[str, int], KafkaLane] = {}
        self.ends: dict[TP, int] = {}
        self.waiters: set[asyncio.Event] = set()
        self.on_damage: Callable[[str, int], None] = lambda _stage, _lane: None
        self.on_taken: Callable[[str, int], None] = lambda _stage, _lane: None
        self.offsets: GroupOffsets
        self._appender = Appender(clients)
        self._app_id = app_id
        self._folder = folder / "state"
        self.partitions: dict[str, int] = {}
        self._described = Described(cluster="", topics={})
        self._running: list[Any] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._lock: int | None = None

    # -- names

    def group(self, stage: str) -> str:
        """Return the group that a stage's positions are committed to."""
        return f"{self._app_id}.{stage}"

    def transactional_id(self, stage: str, lane: int) -> str:
        """Return the name that fences the previous owner of a lane."""
        return f"{self._app_id}-{stage}-{lane}"

    # -- life

    async def start(self) -> None:
        """
        Connect.

        Raises:
            SetupError: no broker answers, or it refuses us.
        """
        make = self.clients
        await asyncio.to_thread(make.security.sign_in)
        self._admin = make.admin()
        self._stable, self._all = make.consumer(), make.consumer(committed=False)
        for client in (self._admin, self._stable, self._all, self._appender):
            try:
                await client.start()
            except KafkaError as error:
                await self.stop()
                raise SetupError(
                    f"no broker answers at {make.bootstrap}: {type(error).__name__}; "
                    "check TILLSTREAM_LOG and TILLSTREAM_KAFKA__…"
                ) from error
            self._running.append(client)
        self.offsets = GroupOffsets(self._admin)
        self._tasks = [
            asyncio.create_task(self._follow_ends(), name="kafka-ends"),
            asyncio.create_task(self._renew(), name="kafka-renew"),
        ]

    async def stop(self) -> None:
        """Close lanes that are still open, then the connections."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.gather(*(lane.close() for lane in list(self.lanes.values())))
        running, self._running = self._running, []
        await asyncio.gather(*map(_stop, running))
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def create(self, topics: Iterable[Topic]) -> None:
        """
        Create what is missing.

        Raises:
            SetupError: a topic exists with other partitions, or would lose records; or no
                broker leads what was made.
        """
        wanted = list(topics)
        self._described = await asyncio.to_thread(prepare, self.clients, wanted)
        self.partitions.update({topic.name: topic.partitions for topic in wanted})
        # All at once: a client that meets topics one by one asks the brokers for each.
        for consumer in (self._stable, self._all):
            await consumer._client.set_topics(self.partitions)  # noqa: SLF001
        for _ in range(LED_TRIES):
            try:
                await self._look_at_ends()
            except KafkaError as error:
                # Brokers that were just started, or have just made many topics, need a while.
                logger.warning("topics-not-led-yet", error=type(error).__name__)
            else:
                return
        raise SetupError("no broker leads some of the topics; are all brokers up?")

    async def _follow_ends(self) -> None:
        while True:
            await asyncio.sleep(ENDS_S)
            try:
                async with asyncio.timeout(ENDS_TIMEOUT_S):
                    await self._look_at_ends()
            except (KafkaError, TimeoutError) as error:
                logger.warning("brokers-silent", error=type(error).__name__)
            else:
                await self._appender.heal()
                for (stage, number), lane in list(self.lanes.items()):
                    if lane.is_outrun(self.ends):
                        logger.warning("lane-taken", stage=stage, lane=number)
                        self.on_taken(stage, number)

    async def _look_at_ends(self) -> None:
        tps = [TP(name, p) for name, count in self.partitions.items() for p in range(count)]
        if tps:
            self.ends = await self.highwaters(tps)
            self._appender.heard_s = time.monotonic()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            for lane in list(self.lanes.values()):
                try:
                    await lane.renew()
                except Exception as error:  # noqa: BLE001 - the lane's own commit meets it too
                    logger.warning("renew-failed", error=type(error).__name__)

    # -- lanes

    async def open_lane(self, spec: StageSpec, partition: int) -> KafkaLane:
        """Take a lane over: fence its previous owner, find positions, have the state ready."""
        return await KafkaLane.open(self, spec, partition)

    def opened(self, lane: KafkaLane) -> None:
        """Let views see the lane."""
        self.lanes[lane.spec.name, lane.partition] = lane
        self.wake()

    def closed(self, lane: KafkaLane) -> None:
        """Hide the lane from views."""
        key = (lane.spec.name, lane.partition)
        if self.lanes.get(key) is lane:
            del self.lanes[key]

    def open_state(self, spec: StageSpec, partition: int) -> State:
        """Open the local state of a lane, wiped where it is of another log."""
        if self._lock is None:
            self._lock = locked(self._folder)
        tables = {table.name: table for table in spec.tables}
        return self.open_copy(self._folder / f"{spec.name}-{partition}", tables)

    def open_copy(self, path: Path, tables: Mapping[str, Table]) -> State:
        """Open a copy of tables, by their names in it, wiped where it is of another log."""
        changelogs = ",".join(
            f"{name}={table.changelog}:{self._described.topics.get(table.changelog)}"
            for name, table in tables.items()
        )
        options = self.clients.options
        return State(
            path,
            f"{self._described.cluster}/{self._app_id}/{changelogs}",
            cache_mb=options.cache_mb,
            buffers_mb=options.buffers_mb,
        )

    def warm(self) -> set[int]:
        """Return the lanes that have state on this disk."""
        return warm_lanes(self._folder)

    def wake(self) -> None:
        """Have waiting questions look again."""
        for event in self.waiters:
            event.set()

    # -- positions

    def offsets_of(self, positions: Mapping[TP, int]) -> dict[Any, Any]:
        """Return positions as aiokafka takes them."""
        return {
            TopicPartition(*tp): OffsetAndMetadata(offset, "")
            for tp, offset in positions.items()
        }

    async def committed(self, stage: str, tps: Iterable[TP]) -> dict[TP, int]:
        """Return a stage's positions; the begin of the log where it has committed nothing."""
        wanted = [TP(*tp) for tp in tps]
        known = await self.offsets.fetch(self.group(stage), wanted)
        missing = [tp for tp in wanted if known[tp] is None]
        begins = await self.bounds(missing) if missing else {}
        return {tp: begins[tp][0] if (offset := known[tp]) is None else offset for tp in wanted}

    async def bounds(self, tps: Iterable[TP]) -> dict[TP, tuple[int, int]]:
        """
        Return (begin, end) of the committed records; a reader at `end` has seen all.

        Raises:
            LogUnavailableError: no broker says.
        """
        wanted = [TopicPartition(*tp) for tp in tps]
        if not wanted:
            return {}
        try:
            begins = await self._stable.beginning_offsets(wanted)
            ends = await self._stable.end_offsets(wanted)
        except KafkaError as error:
            raise LogUnavailableError(f"no broker says: {type(error).__name__}") from error
        return {TP(*tp): (begins[tp], ends[tp]) for tp in wanted}

    async def highwaters(self, tps: Iterable[TP]) -> dict[TP, int]:
        """Return the ends of partitions, open transactions included."""
        wanted = [TopicPartition(*tp) for tp in tps]
        if not wanted:
            return {}
        ends = await self._all.end_offsets(wanted)
        return {TP(*tp): offset for tp, offset in ends.items()}

    async def reader(self, start: Mapping[TP, int]) -> KafkaReader:
        """Read from these offsets on."""
        return await KafkaReader.open(self.clients.consumer(), start)

    # -- appending

    async def append(
        self, topic: str, records: Sequence[Out], partition: int | None = None
    ) -> list[TPOffset]:
        """
        Append and return where, once every in-sync copy has it.

        Unlike the embedded log, records of one call may become durable one by one.

        Raises:
            LogUnavailableError: some of it may not be kept.
        """
        return await self._appender.append(
            topic, records, partition, self.partitions.get(topic)
        )

    def turn(self, tp: TP) -> AbstractAsyncContextManager[Write]:
        """Have a turn at writing, as in `EventLog`."""
        return turn(self, tp)

    def check_available(self) -> None:
        """Raise LogUnavailableError while no broker answers."""
        self._appender.check_available()

    @property
    def silent_s(self) -> float:
        """Return the seconds since the brokers last answered."""
        return self._appender.silent_s


async def _stop(client: Any) -> None:
    if hasattr(client, "stop"):
        await stop_quietly(client)
    else:
        await client.close()
