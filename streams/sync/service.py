"""
When accounts are polled.

Every connected account has one runner at most. What is asked for (commands) and what a crash
interrupted goes first, then the regular run when it is due. All that must survive a crash is in
the log: a command becomes the begin of a run before its offset is committed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from connectors.contract import Connector
from schemas.account import Account, AccountStatus
from schemas.codec import UndecodableError, decode, unpack
from schemas.sync import Command, SyncKind, SyncRun
from streams.log import DeadLetter, Effects, LogUnavailableError, Record, lane_of
from streams.sync.plan import History, Order, history_of, next_due, ordered, resumed, scheduled
from streams.sync.run import SyncRunner
from streams.views import NotReadyError, Views

logger = structlog.get_logger(__name__)

TICK_S = 0.5
MAX_PENDING = 100
"""Orders waiting for one account; more are refused, and stay in the command's topic."""


class Accounts(Protocol):
    """The accounts that this process polls."""

    def all_accounts(self) -> Sequence[Account]:
        """Return every account known."""
        ...

    def account(self, account_id: str) -> Account | None:
        """Return one account."""
        ...


class SyncSettings(Protocol):
    """What of the settings concerns polling."""

    lanes: int
    sync_retries: int
    history_days: int
    concurrent_syncs: int


class _Desk:
    """What is going on with one account."""

    def __init__(self, history: History) -> None:
        self.watermark = history.watermark
        self.failures = history.failures
        self.complete_before = history.complete_before
        self.due: datetime | None = None
        self.pending: deque[Order] = deque(maxlen=MAX_PENDING)
        self.known: set[str] = set()
        self.task: asyncio.Task[None] | None = None

    @property
    def history(self) -> History:
        return History(
            watermark=self.watermark,
            failures=self.failures,
            complete_before=self.complete_before,
        )


class SyncService:
    """Polls the accounts of this process; start it after the lanes are open."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        connectors: Mapping[str, Connector],
        runner: SyncRunner,
        views: Views,
        settings: SyncSettings,
        clock: Callable[[], datetime],
    ) -> None:
        self._accounts = accounts
        self._connectors = connectors
        self._runner = runner
        self._views = views
        self._settings = settings
        self._clock = clock
        self._desks: dict[str, _Desk] = {}
        self._gate = asyncio.Semaphore(settings.concurrent_syncs)
        self._loop: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    async def start(self) -> None:
        """Begin to poll."""
        self._loop = asyncio.create_task(self._run(), name="sync-schedule")

    async def stop(self) -> None:
        """Interrupt what runs; it is resumed from the log at the next start."""
        tasks = [desk.task for desk in self._desks.values() if desk.task is not None]
        if self._loop is not None:
            tasks.append(self._loop)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def handle(self, records: Sequence[Record]) -> Effects:
        """Handle commands: the step of the stage `commands`, at least once each."""
        effects = Effects()
        for record in records:
            if record.value is None:
                continue
            try:
                command = decode(Command, record.value)
            except UndecodableError as error:
                effects.rejected.append(DeadLetter(record, "undecodable", str(error)))
                continue
            account = self._accounts.account(command.account_id)
            if account is None or account.provider not in self._connectors:
                reason = "no account of that id; connect it, then redrive"
                effects.rejected.append(DeadLetter(record, "unknown-account", reason))
                continue
            await self._accept(account, command)
        return effects

    def next_due(self, account_id: str) -> datetime | None:
        """Return when the account's next regular run is due."""
        desk = self._desks.get(account_id)
        return None if desk is None else desk.due

    async def _accept(self, account: Account, command: Command) -> None:
        desk = self._desk(account)
        lookback = self._connectors[account.provider].lookback_s
        order = ordered(command, account, desk.history, lookback, self._settings.history_days)
        if order.sync_id in desk.known:
            return
        desk.known.add(order.sync_id)
        begun = await self._runner.begin(account, order, watermark=desk.watermark)
        desk.pending.append(begun)
        self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            now = self._clock()
            for account in self._accounts.all_accounts():
                if account.provider in self._connectors:
                    self._look_at_safely(account, now)
            # not wait_for: in Python 3.11 it loses a cancellation that meets its result
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._wake.wait()

    def _look_at_safely(self, account: Account, now: datetime) -> None:
        """Look at one account; whatever is wrong with it must not end the polling of others."""
        try:
            self._look_at(account, now)
        except NotReadyError:
            return  # its runs are being rebuilt from the log: the next look finds them
        except Exception:
            logger.exception("schedule_failed", account_id=account.account_id)

    def _look_at(self, account: Account, now: datetime) -> None:
        """Start what is due for one account, unless something of it runs."""
        if account.status is not AccountStatus.CONNECTED:
            return
        desk = self._desk(account)
        if desk.task is not None and not desk.task.done():
            return
        if desk.pending:
            order = desk.pending.popleft()
        elif desk.due is None or desk.due <= now:
            lookback = self._connectors[account.provider].lookback_s
            order = scheduled(account, desk.history, now, lookback)
        else:
            return
        desk.task = asyncio.create_task(
            self._carry_out(account, desk, order), name=f"sync-{account.account_id}"
        )

    async def _carry_out(self, account: Account, desk: _Desk, order: Order) -> None:
        connector = self._connectors[account.provider]
        try:
            async with self._gate:
                done = await self._runner.run(
                    account,
                    connector,
                    order,
                    watermark=desk.watermark,
                    failures=desk.failures,
                )
        except LogUnavailableError:
            logger.warning("sync_interrupted_log_unavailable", account_id=account.account_id)
            desk.pending.appendleft(order)
            await asyncio.sleep(TICK_S)
            return
        desk.failures = 0 if done else desk.failures + 1
        desk.complete_before |= done
        if order.kind is not SyncKind.HISTORICAL:
            if done:
                desk.watermark = max(order.until, desk.watermark or order.until)
            self._plan(account, desk, order.started_at)
        self._wake.set()

    def _plan(self, account: Account, desk: _Desk, started_at: datetime) -> None:
        desk.due = next_due(
            started_at,
            desk.failures,
            interval_s=account.sync_interval_s,
            quick_retries=self._settings.sync_retries,
        )

    def _desk(self, account: Account) -> _Desk:
        """Return the account's desk; the first time it is set up from the log."""
        found = self._desks.get(account.account_id)
        if found is not None:
            return found
        history = history_of(self._runs(account.account_id))
        desk = self._desks[account.account_id] = _Desk(history)
        if history.last_started is not None:
            self._plan(account, desk, history.last_started)
        for run in history.unfinished:
            desk.known.add(run.sync_id)
            desk.pending.append(resumed(run))
        return desk

    def _runs(self, account_id: str) -> list[SyncRun]:
        lane = lane_of(account_id.encode(), self._settings.lanes)
        rows = self._views.scan("normalise.syncs", lane, f"{account_id}/".encode())
        return [unpack(SyncRun, row) for _, row in rows]
