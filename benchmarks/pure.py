"""
The same work as a pure loop: how fast one core could be without being a system at all.

It reads the same bodies with the same connector, assembles the same transactions and folds the
same rows, chunk by chunk, over dicts. What it leaves out: the log and its fsync, Avro, sealing,
the packing of bundles and of the index of transactions, lanes, the event loop, and with all of
that durability, recovery, and anybody else who could read the results. (The folds pack their
rows themselves, so both have that.)
"""

from __future__ import annotations

import gc
from collections.abc import Sequence

from benchmarks.clock import Seconds
from benchmarks.corpus import LANES, Event, Till
from connectors.catalogue import CONNECTORS
from connectors.contract import Parts
from connectors.square.connector import SquareConnector
from projections.catalogue import fold_all
from projections.facts import gather
from schemas import topics
from schemas.account import Account
from schemas.transaction import Cause, TransactionChange
from streams.log import Effects, Out, Record
from streams.operations.rebuild import MemoryState
from streams.shop import shop_of
from streams.stages import normalise, project
from streams.stages.bundle import Bundle

CHUNK = 96


class PureLoop:
    """All state of the loop."""

    def __init__(self) -> None:
        self.square = SquareConnector()
        self.bundles: dict[tuple[str, str], Bundle] = {}
        self.state = MemoryState()
        self.transactions = 0

    def take(self, chunk: Sequence[Event], till: Till) -> None:
        """Read, assemble and fold one chunk."""
        touched: dict[tuple[str, str], tuple[Account, Cause]] = {}
        for event in chunk:
            raw = till.raw(event)
            told = self.square.read(raw, shop_of(event.account))
            assert isinstance(told, Parts)
            cause = Cause(raw_id=raw.raw_id, channel="poll", resource=raw.resource)
            for part in told.parts:
                key = (event.account.account_id, part.transaction)
                if self.bundles.setdefault(key, Bundle()).take((part,)):
                    touched[key] = (event.account, cause)
        self._fold(
            [
                change
                for key, (account, cause) in touched.items()
                for change in self.bundles[key].become(
                    self.square.assemble(key[1], self.bundles[key].parts, shop_of(account)),
                    cause,
                )
            ]
        )

    def _fold(self, changes: Sequence[TransactionChange]) -> None:
        self.transactions += sum(change.before is None for change in changes)
        books = fold_all(gather(changes, [], {}, {}), self.state)
        effects = Effects()
        for table, (key, _, packed) in books.written():
            effects.rows.setdefault(table, {})[key] = packed
        self.state.take(effects)


def pure_seconds(events: Sequence[Event], till: Till) -> tuple[Seconds, PureLoop]:
    """
    Run the loop; return seconds and what it made.

    Garbage collection is off: it would count the loop's own dicts again and again, and make
    the comparison look better than it is.
    """
    gc.collect()
    gc.disable()
    try:
        loop, began = PureLoop(), Seconds.now()
        for at in range(0, len(events), CHUNK):
            loop.take(events[at : at + CHUNK], till)
        return began.passed(), loop
    finally:
        gc.enable()


def step_seconds(
    outs: Sequence[Out], accounts: Sequence[Out], till: Till
) -> tuple[Seconds, int]:
    """
    Run the two real steps over what is in the log, in a loop over dicts.

    The same work as the stages do, sealing, Avro and packing with it; what is left out is the
    log alone: writing, fsync, commits, lanes, the event loop. Return seconds and changes.
    """
    normalise_step = normalise.normaliser(CONNECTORS, till.sealer)
    project_step = project.projector(LANES)
    first, second = MemoryState(), MemoryState()
    known = [_record(topics.ACCOUNTS, out) for out in accounts]
    for step, state in ((normalise_step, first), (project_step, second)):
        state.take(step(known, state))
    records = [_record(topics.RAW, out) for out in outs]
    gc.collect()
    gc.disable()
    try:
        began, count = Seconds.now(), 0
        for at in range(0, len(records), CHUNK):
            effects = normalise_step(records[at : at + CHUNK], first)
            first.take(effects)
            changes = [
                _record(topics.TRANSACTIONS, out)
                for out in effects.outputs.get(topics.TRANSACTIONS, ())
            ]
            count += len(changes)
            second.take(project_step(changes, second))
        return began.passed(), count
    finally:
        gc.enable()


def _record(topic: str, out: Out) -> Record:
    return Record(topic, 0, 0, 0, out.key, out.value, out.headers)
