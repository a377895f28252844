"""
What a fault cost: how long events waited, and what was done twice.

All of it is in the log and in what the provider was asked; nothing is asked of the processes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import NamedTuple
from urllib.parse import unquote

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from connectors.simulation.calls import Answer, Call
from connectors.square.simulator import SimulatorConfig, SquareSimulator
from schemas.codec import decode
from schemas.raw import Channel, RawEvent
from schemas.sync import Fetch
from schemas.transaction import TransactionChange
from streams.log import Record

POLLED = {Channel.POLL, Channel.IMPORT}
LISTS = {"catalog_object", "inventory_count"}


class Asked(SquareSimulator):
    """Also counts how often each single resource was asked for."""

    def __init__(self, config: SimulatorConfig) -> None:
        super().__init__(config)
        self.asked: Counter[str] = Counter()

    def handle(self, call: Call, now: datetime) -> Answer:
        if call.method == "GET":
            self.asked[unquote(call.path.removeprefix("/v2/"))] += 1
        return super().handle(call, now)


class Mark(NamedTuple):
    """When something was done to a process, in milliseconds since the epoch, and what."""

    at_ms: int
    what: str


class Wait(NamedTuple):
    """From a raw event in the log to the change that it caused, in milliseconds."""

    lane: int
    at_ms: int
    took_ms: int


def waits(raws: Iterable[Record], changes: Iterable[Record]) -> Iterator[Wait]:
    """Yield how long each raw event waited that changed anything."""
    first: dict[str, Record] = {}
    for record in raws:
        first.setdefault(decode(RawEvent, record.value or b"").raw_id, record)
    for change in changes:
        raw = first[decode(TransactionChange, change.value or b"").cause.raw_id]
        yield Wait(raw.partition, raw.timestamp, change.timestamp - raw.timestamp)


def longest_waits(waited: Iterable[Wait], marks: Sequence[Mark]) -> dict[tuple[Mark, int], int]:
    """
    Return the longest wait of each lane after each mark, until the next one.

    A lane in which nothing came then has none.
    """
    times = [mark.at_ms for mark in marks]
    longest: dict[tuple[Mark, int], int] = {}
    for wait in waited:
        if number := bisect_right(times, wait.at_ms):
            name = (marks[number - 1], wait.lane)
            longest[name] = max(longest.get(name, 0), wait.took_ms)
    return longest


def figures_of_waits(waited: Sequence[Wait], marks: Sequence[Mark]) -> dict[str, object]:
    """Return medians and maxima of each lane's longest waits in seconds, by what was done."""
    found: dict[str, object] = {
        "visible_ms_p50": round(median(wait.took_ms for wait in waited)),
    }
    by_kind: dict[str, list[int]] = {}
    for (mark, _), took in longest_waits(waited, marks).items():
        by_kind.setdefault(mark.what, []).append(took)
    for what, took in sorted(by_kind.items()):
        found[f"longest_wait_s_{what}"] = {
            "lanes": len(took),
            "p50": round(median(took) / 1000, 2),
            "max": round(max(took) / 1000, 2),
        }
    return found


def done_twice(
    raws: Iterable[RawEvent], wanted: Iterable[Fetch], asked: Mapping[str, int]
) -> dict[str, int]:
    """
    Count what the provider was asked again.

    Args:
        raws: everything in `pos.raw`.
        wanted: everything in `pos.fetches`; several that want the same may be asked as one.
        asked: how often the provider was asked for each resource.

    Returns:
        Resources that were asked for more often than they were wanted, and events that one and
        the same sync run brought twice (lists that a run reads whole, twice by design, apart).
    """
    brought = Counter(
        (raw.account_id, raw.sync_id, raw.raw_id)
        for raw in raws
        if raw.channel in POLLED and raw.resource not in LISTS
    )
    resources = Counter(fetch.resource for fetch in wanted)
    return {
        "fetches_twice": sum(max(asked.get(it, 0) - n, 0) for it, n in resources.items()),
        "polled_twice": brought.total() - len(brought),
    }


def kept_twice(
    kept: Mapping[tuple[str, str], int], accepted: Mapping[str, int]
) -> dict[str, int]:
    """
    Count webhooks that were kept more often than they were accepted: their answer was lost.

    Args:
        kept: by account and body, how often it is in the log.
        accepted: by body, how often it got a 2xx; the provider itself repeats some.
    """
    return {"webhooks_twice": sum(max(n - accepted[body], 0) for (_, body), n in kept.items())}


def written(address: str, topics: Iterable[str], lanes: int, isolation: str) -> int:
    """
    Count the records of topics at a broker.

    Args:
        isolation: "read_uncommitted" counts what was written in vain, too.
    """
    settings = {
        "bootstrap.servers": address,
        "group.id": f"count-{isolation}",
        "isolation.level": isolation,
        "enable.auto.commit": False,
        "enable.partition.eof": True,
    }
    ends = {(topic, lane) for topic in topics for lane in range(lanes)}
    consumer, found = Consumer(settings), 0
    consumer.assign([TopicPartition(*end, OFFSET_BEGINNING) for end in sorted(ends)])
    try:
        while ends:
            for message in consumer.consume(1000, 1.0):
                error = message.error()
                if error is None:
                    found += 1
                else:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    ends.discard((message.topic(), message.partition()))
    finally:
        consumer.close()
    return found
