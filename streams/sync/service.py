"""
When accounts are polled, and by which process.

Every connected account has one runner at most: it is in the process that has the account's
lane, and ends when the lane leaves. What is asked for (commands) and what a crash or a move of
the lane interrupted goes first, then the regular run when it is due. All that must survive is
in the log: a command becomes the begin of a run before its offset is committed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

import structlog

from connectors.contract import Connector
from schemas.account import Account, AccountStatus
from schemas.codec import UndecodableError, decode, unpack
from schemas.sync import Command, CommandKind, SyncRun
from streams.log import DeadLetter, Effects, LogUnavailableError, Record, lane_of
from streams.sync.circuit import Standing, is_open, provider_is_open, provider_probe_due
from streams.sync.days import DayChecks
from streams.sync.desk import Desk, Hold
from streams.sync.plan import (
    Order,
    daily,
    daily_is_due,
    history_of,
    next_due,
    ordered,
    resumed,
    scheduled,
)
from streams.sync.run import SyncRunner
from streams.views import NotReadyError, NotSettledError, Views

logger = structlog.get_logger(__name__)

STAGE = "normalise"
"""The stage that keeps the runs; who has its lane polls the lane's accounts."""
TICK_S, HOLD_S = 0.5, 0.02
CATCH_UP_S = 5.0
"""How long a lane that came is waited for before it is asked again."""


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
    daily_days: int
    reconcile_after_s: int
    circuit_failures: int
    concurrent_syncs: int


