"""
One lane of one stage on Kafka: a commit is one transaction, then one write of the local state.

Taking a lane over: the producer's `init_transactions` fences the previous owner and ends what
it left open; only then are the committed positions final; then the tables are folded up to
what is committed. Positions are known twice: to the group, and as a header beside the rows in
the changelog, because groups forget (offsets.retention.minutes) and answers can be wrong.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from streams.errors import SetupError
from streams.kafka.batches import Entry, Sent, arrived, send
from streams.kafka.clients import stop_quietly
from streams.kafka.folding import WITNESS, Folding
from streams.kafka.state import State
from streams.log import TP, Effects, FencedError, LogUnavailableError, StageSpec, rejection

if TYPE_CHECKING:
    from streams.kafka.log import KafkaLog

logger = structlog.get_logger(__name__)

_Entries = dict[TP, list[Entry]]


class KafkaLane:
    """A `LaneLog`; `state` holds the tables, complete once `open` has returned."""

    def __init__(self, log: KafkaLog, spec: StageSpec, partition: int) -> None:
        self.spec = spec
        self.partition = partition
        self.positions: dict[str, int] = {}
        self.recovered = 0
        self.state: State | None = None
        self.committed_s = time.monotonic()
        self._log = log
        self._producer: Any = None
        self._busy = asyncio.Lock()
        self._failed = False
        self._ends: dict[str, int] = {}
        self._logged = {table.name: table for table in spec.tables if table.fold is None}
        # Tables rebuilt from records of our own, by changelog; the others are sources.
        self._own = [table for table in spec.tables if table.changelog not in spec.sources]

    @classmethod
    async def open(cls, log: KafkaLog, spec: StageSpec, partition: int) -> KafkaLane:
        """
        Take the lane over and have its tables complete.

        Raises:
            KafkaError: the brokers do not answer as they should; try again.
            SetupError: a source ends before what the stage has processed.
        """
        lane = cls(log, spec, partition)
        try:
            await lane._take_over()
        except BaseException:
            await lane.close()
            raise
        log.opened(lane)
        return lane

    async def _take_over(self) -> None:
        log, spec = self._log, self.spec
        self._producer = log.clients.producer(log.transactional_id(spec.name, self.partition))
        await self._producer.start()
        sources = [TP(topic, self.partition) for topic in spec.sources]
        committed = await log.offsets.fetch(log.group(spec.name), sources)
        self.state = log.open_state(spec, self.partition)
        folding = Folding(log, spec, self.partition, self.state)
        witness = await folding.own(self._own)
        known = {
            tp.topic: max(
                offset or 0, witness.get(tp.topic, 0), self.state.sources().get(tp.topic, 0)
            )
            for tp, offset in committed.items()
        }
        self._compare(known, {tp.topic: offset for tp, offset in committed.items()})
        self.positions = await self._bounded(known)
        await self._source_tables(folding)
        self.recovered = folding.recovered
        self._ends = folding.ends
        # Also keeps the positions of a quiet lane from expiring.
        await self.commit(Effects(), self.positions)

    def _compare(self, known: Mapping[str, int], committed: Mapping[str, int | None]) -> None:
        for topic, offset in known.items():
            if offset > (committed[topic] or 0):
                logger.error(
                    "positions-lost",
                    stage=self.spec.name,
                    lane=self.partition,
                    topic=topic,
                    group=committed[topic],
                    witness=offset,
                )

    async def _bounded(self, known: Mapping[str, int]) -> dict[str, int]:
        """Return positions that the log still has; what retention took is told, loudly."""
        bounds = await self._log.bounds([TP(topic, self.partition) for topic in known])
        positions: dict[str, int] = {}
        for tp, (begin, end) in bounds.items():
            position = known[tp.topic]
            if position > end:
                raise SetupError(
                    f"{tp.topic}/{tp.partition} ends at {end} and stage {self.spec.name} has "
                    f"processed up to {position}: the topic was made anew. Restore it, or "
                    f"delete group {self._log.group(self.spec.name)} and the topics it writes"
                )
            if position < begin and position:
                logger.error(
                    "records-expired",
                    stage=self.spec.name,
                    topic=tp.topic,
                    lane=tp.partition,
                    count=begin - position,
                )
            positions[tp.topic] = max(position, begin)
        return positions

    async def _source_tables(self, folding: Folding) -> None:
        """Fold sources up to the stage's positions, or to their ends where they catch up."""
        tables = [table for table in self.spec.tables if table.changelog in self.spec.sources]
        await folding.sources(tables, self.positions)
        late = [table for table in tables if table.catch_up]
        bounds = await self._log.bounds([TP(each.changelog, self.partition) for each in late])
        ends = {tp.topic: end for tp, (_, end) in bounds.items()}
        if any(end > self.positions[topic] for topic, end in ends.items()):
            # First the positions: state that is ahead of them would be taken for damaged.
            self.positions = {**self.positions, **ends}
            await self._transact({}, self.positions)
            await folding.sources(late, self.positions)

    # -- work

    def _open_state(self) -> State:
        if self.state is None:
            raise RuntimeError("the lane is closed")
        return self.state

    def get(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the row of each key, None where there is none."""
        return self._open_state().get(table, keys)

    def scan(self, table: str, prefix: bytes) -> dict[bytes, bytes]:
        """Return all rows whose key begins with `prefix`, in key order."""
        return dict(self._open_state().scan(table, prefix))

    async def commit(self, effects: Effects, positions: Mapping[str, int]) -> None:
        """
        Make all of it true in one transaction, then in the local state.

        Raises:
            FencedError: the lane has another owner; nothing became true.
        """
        async with self._busy:
            try:
                ends = await self._transact(self._entries(effects, positions), positions)
            except (ProducerFenced, InvalidProducerEpoch) as error:
                self._failed = True
                raise FencedError(f"{type(error).__name__}: {error}") from error
            except BaseException:
                self._failed = True
                raise
            self.positions = dict(positions)
            for topic in self._ends:
                self._ends[topic] = ends.get(TP(topic, self.partition), self._ends[topic])
            self.committed_s = time.monotonic()
            self._open_state().write(effects.rows, self._reached(ends), self.positions)
        self._log.wake()

    async def _transact(self, entries: _Entries, positions: Mapping[str, int]) -> dict[TP, int]:
        producer, sent = self._producer, dict[TP, list[Sent]]()
        await producer.begin_transaction()
        for tp, batch in entries.items():
            sent[tp] = await send(producer, tp, batch)
        offsets = {TP(topic, self.partition): offset for topic, offset in positions.items()}
        if offsets:
            await producer.send_offsets_to_transaction(
                self._log.offsets_of(offsets), self._log.group(self.spec.name)
            )
        # aiokafka commits happily although a batch of the transaction has failed.
        ends = {tp: await arrived(batches) for tp, batches in sent.items()}
        await producer.commit_transaction()
        return ends

    def _entries(self, effects: Effects, positions: Mapping[str, int]) -> _Entries:
        """Return what to append, by partition."""
        spec, here = self.spec, self.partition
        entries: _Entries = {}
        for topic, outs in effects.outputs.items():
            for out in outs:
                lane = here if out.lane is None else out.lane
                entry = Entry(out.key, out.value, out.headers)
                entries.setdefault(TP(topic, lane), []).append(entry)
        for name, rows in effects.rows.items():
            if rows and (table := self._logged.get(name)):
                changed = [Entry(key, value) for key, value in rows.items()]
                entries.setdefault(TP(table.changelog, here), []).extend(changed)
        if effects.rejected and spec.rejected is not None:
            letters = [rejection(spec.name, letter) for letter in effects.rejected]
            dead = [Entry(out.key, out.value, out.headers) for out in letters]
            entries.setdefault(TP(spec.rejected, here), []).extend(dead)
        self._bear_witness(entries, positions)
        return entries

    def _bear_witness(self, entries: _Entries, positions: Mapping[str, int]) -> None:
        for table in self._own:
            if last := entries.get(TP(table.changelog, self.partition)):
                header = (WITNESS, msgspec.json.encode(positions))
                last[-1] = last[-1]._replace(headers=[*last[-1].headers, header])
                return

    def _reached(self, ends: Mapping[TP, int]) -> dict[str, int]:
        """Return how far each table reflects its changelog now."""
        reached = {
            table.name: end
            for table in self._own
            if (end := ends.get(TP(table.changelog, self.partition))) is not None
        }
        for table in self.spec.tables:
            if table.changelog in self.spec.sources:
                reached[table.name] = self.positions[table.changelog]
        return reached

    async def renew(self) -> None:
        """Commit the positions once more, or the group would forget those of a quiet lane."""
        if not self._busy.locked() and not self._failed and self._producer is not None:
            await self.commit(Effects(), self.positions)

    async def prove(self) -> None:
        """
        Show that nobody else has opened the lane, by a commit that changes nothing.

        Raises:
            FencedError: somebody has.
            LogUnavailableError: the brokers do not answer.
        """
        try:
            await self.commit(Effects(), self.positions)
        except KafkaError as error:
            raise LogUnavailableError(f"lane not proven: {type(error).__name__}") from error

    def is_outrun(self, ends: Mapping[TP, int]) -> bool:
        """Say whether others have written to our changelogs; one marker ends our own writes."""
        return not self._busy.locked() and any(
            ends.get(TP(topic, self.partition), 0) > end + 1
            for topic, end in self._ends.items()
        )

    # -- end

    def wipe(self) -> None:
        """Forget the local state; the next opening folds it anew."""
        if self.state is not None:
            self.state.wipe()

    async def close(self) -> None:
        """Give the lane up; an open transaction is ended by the next owner."""
        self._log.closed(self)
        producer, self._producer = self._producer, None
        state, self.state = self.state, None
        if state is not None:
            state.close()
        if producer is not None:
            await stop_quietly(producer)
