"""
Run the raw history through today's connectors.

The differences are handed to `normalise` as control records that carry the parts as they are
read today; it replaces the known ones of the same version and emits what changes as new
revisions. So a replay is itself an event of the log, and a second one changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from connectors.contract import Connector, Parts
from schemas import topics
from schemas.account import Account
from schemas.codec import UndecodableError, decode, unpack
from schemas.part import Part
from schemas.raw import Channel, RawEvent
from schemas.sealing import SealBrokenError, Sealer
from schemas.transaction import Transaction, counts
from streams.ingest import Ingest
from streams.log import TP, EventLog, Record
from streams.reading import records_of
from streams.shop import shop_of
from streams.stages.bundle import Bundle
from streams.stages.controls import REPLAY, Replayed
from streams.stages.reading import row_key
from streams.sync.service import Accounts
from streams.views import Views

BATCH = 20_000
"""Raw events whose parts are held in memory at a time."""

PIECE = 100
"""Raw events, transactions or records between two passes of the event loop."""


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which raw events to read again: by account and by the time they were received."""

    account_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def has(self, raw: RawEvent) -> bool:
        """Say whether a raw event belongs to the selection."""
        return (
            raw.channel is not Channel.CONTROL
            and raw.account_id != ""
            and self.account_id in (None, raw.account_id)
            and (self.since is None or raw.received_at >= self.since)
            and (self.until is None or raw.received_at < self.until)
        )


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One provider key that means something else today; amounts in minor units."""

    account_id: str
    transaction: str
    business_day: str
    kind: str
    total_before: int
    total_after: int


class Change(NamedTuple):
    """A difference, and the parts as they are read today, which make it."""

    difference: Difference
    parts: tuple[Part, ...]


class Batch(NamedTuple):
    """A piece of a lane's history; `upto` is the offset behind it, between begin and end."""

    lane: int
    begin: int
    upto: int
    end: int
    changes: list[Change]


class DaySum(msgspec.Struct, kw_only=True):
    """Differences of one account, day and kind, summed; amounts in minor units."""

    account_id: str
    business_day: str
    kind: str
    transactions: int = 0
    total_before: int = 0
    total_after: int = 0


def by_day(differences: Iterable[Difference]) -> list[DaySum]:
    """
    Sum differences up by account, day and kind.

    Args:
        differences: in the order they were found. Pieces of history may each tell one of the
            same transaction: it counts once, from the first total to the last.
    """
    whole: dict[tuple[str, str], Difference] = {}
    for one in differences:
        first = whole.setdefault((one.account_id, one.transaction), one)
        whole[one.account_id, one.transaction] = replace(one, total_before=first.total_before)
    sums: dict[tuple[str, str, str], DaySum] = {}
    for one in whole.values():
        name = (one.account_id, one.business_day, one.kind)
        day = sums.setdefault(
            name, DaySum(account_id=name[0], business_day=name[1], kind=name[2])
        )
        day.transactions += 1
        day.total_before += one.total_before
        day.total_after += one.total_after
    return [sums[name] for name in sorted(sums)]


