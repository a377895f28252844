"""
The comparison of business days: asked for in the log, done by the process that polls.

A day that has closed is compared once by itself; any day when it is asked for. What differs is
asked for again first (a run of kind resync) and compared again, before anybody is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Protocol

import msgspec
import structlog
from msgspec.structs import replace

from connectors.contract import Connector, ConnectorError
from projections.keys import day_row
from projections.reconcile import Comparison, compare
from schemas.account import Account
from schemas.codec import unpack
from schemas.raw import Channel
from schemas.reconciliation import MAX_NAMED, Agreement, Reconciliation
from schemas.rows import SalesDayRow
from schemas.sync import Command
from schemas.transaction import Transaction
from streams.ingest import Ingest
from streams.log import lane_of
from streams.stages.controls import RECONCILIATION
from streams.sync.ledger import ask_day
from streams.sync.plan import day_closed, days_between, second_look
from streams.sync.run import Exchanges, SyncRunner
from streams.views import NotSettledError, Views

logger = structlog.get_logger(__name__)

TABLE = "normalise.reconciliations"
SETTLE_S = 60.0
DAYS_MAX = 92
"""Days that one command may ask for; the rest of its range is left out."""

RETRY_S, RETRY_MAX_S = 300.0, 6 * 3600.0
"""Pause after a comparison that could not be made; twice as long each time."""


class DaySettings(Protocol):
    """What of the settings concerns comparisons."""

    lanes: int
    reconcile_after_s: int


class DayDesk:
    """Which days of one account are compared, and which are to be."""

    def __init__(self, rows: Mapping[date, Reconciliation]) -> None:
        self.open = {day for day, row in rows.items() if row.is_open}
        self.compared = {day for day, row in rows.items() if row.compared_at is not None}
        self.not_before: datetime | None = None
        self.troubles = 0

    def next(self, account: Account, now: datetime, after_s: int) -> date | None:
        """Return the day to compare now: one that was asked for, or the one that closed."""
        if self.not_before is not None and now < self.not_before:
            return None
        if self.open:
            return min(self.open)
        day = day_closed(account, now, after_s)
        known = day in self.compared or account.calendar.ends(day) <= account.created_at
        return None if known or not after_s else day

    def done(self, day: date) -> None:
        """Note that a day was compared."""
        self.open.discard(day)
        self.compared.add(day)
        self.troubles, self.not_before = 0, None

    def failed(self, now: datetime) -> None:
        """Note that a comparison could not be made."""
        wait = min(RETRY_S * 2 ** min(self.troubles, 16), RETRY_MAX_S)
        self.troubles += 1
        self.not_before = now + timedelta(seconds=wait)


class DayChecks:
    """Compares days; the caller sees to it that an account does one thing at a time."""

    def __init__(
        self,
        *,
        ingest: Ingest,
        exchanges: Exchanges,
        runner: SyncRunner,
        views: Views,
        settings: DaySettings,
        clock: Callable[[], datetime],
    ) -> None:
        self._ingest = ingest
        self._exchanges = exchanges
        self._runner = runner
        self._views = views
        self._settings = settings
        self._clock = clock

    def desk(self, account: Account) -> DayDesk:
        """Set up an account's desk from the log."""
        found = self._views.scan(TABLE, self._lane(account), f"{account.account_id}/".encode())
        rows = (unpack(Reconciliation, row) for _, row in found)
        return DayDesk({row.business_day: row for row in rows})

    def next(self, account: Account, desk: DayDesk, now: datetime) -> date | None:
        """Return the day to compare now, None where there is none."""
        return desk.next(account, now, self._settings.reconcile_after_s)

    async def ask(self, account: Account, desk: DayDesk, command: Command) -> None:
        """Put into the log that the days of a command's range are to be compared."""
        until = command.until or command.requested_at
        since = command.since or until - timedelta(microseconds=1)
        days = list(days_between(account, since, until))[:DAYS_MAX]
        for day in days:
            await self._say(account, _asked(account, day, command.requested_at))
        desk.open.update(days)

    async def check(
        self,
        account: Account,
        connector: Connector,
        desk: DayDesk,
        day: date,
        *,
        watermark: datetime | None,
    ) -> None:
        """
        Compare a day and say in the log what was found.

        Raises:
            LogUnavailableError: nothing could be written; the day is compared later.
        """
        asked = _asked(account, day, self._clock())
        try:
            found = await self._compared(account, connector, asked)
            if found.agreement is Agreement.DIFFERS:
                order = second_look(day, account, self._clock())
                await self._runner.run(
                    account, connector, order, watermark=watermark, failures=0
                )
                await self._settled(account)
                again = await self._compared(account, connector, asked)
                found = replace(again, sync_id=order.sync_id)
        except (ConnectorError, NotSettledError) as error:
            why = str(error) if isinstance(error, ConnectorError) else "the stages are behind"
            logger.warning("day_not_compared", account_id=account.account_id, day=str(day))
            desk.failed(self._clock())
            await self._say(account, replace(asked, error=why))
            return
        await self._say(account, found)
        desk.done(day)

    async def _compared(
        self, account: Account, connector: Connector, asked: Reconciliation
    ) -> Reconciliation:
        day, calendar = asked.business_day, account.calendar
        way = self._exchanges.of(account)
        theirs = await ask_day(account, connector, way, day, self._clock)
        await self._settled(account)
        row, bills = self._ours(account, day)
        edges = (calendar.begins(day), calendar.ends(day))
        found = compare(day, row, bills, theirs.bills, theirs.sums, edges)
        return _reconciled(asked, found, theirs.unreadable, self._clock())

    def _ours(
        self, account: Account, day: date
    ) -> tuple[SalesDayRow | None, list[Transaction]]:
        lane, key = self._lane(account), day_row(account.account_id, day)
        row = self._views.get("project.sales_days", lane, [key])[0]
        bills = self._views.scan("project.transactions", lane, key + b"/")
        return (
            None if row is None else unpack(SalesDayRow, row),
            [unpack(Transaction, bill) for _, bill in bills],
        )

    async def _settled(self, account: Account) -> None:
        """Wait until all that was brought shows, with what had to be fetched for it."""
        lane = [self._lane(account)]
        await self._views.settle(lane, SETTLE_S)
        await self._views.settle(lane, SETTLE_S, stages=("fetch",))
        await self._views.settle(lane, SETTLE_S)

    async def _say(self, account: Account, said: Reconciliation) -> None:
        body = msgspec.json.encode(said)
        await self._ingest.append(account, Channel.CONTROL, RECONCILIATION, (body,))

    def _lane(self, account: Account) -> int:
        return lane_of(account.account_id.encode(), self._settings.lanes)


def _asked(account: Account, day: date, at: datetime) -> Reconciliation:
    return Reconciliation(
        tenant_id=account.tenant_id,
        account_id=account.account_id,
        pos_provider=account.provider,
        business_day=day,
        asked_at=at,
    )


def _reconciled(
    asked: Reconciliation, found: Comparison, unreadable: int, at: datetime
) -> Reconciliation:
    return replace(
        asked,
        currency=found.currency,
        agreement=Agreement.AGREES if found.agrees else Agreement.DIFFERS,
        compared_at=at,
        figures_compared=found.figures_compared,
        transactions_compared=found.bills_compared,
        unreadable=unreadable,
        figures=found.figures,
        transactions=found.bills[:MAX_NAMED],
        transactions_differing=len(found.bills),
    )
