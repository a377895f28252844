"""
Run the raw history through today's connectors.

The differences are handed to `normalise` as control records that carry the parts as they are
read today; it replaces the known ones of the same version and emits what changes as new
revisions. So a replay is itself an event of the log, and a second one changes nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
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
    parts: tuple[Part, ...]


class Batch(NamedTuple):
    """A piece of a lane's history; `upto` is the offset behind it, between begin and end."""

    lane: int
    begin: int
    upto: int
    end: int
    differences: list[Difference]


class DaySum(msgspec.Struct, kw_only=True):
    """Differences of one account, day and kind, summed; amounts in minor units."""

    account_id: str
    business_day: str
    kind: str
    transactions: int = 0
    total_before: int = 0
    total_after: int = 0


def by_day(differences: Iterable[Difference]) -> list[DaySum]:
    """Sum differences up by account, day and kind."""
    sums: dict[tuple[str, str, str], DaySum] = {}
    for one in differences:
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

    async def differences(self, selection: Selection) -> AsyncIterator[Difference]:
        """Yield what would change, lane by lane; nothing is written."""
        async for batch in self.batches(selection, {}):
            for difference in batch.differences:
                yield difference

    async def batches(
        self, selection: Selection, start: Mapping[int, int]
    ) -> AsyncIterator[Batch]:
        """
        Yield what would change, in pieces after each of which a replay may be taken up again.

        Args:
            start: the offset of `pos.raw` to begin at, by lane; the others begin at theirs.
        """
        for lane in range(self._lanes):
            tp = TP(topics.RAW, lane)
            begin, end = (await self._log.bounds([tp]))[tp]
            first = start.get(lane, begin)
            known: dict[tuple[str, str], Bundle] = {}
            read = 0
            async for record in records_of(self._log, tp, first):
                account, parts = self._parts(record, selection)
                if account is not None:
                    for part in parts:
                        name = (account.account_id, part.transaction)
                        known.setdefault(name, Bundle()).take((part,), again=True)
                read += 1
                if read % BATCH == 0:
                    upto = record.offset + 1
                    yield Batch(lane, begin, upto, end, self._compare(lane, known))
                    known = {}
            yield Batch(lane, begin, max(first, end), end, self._compare(lane, known))

    async def apply(self, difference: Difference, ingest: Ingest) -> None:
        """Hand one difference to `normalise`."""
        account = self._accounts.account(difference.account_id)
        if account is None:
            return
        body = msgspec.msgpack.encode(Replayed(difference.transaction, difference.parts))
        await ingest.append(account, Channel.CONTROL, REPLAY, (body,))

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

    def _compare(self, lane: int, read: Mapping[tuple[str, str], Bundle]) -> list[Difference]:
        names = list(read)
        rows = self._views.get("normalise.parts", lane, [row_key(*name) for name in names])
        found = []
        for name, row in zip(names, rows, strict=True):
            bundle = Bundle() if row is None else unpack(Bundle, row)
            difference = self._difference(name, bundle, read[name])
            if difference is not None:
                found.append(difference)
        return found

    def _difference(
        self, name: tuple[str, str], bundle: Bundle, read: Bundle
    ) -> Difference | None:
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
        return Difference(
            account_id=account.account_id,
            transaction=name[1],
            business_day=either.business_day.isoformat(),
            kind=either.kind.value,
            total_before=_total(before),
            total_after=_total(after),
            parts=parts,
        )


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
