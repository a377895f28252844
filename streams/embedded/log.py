"""
The event log in one process without a broker; its files are described in `store`.

All writes happen on the event loop's thread, one WriteBatch each, and reach the operating
system at once. With sync, an append returns after the fsync that covers it. Stage commits do
not wait: there is one write-ahead log, so a power cut loses a suffix of it, never an input
whose output survived. What leaves the process must not be lost later, so readers see only what
is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog

from streams.embedded import backup, upkeep
from streams.embedded.appends import Appends
from streams.embedded.batch import Batch
from streams.embedded.book import Book
from streams.embedded.lane import EmbeddedLane
from streams.embedded.layout import LOG_KEY, unpack
from streams.embedded.options import EmbeddedOptions
from streams.embedded.reader import EmbeddedReader
from streams.embedded.scanning import before, confirm_end
from streams.embedded.store import Store, corrupt_message
from streams.embedded.sync import GroupSync
from streams.log import (
    TP,
    Chunk,
    LogCorruptError,
    LogUnavailableError,
    Out,
    Record,
    StageSpec,
    Topic,
    TPOffset,
    Write,
)

logger = structlog.get_logger(__name__)

READ_BYTES_MAX = 1 << 20
RETRY_DISK_S = 0.5


class EmbeddedLog:
    """
    An `EventLog` over one folder.

    `generation` changes when the state is dropped or the store is reopened: every open lane and
    every cached answer of an older generation is void. `on_new_generation` tells the owner.
    """

    def __init__(self, path: Path, options: EmbeddedOptions | None = None) -> None:
        self.options = options or EmbeddedOptions()
        self.store = Store(path, self.options.cache_mb)
        try:
            self.book = Book(self.store, sync=bool(self.options.sync))
        except Exception as error:
            self.store.close(failing=True)
            if isinstance(error, LogCorruptError):
                raise
            raise LogCorruptError(corrupt_message(path, str(error))) from error
        self.generation = 0
        self.on_new_generation: Callable[[], None] = lambda: None
        self.waiters: set[asyncio.Event] = set()
        self.ready: set[bytes] = set()
        self.is_shrinking = False
        self._timestamp = 0
        self._failure: Exception | None = None
        self._healer: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._appends = Appends(self)
        self._turns = asyncio.Lock()
        self.sync = GroupSync(self, lambda: self.store.db.flush_wal(True))

    async def start(self) -> None:
        """Begin to serve; call inside the running event loop."""
        self._keeper = asyncio.create_task(upkeep.keep(self), name="log-upkeep")

    async def stop(self) -> None:
        """Make everything durable and let go of the folder; a failing disk is only logged."""
        for task in (self._keeper, self._healer):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        self._appends.write()
        await self.sync.drain()
        self.sync.close()
        try:
            self.store.close(failing=self._failure is not None or self.is_shrinking)
        except Exception as error:  # noqa: BLE001 - the process ends; nothing was promised
            logger.error("log-close-failed", error=str(error))  # noqa: TRY400 - no use

    async def create(self, topics: Iterable[Topic]) -> None:
        """Create what is missing; another number of partitions is a SetupError."""
        self.book.create(topics)

    # -- writing

    def batch(self) -> Batch:
        """Begin a write."""
        return Batch(self.store, self.book, self._timestamp)

    def write(self, batch: Batch, waiter: asyncio.Future[None] | None = None) -> None:
        """
        Make a batch true; `waiter` is told when it is durable.

        Raises:
            LogUnavailableError: the disk does not take it. Nothing of it can be read.
        """
        self.check_available()
        batch.seal()
        try:
            self.store.db.write(batch.raw)
        except Exception as error:
            raise self._broken(error) from error
        self._timestamp = batch.timestamp
        self.book.ends.update(batch.ends)
        for stage, tp, offset in batch.positions:
            self.book.positions.setdefault(stage, {})[tp] = offset
        if self.options.sync:
            self.sync.written(waiter)
        elif waiter is not None:
            waiter.set_result(None)
        self.wake()

    def write_raw(self, raw: Any) -> None:
        """Write what appends nothing, errors as in `write`."""
        self.check_available()
        try:
            self.store.db.write(raw)
        except Exception as error:
            raise self._broken(error) from error
        if self.options.sync:
            self.sync.written(None)

    def wake(self) -> None:
        """Have consumers, readers and waiting questions look again."""
        for event in self.waiters:
            event.set()

    async def append(
        self, topic: str, records: Sequence[Out], partition: int | None = None
    ) -> list[TPOffset]:
        """Append all or none, and return where, once durable; errors as in `EventLog`."""
        self.check_available()
        return await self._appends.append(topic, records, partition)

    @asynccontextmanager
    async def turn(self, tp: TP) -> AsyncIterator[Write]:
        """Have a turn at writing; this process is the only one, so its own tasks take turns."""

        async def write(out: Out) -> TPOffset:
            (place,) = await self.append(tp.topic, [out], tp.partition)
            return place

        async with self._turns:
            yield write

    # -- when the disk fails

    def check_available(self) -> None:
        """
        Return when the log takes writes.

        Raises:
            LogUnavailableError: an earlier write failed and the disk has not recovered.
        """
        if self._failure is not None:
            raise LogUnavailableError(str(self._failure))

    def _broken(self, error: BaseException) -> LogUnavailableError:
        unavailable = LogUnavailableError(f"the log cannot be written: {error}")
        if self._failure is None:
            logger.error("log-unavailable", path=str(self.store.path), error=str(error))
            self._failure = unavailable
            self._healer = asyncio.create_task(self._heal(), name="log-heal")
        return unavailable

    def durable_mark(self) -> Callable[[], None]:
        """Return what makes the ends of now visible to readers."""
        ends = self.book.ends.copy()

        def mark() -> None:
            self.book.durable = ends
            self.wake()

        return mark

    def sync_failed(self, error: BaseException) -> Exception:
        """Refuse writes until the disk works again."""
        return self._broken(error)

    async def _heal(self) -> None:
        """Reopen the store once the disk takes writes; RocksDB refuses them all until then."""
        while self._failure is not None:
            await asyncio.sleep(RETRY_DISK_S)
            works = await asyncio.get_running_loop().run_in_executor(
                None, self.store.disk_works
            )
            if not works or self.sync.running:
                continue
            try:
                self.store.reopen()
                self.book.load()
            except Exception as error:  # noqa: BLE001 - tried again until it works
                logger.error("log-reopen-failed", error=str(error))  # noqa: TRY400 - no use
                continue
            self._failure = None
            logger.info("log-available", path=str(self.store.path))
            self._new_generation()
            self.wake()

    def drop_state(self, generation: int) -> None:
        """
        Drop all tables of all lanes, once a generation: the first that finds damage does.

        Raises:
            LogUnavailableError: the disk does not take it.
        """
        if generation != self.generation:
            return
        self.check_available()
        logger.warning("state-dropped", path=str(self.store.path))
        try:
            self.store.drop_state()
        except Exception as error:
            raise self._broken(error) from error
        self._new_generation()

    def _new_generation(self) -> None:
        self.generation += 1
        self.ready.clear()
        self.on_new_generation()

    # -- reading

    def read(
        self, tp: TP, start: int, end: int, limit: int, bytes_max: int = READ_BYTES_MAX
    ) -> Chunk:
        """
        Read records of one partition; the end of the chunk is the end of what was looked at.

        Raises:
            LogCorruptError: what is there cannot be read.
            LogUnavailableError: the store is closed until the disk works again.
        """
        if not self.store.is_open:
            self.check_available()
        topic_id, records, size = self.book.topic(tp.topic).id, list[Record](), 0
        family, bound = self.store.log, before(LOG_KEY.pack(topic_id, tp.partition, end))
        first, at = LOG_KEY.pack(topic_id, tp.partition, start), start
        try:
            for key, raw in family.items(from_key=first, read_opt=bound):
                at = int.from_bytes(key[4:], "big") + 1
                records.append(unpack(tp.topic, tp.partition, at - 1, raw))
                size += len(raw)
                if len(records) >= limit or size >= bytes_max:
                    return Chunk(start, at, records)
            if at < end:
                confirm_end(family, LOG_KEY.pack(topic_id, tp.partition, at), bound)
        except Exception as error:
            damage = f"{tp.topic}/{tp.partition} from {at}: {error}"
            raise LogCorruptError(corrupt_message(self.store.path, damage)) from error
        return Chunk(start, max(start, end), records)

    async def reader(self, start: Mapping[TP, int]) -> EmbeddedReader:
        """Read from these offsets on."""
        return EmbeddedReader(self, start)

    async def bounds(self, tps: Iterable[TP]) -> dict[TP, tuple[int, int]]:
        """Return (begin, end) of the durable records."""
        return {TP(*tp): (self.book.begin[tp], self.book.durable[tp]) for tp in tps}

    async def committed(self, stage: str, tps: Iterable[TP]) -> dict[TP, int]:
        """Return a stage's positions; the begin of the log where it has committed nothing."""
        return {TP(*tp): self.book.position(stage, tp) for tp in tps}

    async def open_lane(self, spec: StageSpec, partition: int) -> EmbeddedLane:
        """Take a lane over and have its tables complete."""
        return await EmbeddedLane.open(self, spec, partition)

    # -- care

    async def holes(self) -> list[str]:
        """Read everything and name the partitions where records are missing."""
        return await upkeep.holes(self)

    def backup(self, path: Path) -> None:
        """
        Make a consistent copy while running: a folder that can be opened as a log itself.

        Raises:
            SetupError: `path` exists and is not an empty folder, or cannot be written.
        """
        backup.backup(self.store, path)

    def forget_stage(self, name: str) -> None:
        """Drop the positions of a stage that is no more: they hold up retention."""
        upkeep.forget_stage(self, name)
