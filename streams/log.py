"""
What a stage, an ingestor and a reader need from an event log.

A topic has partitions, and partition p of every topic is lane p: lane p of a stage reads
partition p of its sources. One commit makes everything that a step produced true together
(outputs, state rows, dead letters, source positions). A stage has no other way to write, which
is why the same code is exactly-once on the embedded log and on Kafka.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, Protocol

from aiokafka.partitioner import murmur2

Headers = Sequence[tuple[str, bytes]]
Rows = dict[bytes, bytes | None]
"""Changed rows of one table: the new value, or None where the row is deleted."""


class TP(NamedTuple):
    """Topic and partition; equal to Faust's and aiokafka's own, which are plain tuples too."""

    topic: str
    partition: int


@dataclass(slots=True)
class Record:
    """One record as read; `timestamp` in milliseconds, `value` None is a tombstone."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Chunk(NamedTuple):
    """
    Records of one partition, and the reader's position before and after them.

    Positions are not record numbers: compacted records and transaction markers take offsets
    too. A lane checks `begin <= expected`, so whatever is dropped on the way is an error.
    """

    begin: int
    end: int
    records: list[Record]


class Out(NamedTuple):
    """One record to append; `lane` None means the lane of the stage that writes it."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    lane: int | None = None


class DeadLetter(NamedTuple):
    """A record that a step refuses, and why; `error_type` is a closed set of the step."""

    record: Record
    error_type: str
    reason: str


@dataclass(slots=True)
class Effects:
    """All that one step wants to be true: outputs by topic, rows by table, dead letters."""

    outputs: dict[str, list[Out]] = field(default_factory=dict)
    rows: dict[str, Rows] = field(default_factory=dict)
    rejected: list[DeadLetter] = field(default_factory=list)

    def then(self, later: Effects) -> Effects:
        """Add the effects of the records that followed; the later row wins."""
        for topic, outs in later.outputs.items():
            self.outputs.setdefault(topic, []).extend(outs)
        for table, rows in later.rows.items():
            self.rows.setdefault(table, {}).update(rows)
        self.rejected += later.rejected
        return self


Fold = Callable[[Record], Iterable[tuple[bytes, bytes | None]]]


@dataclass(frozen=True, slots=True)
class Topic:
    """
    A topic as it must exist.

    Args:
        retention_s: seconds a record is kept; None is for ever. Compacted topics keep the
            newest record of each key for ever and have no time retention.
    """

    name: str
    partitions: int
    compact: bool = False
    retention_s: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """
    State of a stage, one part per lane, rebuilt from its changelog when the copy is lost.

    Without `fold` the log appends every changed row to the changelog as it is (internal
    tables). With `fold` the changelog is an output of the step, or one of the stage's sources,
    and `fold(record)` gives the rows that a record stands for: the step returns the rows, and,
    where the changelog is an output, the record that they can be rebuilt from.

    Args:
        catch_up: opening a lane reads this source to its end before anything else, so that
            no record of another source meets a table older than itself; only for sources of
            which the step makes nothing but the table.
    """

    name: str
    changelog: str
    fold: Fold | None = None
    catch_up: bool = False


@dataclass(frozen=True, slots=True)
class StageSpec:
    """What a stage reads, writes and remembers; one rejected topic serves all stages."""

    name: str
    sources: tuple[str, ...]
    outputs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    rejected: str | None = None

    def check(self, effects: Effects) -> None:
        """
        Refuse effects that could not be recovered or would go somewhere undeclared.

        Raises:
            UndeclaredError: names the stage and the topic or table; always a bug of ours.
        """
        tables = {table.name: table for table in self.tables}
        unknown = (set(effects.outputs) - set(self.outputs)) | (set(effects.rows) - set(tables))
        if unknown:
            raise UndeclaredError(f"stage {self.name} writes undeclared {sorted(unknown)}")
        for name, rows in effects.rows.items():
            if rows and self.is_derived(tables[name]):
                self._check_derived(name, effects.outputs.get(tables[name].changelog))
        if effects.rejected and self.rejected is None:
            raise UndeclaredError(
                f"stage {self.name} rejects records and has no topic for them"
            )

    def is_derived(self, table: Table) -> bool:
        """Say whether the rows of a table are rebuilt from records that the step puts out."""
        return table.fold is not None and table.changelog not in self.sources

    def writes(self) -> set[str]:
        """Return every topic that a commit may append to, except the rejected one."""
        logged = {table.changelog for table in self.tables if table.fold is None}
        return logged | set(self.outputs)

    def _check_derived(self, table: str, outs: Sequence[Out] | None) -> None:
        if not outs:
            raise UndeclaredError(f"stage {self.name}: rows of {table} without their record")
        if any(out.lane is not None for out in outs):
            raise UndeclaredError(
                f"stage {self.name}: {table} is rebuilt from its own lane only"
            )


@lru_cache(maxsize=1 << 16)
def lane_of(key: bytes, lanes: int) -> int:
    """
    Return the lane of a lane key: Kafka's default partitioner, computed by us on both logs.

    Cached because murmur2 is pure Python and every ingested record asks.
    """
    return int((murmur2(key) & 0x7FFFFFFF) % lanes)


class UndeclaredError(Exception):
    """A step returned effects that its stage never declared: a bug of ours."""


class FencedError(Exception):
    """Somebody else opened this lane: wait for the next assignment before reopening."""


class StateBrokenError(Exception):
    """The local copy of the state cannot be trusted: wipe it and open the lane again."""


class GapError(Exception):
    """Records were skipped that no commit covers: seek back to the committed position."""


class LogCorruptError(Exception):
    """The log itself is damaged: stop the process and tell the operator what to do."""


class LogUnavailableError(Exception):
    """The log cannot take a record durably now: answer 503, try again later."""


class OvertakenError(Exception):
    """Somebody else had a turn at writing since; nothing was written: read again, try again."""


class LaneLog(Protocol):
    """
    One lane of one stage, owned exclusively.

    After any error the owner must close it and open the lane again: whether a failed commit
    happened is known only after reopening. `positions` holds the next offset per source topic,
    `recovered` counts the changelog records that opening had to fold.
    """

    positions: dict[str, int]
    recovered: int

    def get(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the row of each key, None where there is none."""
        ...

    def scan(self, table: str, prefix: bytes) -> dict[bytes, bytes]:
        """Return all rows whose key begins with `prefix`, in key order."""
        ...

    async def commit(self, effects: Effects, positions: Mapping[str, int]) -> None:
        """Make the effects and the new source positions true together, or nothing of it."""
        ...

    def wipe(self) -> None:
        """Forget the local state of this lane; the next opening folds it anew."""
        ...

    async def close(self) -> None:
        """Give the lane up."""
        ...


