"""One write to the embedded log in the making: it becomes true as a whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from rocksdict import WriteBatch

from streams.embedded.book import Book
from streams.embedded.layout import END, LOG_KEY, NUMBER, POSITION, PREFIX, pack
from streams.embedded.store import Store
from streams.log import TP, Headers, Out, Rows

Entry = tuple[bytes | None, bytes | None, Headers]


class Batch:
    """Records, rows and positions; offsets are given here, and valid once it is written."""

    def __init__(self, store: Store, book: Book, not_before: int = 0) -> None:
        self._store = store
        self._book = book
        self.raw = WriteBatch(raw_mode=True)
        # Retention searches by time, so timestamps must not fall when the clock is set back.
        self.timestamp = max(time.time_ns() // 1_000_000, not_before)
        self.ends: dict[TP, int] = {}
        self.positions: list[tuple[str, TP, int]] = []

    def records(self, tp: TP, entries: Iterable[Entry]) -> int:
        """
        Append to one partition and return the offset of the first record.

        Raises:
            ValueError: a record of a compacted topic has no key.
        """
        topic = self._book.topic(tp.topic)
        first = offset = self.ends.get(tp, self._book.ends[tp])
        put, family, at, now = self.raw.put, self._store.h_log, LOG_KEY.pack, self.timestamp
        topic_id, partition, compact = topic.id, tp.partition, topic.compact
        for key, value, headers in entries:
            if compact and key is None:
                raise ValueError(f"record without key for the compacted topic {tp.topic}")
            put(at(topic_id, partition, offset), pack(now, key, value, headers), family)
            offset += 1
        self.ends[tp] = offset
        return first

    def outputs(self, topic: str, outs: Sequence[Out], lane: int) -> None:
        """Append outputs of a stage, each to its own lane, else to the lane of the stage."""
        if all(out[3] is None for out in outs):
            self.records(TP(topic, lane), [out[:3] for out in outs])
            return
        lanes: dict[int, list[Entry]] = {}
        for key, value, headers, other in outs:
            lanes.setdefault(lane if other is None else other, []).append((key, value, headers))
        for partition, entries in lanes.items():
            self.records(TP(topic, partition), entries)

    def rows(self, prefix: bytes, rows: Rows) -> None:
        """Put and delete rows of the table whose keys begin with `prefix`."""
        put, delete, family = self.raw.put, self.raw.delete, self._store.h_state
        for key, value in rows.items():
            if value is None:
                delete(prefix + key, family)
            else:
                put(prefix + key, value, family)

    def position(self, stage: str, tp: TP, offset: int) -> None:
        """Move a stage to `offset` of a source partition."""
        self.raw.put(
            POSITION + self._book.prefix(tp) + stage.encode(),
            NUMBER.pack(offset),
            self._store.h_meta,
        )
        self.positions.append((stage, tp, offset))

    def seal(self) -> None:
        """Add the new ends; nothing may be added afterwards."""
        for tp, end in self.ends.items():
            key = END + PREFIX.pack(self._book.topic(tp.topic).id, tp.partition)
            self.raw.put(key, NUMBER.pack(end), self._store.h_meta)
