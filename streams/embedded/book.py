"""What the embedded log knows about itself, held in memory and reloaded from the store."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from streams.embedded.layout import (
    BEGIN,
    CLEAN,
    END,
    LOG_KEY,
    POSITION,
    PREFIX,
    TOPIC,
    number,
)
from streams.embedded.scanning import following, scan
from streams.embedded.store import Store, corrupt_message
from streams.errors import SetupError
from streams.log import TP, LogCorruptError, Topic, UndeclaredError


@dataclass(frozen=True, slots=True)
class StoredTopic:
    """A topic as stored; `id` stands for its name in keys, `retention_s` None is for ever."""

    id: int
    partitions: int
    compact: bool
    retention_s: float | None


class Book:
    """
    Topics, and per partition: begin, end, what is on disk, what is compacted, stage positions.

    `ends` is what is written, `durable` what a reader outside may see. `positions` holds, per
    stage, the next offset of each source partition.
    """

    def __init__(self, store: Store, *, sync: bool) -> None:
        self._store = store
        self._sync = sync
        self.topics: dict[str, StoredTopic] = {}
        self.begin: dict[TP, int] = {}
        self.ends: dict[TP, int] = {}
        self.durable: dict[TP, int] = {}
        self.clean: dict[TP, int] = {}
        self.positions: dict[str, dict[TP, int]] = {}
        self.load()

    def load(self) -> None:
        """Read everything from the store; what is read there survived, so it is durable."""
        for raw_name, raw in _entries(self._store.db, TOPIC):
            self.topics[raw_name.decode()] = StoredTopic(**json.loads(raw))
        for name, topic in self.topics.items():
            self._load_partitions(name, topic)
        self.durable = self.ends.copy() if self._sync else self.ends
        self._load_positions()

    def _load_partitions(self, name: str, topic: StoredTopic) -> None:
        for partition in range(topic.partitions):
            tp, key = TP(name, partition), PREFIX.pack(topic.id, partition)
            begin, end, clean = self._store.db.get([BEGIN + key, END + key, CLEAN + key])
            self.begin[tp] = number(begin)
            self.ends[tp] = number(end)
            self.clean[tp] = number(clean)
            self._refuse_records_behind(tp, LOG_KEY.pack(topic.id, partition, self.ends[tp]))

    def _refuse_records_behind(self, tp: TP, end_key: bytes) -> None:
        # Appending would overwrite them: the ends were lost, by a repair for example.
        stop = following(end_key[: PREFIX.size])
        if next(scan(self._store.log, end_key, stop), None) is not None:
            damage = f"{tp.topic}/{tp.partition} has records behind its end {self.ends[tp]}"
            raise LogCorruptError(corrupt_message(self._store.path, damage))

    def _load_positions(self) -> None:
        names = {topic.id: name for name, topic in self.topics.items()}
        self.positions = {}
        for key, raw in _entries(self._store.db, POSITION):
            topic_id, partition = PREFIX.unpack_from(key)
            stage, tp = key[PREFIX.size :].decode(), TP(names[topic_id], partition)
            self.positions.setdefault(stage, {})[tp] = number(raw)

    def create(self, topics: Iterable[Topic]) -> None:
        """
        Add what is missing and take over changed settings.

        Raises:
            SetupError: a topic exists with another number of partitions.
        """
        for topic in topics:
            known = self.topics.get(topic.name)
            if known is not None and known.partitions != topic.partitions:
                raise SetupError(
                    f"topic {topic.name} has {known.partitions} partitions and the setting "
                    f"asks for {topic.partitions}; the number of lanes never changes: set it "
                    "back, or begin a new log"
                )
            topic_id = known.id if known else len(self.topics) + 1
            stored = StoredTopic(topic_id, topic.partitions, topic.compact, topic.retention_s)
            if stored == known:
                continue
            self._store.db.put(TOPIC + topic.name.encode(), json.dumps(asdict(stored)).encode())
            self.topics[topic.name] = stored
            if known is None:
                self._load_partitions(topic.name, stored)
                self.durable.update({tp: self.ends[tp] for tp in self.of(topic.name)})

    def topic(self, name: str) -> StoredTopic:
        """
        Return a topic by its name.

        Raises:
            UndeclaredError: nobody created it.
        """
        try:
            return self.topics[name]
        except KeyError:
            raise UndeclaredError(f"topic {name} does not exist; create it first") from None

    def of(self, name: str) -> list[TP]:
        """Return the partitions of a topic."""
        return [TP(name, partition) for partition in range(self.topic(name).partitions)]

    def prefix(self, tp: TP) -> bytes:
        """Return the beginning of all keys of a partition."""
        return PREFIX.pack(self.topic(tp.topic).id, tp.partition)

    def position(self, stage: str, tp: TP) -> int:
        """Return the next offset of a stage; the begin where it has committed nothing."""
        return self.positions.get(stage, {}).get(tp, self.begin[tp])

    def floor(self, tp: TP) -> int:
        """Return the offset up to which every stage that ever read the partition is done."""
        readers = [known[tp] for known in self.positions.values() if tp in known]
        return min(readers, default=self.ends[tp])


def _entries(db: Any, letter: bytes) -> Iterable[tuple[bytes, bytes]]:
    for key, raw in scan(db, letter, following(letter)):
        yield key[1:], raw
