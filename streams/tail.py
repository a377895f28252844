"""Follow topics of the log into the memory of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

import structlog

from streams.log import TP, EventLog, LogUnavailableError, Reader, Record

logger = structlog.get_logger(__name__)

WAIT_S = 1.0
RETRY_S = 0.5
STOP_S = 0.1

Take = Callable[[Record], None]


class Tail:
    """
    Reads some topics from a position on and hands each record over, in order per partition.

    Args:
        take: what to do with a record of each topic; an error in it is logged, not raised,
            because one bad record must not blind the process to those behind it.
    """

    def __init__(self, log: EventLog, takes: Mapping[str, Take], *, name: str) -> None:
        self._log = log
        self._takes = takes
        self._name = name
        self._reader: Reader | None = None
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Condition()
        self._stopping = False
        self.positions: dict[TP, int] = {}
        self.failing: str | None = None

    async def start(self, start: Mapping[TP, int]) -> None:
        """Read up to the end of now, then go on in the background."""
        self.positions = dict(start)
        ends = {tp: end for tp, (_, end) in (await self._log.bounds(start)).items()}
        self._reader = await self._log.reader(self.positions)
        while any(self.positions[tp] < end for tp, end in ends.items()):
            await self._read(self._reader)
        self._task = asyncio.create_task(self._run(), name=f"tail-{self._name}")

    async def stop(self) -> None:
        """Stop reading."""
        # asyncio.wait_for of Python 3.11, in readers, loses a cancellation that meets news
        self._stopping = True
        while self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=STOP_S)
        if self._reader is not None:
            await self._reader.close()

    async def reached(self, tp: TP, offset: int, timeout_s: float) -> None:
        """
        Wait until the record at `offset` has been taken.

        Raises:
            TimeoutError: it has not been in time.
        """
        async with asyncio.timeout(timeout_s), self._news:
            await self._news.wait_for(lambda: self.positions.get(tp, 0) > offset)

    async def _run(self) -> None:
        while not self._stopping:
            try:
                if self._reader is None:
                    self._reader = await self._log.reader(self.positions)
                await self._read(self._reader)
                self.failing = None
            except LogUnavailableError as error:
                await self._failed(error)
            except Exception as error:
                # whatever it is, a process that no longer learns of accounts must say so
                logger.exception("tail_failed", tail=self._name)
                await self._failed(error)

    async def _failed(self, error: Exception) -> None:
        self.failing = type(error).__name__
        if self._reader is not None:
            await self._reader.close()
            self._reader = None
        await asyncio.sleep(RETRY_S)

    async def _read(self, reader: Reader) -> None:
        for tp, chunk in (await reader.read(WAIT_S)).items():
            for record in chunk.records:
                self._hand_over(record)
            self.positions[tp] = chunk.end
            await asyncio.sleep(0)
        async with self._news:
            self._news.notify_all()

    def _hand_over(self, record: Record) -> None:
        try:
            self._takes[record.topic](record)
        except Exception:
            logger.exception(
                "record_not_taken",
                tail=self._name,
                topic=record.topic,
                lane=record.partition,
                offset=record.offset,
            )


def partitions(topics: Iterable[str], lanes: int) -> list[TP]:
    """Return every partition of these topics."""
    return [TP(topic, lane) for topic in topics for lane in range(lanes)]