class Reader(Protocol):
    """Committed records of some partitions in offset order: replicas, exports, replays."""

    positions: dict[TP, int]

    async def read(self, timeout_s: float) -> dict[TP, Chunk]:
        """Wait for news at most `timeout_s`; a chunk may hold no records, only a new end."""
        ...

    async def close(self) -> None:
        """Stop reading."""
        ...


class TPOffset(NamedTuple):
    """Where an appended record went."""

    partition: int
    offset: int


Write = Callable[[Out], Awaitable[TPOffset]]
"""Appends one record and returns where it went, once it is durable."""


class EventLog(Protocol):
    """A log of topics, on which stages, ingestors and readers work."""

    async def start(self) -> None:
        """Begin to serve; call inside the running event loop."""
        ...

    async def stop(self) -> None:
        """Make everything durable and let go of the files or connections."""
        ...

    async def create(self, topics: Iterable[Topic]) -> None:
        """
        Create what is missing.

        Raises:
            SetupError: a topic exists with another number of partitions.
        """
        ...

    async def open_lane(self, spec: StageSpec, partition: int) -> LaneLog:
        """Take a lane over: fence its previous owner, find positions, have the state ready."""
        ...

    async def committed(self, stage: str, tps: Iterable[TP]) -> dict[TP, int]:
        """Return a stage's positions; the begin of the log where it has committed nothing."""
        ...

    async def append(
        self, topic: str, records: Sequence[Out], partition: int | None = None
    ) -> list[TPOffset]:
        """
        Append and return where each record went, once all are durable.

        The lane of a record is its own `lane`, else `partition`, else that of its key.

        Raises:
            LogUnavailableError: nothing of it can be promised to be kept.
        """
        ...

    def turn(self, tp: TP) -> AbstractAsyncContextManager[Write]:
        """
        Have a turn at writing, one process at a time: its write succeeds only where what was
        read from its begin on is still all there is.

        Raises:
            OvertakenError, LogUnavailableError: by the write: nothing of it is promised.
        """
        ...

    async def reader(self, start: Mapping[TP, int]) -> Reader:
        """Read from these offsets on."""
        ...

    async def bounds(self, tps: Iterable[TP]) -> dict[TP, tuple[int, int]]:
        """Return (begin, end) of the durable records; a reader at `end` has seen all."""
        ...


class StateView(Protocol):
    """State as a step sees it."""

    def get(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the row of each key, None where there is none."""
        ...

    def scan(self, table: str, prefix: bytes) -> dict[bytes, bytes]:
        """Return all rows whose key begins with `prefix`, in key order."""
        ...


Step = Callable[[Sequence[Record], StateView], Effects]
"""Pure: the same records and state give the same effects; run again after every failure."""

AsyncHandler = Callable[[Sequence[Record]], Awaitable[Effects]]
"""
Talks to the world outside and returns what came of it; run again after every failure and after
every crash before its commit, so whatever it asks of others must bear being asked twice.
"""

INTERNAL_ERROR = "internal-error"
"""The error type of records whose step raised: a bug of ours, never the sender's fault."""


REDRIVE_STAGE = "__redrive.stage"
"""First header of a redriven record: only this stage reads it, for the others it is no news."""


def is_redriven(record: Record) -> bool:
    """Say whether this is a rejected record on its second way through one stage."""
    return bool(record.headers) and record.headers[0][0] == REDRIVE_STAGE


def meant_for(stage: str, record: Record) -> bool:
    """Say whether a stage is to process a record: all but those redriven for another one."""
    return not is_redriven(record) or record.headers[0][1] == stage.encode()


def rejection(stage: str, letter: DeadLetter) -> Out:
    """
    Return the record of the rejected topic: original key, value and headers, and why.

    Headers are in the manner of KIP-1034 (cwiki.apache.org), with our prefix.
    """
    record = letter.record
    return Out(
        record.key,
        record.value,
        [
            *record.headers,
            ("__rejected.topic", record.topic.encode()),
            ("__rejected.partition", b"%d" % record.partition),
            ("__rejected.offset", b"%d" % record.offset),
            ("__rejected.timestamp", b"%d" % record.timestamp),
            ("__rejected.stage", stage.encode()),
            ("__rejected.error.type", letter.error_type.encode()),
            ("__rejected.error.reason", letter.reason.encode()),
        ],
    )