class Replay:
    """A replay over one log."""

    def __init__(
        self,
        *,
        log: EventLog,
        lanes: int,
        views: Views,
        accounts: Accounts,
        connectors: Mapping[str, Connector],
        sealer: Sealer,
    ) -> None:
        self._log = log
        self._lanes = lanes
        self._views = views
        self._accounts = accounts
        self._connectors = connectors
        self._sealer = sealer

    async def batches(
        self, selection: Selection, start: Mapping[int, int]
    ) -> AsyncGenerator[Batch, None]:
        """
        Yield what would change, in pieces after each of which a replay may be taken up again.

        Args:
            start: the offset of `pos.raw` to begin at, by lane; the others begin at theirs.
        """
        for lane in range(self._lanes):
            batch = await self.batch(selection, lane, start.get(lane, 0))
            yield batch
            while batch.upto < batch.end:
                batch = await self.batch(selection, lane, batch.upto)
                yield batch

    async def batch(
        self, selection: Selection, lane: int, first: int, size: int = BATCH
    ) -> Batch:
        """
        Return what would change by the next raw events of a lane.

        Args:
            first: the offset to begin at. Behind the end it is of another log, and the lane
                begins anew.
            size: how many raw events, of the selection or not.
        """
        tp = TP(topics.RAW, lane)
        begin, end = (await self._log.bounds([tp]))[tp]
        first = begin if first > end else max(begin, first)
        known: dict[tuple[str, str], Bundle] = {}
        upto, read = end, 0
        async with aclosing(records_of(self._log, tp, first)) as records:
            async for record in records:
                account, parts = self._parts(record, selection)
                if account is not None:
                    for part in parts:
                        name = (account.account_id, part.transaction)
                        known.setdefault(name, Bundle()).take((part,), again=True)
                read += 1
                if read == size:
                    upto = record.offset + 1
                    break
                if read % PIECE == 0:
                    await asyncio.sleep(0)
        return Batch(lane, begin, upto, end, await self._compare(lane, known))

    async def apply(self, changes: Iterable[Change], ingest: Ingest) -> None:
        """Hand changes to `normalise`."""
        bodies: dict[str, list[bytes]] = {}
        for found, parts in changes:
            body = msgspec.msgpack.encode(Replayed(found.transaction, parts))
            bodies.setdefault(found.account_id, []).append(body)
        for account_id, given in bodies.items():
            account = self._accounts.account(account_id)
            if account is None:
                continue
            for at in range(0, len(given), PIECE):
                await ingest.append(account, Channel.CONTROL, REPLAY, given[at : at + PIECE])

    def _parts(
        self, record: Record, selection: Selection
    ) -> tuple[Account | None, tuple[Part, ...]]:
        """Read one raw event as `normalise` would; what it would reject tells nothing here."""
        if record.value is None:
            return None, ()
        try:
            raw = decode(RawEvent, record.value)
            if not selection.has(raw):
                return None, ()
            body = self._sealer.open(raw.body, tenant=raw.tenant_id, record=raw.raw_id)
        except (UndecodableError, SealBrokenError):
            return None, ()
        account = self._accounts.account(raw.account_id)
        connector = self._connectors.get(raw.provider)
        if account is None or connector is None:
            return None, ()
        outcome = connector.read(replace(raw, body=body), shop_of(account))
        return (account, outcome.parts) if isinstance(outcome, Parts) else (None, ())

    async def _compare(self, lane: int, read: Mapping[tuple[str, str], Bundle]) -> list[Change]:
        names, found = list(read), []
        for at in range(0, len(names), PIECE):
            piece = names[at : at + PIECE]
            keys = [row_key(*name) for name in piece]
            rows = self._views.get("normalise.parts", lane, keys)
            for name, row in zip(piece, rows, strict=True):
                bundle = Bundle() if row is None else unpack(Bundle, row)
                change = self._change(name, bundle, read[name])
                if change is not None:
                    found.append(change)
            await asyncio.sleep(0)
        return found

    def _change(self, name: tuple[str, str], bundle: Bundle, read: Bundle) -> Change | None:
        account = self._accounts.account(name[0])
        if account is None:
            return None
        parts = tuple(read.parts[part_id] for part_id in sorted(read.parts))
        before = bundle.transactions
        bundle.take(parts, again=True)
        connector = self._connectors[account.provider]
        after = connector.assemble(name[1], bundle.parts, shop_of(account))
        if _meaning(before) == _meaning(after):
            return None
        either = (*after, *before)[0]
        difference = Difference(
            account_id=account.account_id,
            transaction=name[1],
            business_day=either.business_day.isoformat(),
            kind=either.kind.value,
            total_before=_total(before),
            total_after=_total(after),
        )
        return Change(difference, parts)


def _meaning(transactions: tuple[Transaction, ...]) -> list[Transaction]:
    """Return the transactions without what replaying does not touch."""
    return [
        replace(
            tx,
            revision=0,
            customer=None,
            lines=tuple(replace(line, product_id=None) for line in tx.lines),
        )
        for tx in transactions
    ]


def _total(transactions: tuple[Transaction, ...]) -> int:
    return sum(tx.totals.total for tx in transactions if counts(tx))