class SyncService:
    """
    Polls the accounts of this process; start it after the lanes are open.

    Args:
        views: of the lanes that this process has.
        tenure: what stands for its hold of a lane, None while another process has it.
    """

    def __init__(
        self,
        *,
        accounts: Accounts,
        connectors: Mapping[str, Connector],
        runner: SyncRunner,
        days: DayChecks,
        views: Views,
        settings: SyncSettings,
        clock: Callable[[], datetime],
        tenure: Callable[[int], object | None],
    ) -> None:
        self._accounts = accounts
        self._connectors = connectors
        self._runner = runner
        self._days = days
        self._views = views
        self._settings = settings
        self._clock = clock
        self._tenure = tenure
        self._holds: dict[int, Hold] = {}
        self._probes: dict[str, datetime | None] = {}
        self._gate = asyncio.Semaphore(settings.concurrent_syncs)
        self._loop: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    async def start(self) -> None:
        """Begin to poll."""
        self._loop = asyncio.create_task(self._run(), name="sync-schedule")

    async def stop(self) -> None:
        """Interrupt what runs; it is resumed from the log at the next start."""
        tasks = [task for hold in self._holds.values() for task in hold.tasks()]
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

    def look_again(self) -> None:
        """Lanes came or left: see which accounts are ours now."""
        self._wake.set()

    async def _accept(self, account: Account, command: Command) -> None:
        desk = await self._current_desk(account)
        lookback = self._connectors[account.provider].lookback_s
        if command.kind is CommandKind.RECONCILE:
            await self._days.ask(account, desk.days, command)
            self._wake.set()
            return
        order = ordered(command, account, desk.history, lookback, self._settings)
        if order.sync_id in desk.known:
            return
        begun = await self._runner.begin(account, order, watermark=desk.watermark)
        (await self._current_desk(account)).take(begun)
        self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            self._probes.clear()
            now = self._clock()
            for lane in list(self._holds):
                self._hold(lane)
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
        hold = self._hold(self._lane(account))
        if hold is None:
            return
        desk = self._desk(account, hold)
        if desk.task is not None and not desk.task.done():
            return
        desk.forgive(account)
        if desk.pending:
            order = desk.pending.popleft()
        elif desk.due is None or desk.due <= now:
            if self._held_back(account, now):
                return
            lookback = self._connectors[account.provider].lookback_s
            order = scheduled(account, desk.history, now, lookback)
        elif (day := self._daily_due(account, desk, now)) is not None:
            order = daily(day, account, now, self._settings.daily_days)
        else:
            self._compare(account, hold, desk, now)
            return
        desk.last_at = now
        desk.task = asyncio.create_task(
            self._carry_out(account, hold, desk, order), name=f"sync-{account.account_id}"
        )

    # -- circuits

    def open_circuits(self) -> dict[tuple[str, str], int]:
        """Return how many circuits are open, by provider and scope (account, provider)."""
        found: dict[tuple[str, str], int] = {}
        for provider in self._connectors:
            standings = self._standings(provider)
            opens = self._settings.circuit_failures
            found[provider, "account"] = sum(is_open(it.failures, opens) for it in standings)
            found[provider, "provider"] = int(provider_is_open(standings))
        return found

    def _held_back(self, account: Account, now: datetime) -> bool:
        """Say whether an account waits because most of its provider's accounts fail."""
        if account.provider not in self._probes:
            standings = self._standings(account.provider)
            self._probes[account.provider] = provider_probe_due(standings)
        due = self._probes[account.provider]
        if due is not None and due <= now:
            del self._probes[account.provider]  # it is the probe: the others wait for it
            return False
        return due is not None

    def _standings(self, provider: str) -> list[Standing]:
        """Return how the accounts stand that this process polls; from the log at first."""
        found = []
        for account in self._accounts.all_accounts():
            hold = self._holds.get(self._lane(account))
            if account.provider != provider or hold is None or not hold.is_current:
                continue
            with contextlib.suppress(NotReadyError):
                found.append(self._desk(account, hold).standing)
        return found

    # -- days

    def _daily_due(self, account: Account, desk: Desk, now: datetime) -> date | None:
        if desk.failures:
            return None
        after_s, days = self._settings.reconcile_after_s, self._settings.daily_days
        return daily_is_due(account, desk.daily_done, now, after_s=after_s, days=days)

    def _compare(self, account: Account, hold: Hold, desk: Desk, now: datetime) -> None:
        """Compare a day, if there is one to compare."""
        day = None if desk.failures else self._days.next(account, desk.days, now)
        if day is not None:
            desk.task = asyncio.create_task(
                self._check(account, hold, desk, day), name=f"compare-{account.account_id}"
            )

    async def _check(self, account: Account, hold: Hold, desk: Desk, day: date) -> None:
        connector = self._connectors[account.provider]
        try:
            async with self._gate:
                await self._days.check(
                    account, connector, desk.days, day, watermark=desk.watermark
                )
        except LogUnavailableError:
            await asyncio.sleep(TICK_S)
            self._forget(account, hold)
            return
        except Exception:
            logger.exception("comparison_failed", account_id=account.account_id)
            desk.days.failed(self._clock())
        self._wake.set()

    async def _carry_out(self, account: Account, hold: Hold, desk: Desk, order: Order) -> None:
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
            await asyncio.sleep(TICK_S)
            self._forget(account, hold)
            return
        known = self._accounts.account(account.account_id) or account
        desk.failed_with = b"" if done else known.credentials
        desk.failures = 0 if done else desk.failures + 1
        desk.complete_before |= done
        desk.note_daily(order, done=done)
        if not order.kind.looks_back:
            if done:
                desk.watermark = max(order.until, desk.watermark or order.until)
            self._plan(account, desk, order.started_at)
        self._wake.set()

    def _plan(self, account: Account, desk: Desk, started_at: datetime) -> None:
        desk.due = next_due(
            started_at,
            desk.failures,
            interval_s=account.sync_interval_s,
            quick_retries=self._settings.sync_retries,
            opens_after=self._settings.circuit_failures,
        )

    # -- lanes

    def _lane(self, account: Account) -> int:
        return lane_of(account.account_id.encode(), self._settings.lanes)

    def _hold(self, lane: int) -> Hold | None:
        """Return the desks of a lane that is ours and current; one that left is dropped."""
        tenure, hold = self._tenure(lane), self._holds.get(lane)
        if hold is not None and hold.tenure is not tenure:
            del self._holds[lane]
            for task in hold.tasks():
                task.cancel()
            logger.info("lane_polls_dropped", lane=lane, accounts=len(hold.desks))
            hold = None
        if tenure is None:
            return None
        if hold is None:
            hold = self._holds[lane] = Hold(tenure)
            self._begin_to_catch_up(lane, hold)
        return hold if hold.is_current else None

    def _forget(self, account: Account, hold: Hold) -> None:
        """
        Have the account's desk set up anew from the log.

        Only the log knows whether a write that failed is in it after all: a run that has ended
        there must not be carried on, or it would bring what its counts no longer say.
        """
        hold.desks.pop(account.account_id, None)
        hold.is_current = False
        if hold.catching_up is not None:
            hold.catching_up.cancel()
        self._begin_to_catch_up(self._lane(account), hold)

    def _begin_to_catch_up(self, lane: int, hold: Hold) -> None:
        hold.catching_up = asyncio.create_task(
            self._catch_up(lane, hold), name=f"catch-up-{lane}"
        )

    async def _catch_up(self, lane: int, hold: Hold) -> None:
        while not hold.is_current:
            try:
                await self._views.settle([lane], CATCH_UP_S, stages=(STAGE,))
            except (NotSettledError, NotReadyError):
                await asyncio.sleep(TICK_S)
            else:
                hold.is_current = True
        self._wake.set()

    async def _current_desk(self, account: Account) -> Desk:
        while (hold := self._hold(self._lane(account))) is None:  # noqa: ASYNC110
            await asyncio.sleep(HOLD_S)
        return self._desk(account, hold)

    def _desk(self, account: Account, hold: Hold) -> Desk:
        """Return the account's desk; the first time it is set up from the log."""
        found = hold.desks.get(account.account_id)
        if found is not None:
            return found
        runs = self._runs(account)
        history = history_of(runs)
        self._runner.remember(account, history.bookmark)
        desk = hold.desks[account.account_id] = Desk(history, self._days.desk(account))
        if history.last_started is not None:
            self._plan(account, desk, history.last_started)
        for run in history.unfinished:
            desk.take(resumed(run))
        desk.known.update(run.sync_id for run in runs)
        return desk

    def _runs(self, account: Account) -> list[SyncRun]:
        prefix = f"{account.account_id}/".encode()
        rows = self._views.scan(f"{STAGE}.syncs", self._lane(account), prefix)
        return [unpack(SyncRun, row) for _, row in rows]
