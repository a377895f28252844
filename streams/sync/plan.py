"""What a sync run is to do; pure, so that every decision can be tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Protocol

import msgspec

from schemas.account import Account
from schemas.sync import Command, CommandKind, SyncKind, SyncRun, SyncStatus
from streams.sync.circuit import pause_s

SLICE = timedelta(days=7)
"""How much history one slice asks for; an import goes on at the slice where it was stopped."""

FIRST_RETRY_S = 30.0

_DAILY, _CHECK = "daily-of-", "check-of-"
"""Names of our own runs about a business day; ids of commands do not begin so."""
DAILY_ATTEMPTS = 3
"""Daily looks at one day that may fail before it is given up."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """
    One run to carry out.

    Args:
        since, until: the window of the provider's time, half open.
        begun: its begin is already in the log (it is being resumed).
        snapshot: ask for the whole catalogue and stock first.
        fetched: bodies that an interrupted run had appended before.
        run_as, message: in whose name, and why, where a person said so.
    """

    sync_id: str
    kind: SyncKind
    started_at: datetime
    since: datetime
    until: datetime
    begun: bool = False
    snapshot: bool = False
    fetched: int = 0
    run_as: str | None = None
    message: str | None = None


class History(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the rows of an account's runs say.

    Args:
        watermark: everything the provider changed before it is in the log.
        failures: runs that failed in a row, up to now.
        daily_done: the last business day whose daily look has ended.
        unfinished: runs that a crash or a stop interrupted, oldest first.
        bookmark: how far the provider's own logs were read.
    """

    watermark: datetime | None = None
    last_started: datetime | None = None
    failures: int = 0
    complete_before: bool = False
    daily_done: date | None = None
    unfinished: tuple[SyncRun, ...] = ()
    bookmark: str | None = None


def sync_id(started_at: datetime, name: str) -> str:
    """Return an id that sorts by time; the same start and name give the same id."""
    return f"{started_at:%Y%m%dT%H%M%S%f}-{name}"


def command_of(name: str, kind: SyncKind) -> str | None:
    """Return the id of the command that asked for a run; None for one of our own."""
    named = name.partition("-")[2]
    ours = kind is SyncKind.SCHEDULED or named.startswith((_DAILY, _CHECK))
    return None if ours else named


def history_of(runs: Iterable[SyncRun]) -> History:
    """Read the runs of one account, in any order."""
    ordered = sorted(runs, key=lambda run: run.sync_id)
    marks = [run.watermark for run in ordered if run.watermark is not None]
    bookmarks = [run.bookmark for run in ordered if run.bookmark is not None]
    polls = [run for run in ordered if not run.kind.looks_back]
    failures = 0
    for run in ordered:
        if run.status is SyncStatus.COMPLETED:
            failures = 0
        elif run.status is SyncStatus.FAILED:
            failures += 1
    return History(
        watermark=max(marks, default=None),
        last_started=max((run.started_at for run in polls), default=None),
        failures=failures,
        complete_before=any(run.status is SyncStatus.COMPLETED for run in ordered),
        daily_done=_daily_done(ordered),
        unfinished=tuple(run for run in ordered if run.status is SyncStatus.RUNNING),
        bookmark=bookmarks[-1] if bookmarks else None,
    )


def scheduled(account: Account, history: History, now: datetime, lookback_s: int) -> Order:
    """
    Return the next regular run.

    It reaches back behind the watermark, because providers are eventually consistent; what it
    sees again changes nothing. Before the first one there is no watermark: it begins a little
    before the account was connected, and older sales are a historical import.
    """
    mark = history.watermark or account.created_at
    return Order(
        sync_id=sync_id(now, SyncKind.SCHEDULED.value),
        kind=SyncKind.SCHEDULED,
        started_at=now,
        since=mark - timedelta(seconds=lookback_s),
        until=now,
        snapshot=not history.complete_before,
    )


def daily(day: date, account: Account, now: datetime, days: int) -> Order:
    """Return the daily look at the last days up to `day`: late refunds, tills once offline."""
    begin = account.calendar.begins(day - timedelta(days=days - 1))
    return Order(
        sync_id=sync_id(now, f"{_DAILY}{day}"),
        kind=SyncKind.DAILY,
        started_at=now,
        since=begin,
        until=account.calendar.ends(day),
    )


def second_look(day: date, account: Account, now: datetime) -> Order:
    """Return the run that looks at a business day again before it is called different."""
    return Order(
        sync_id=sync_id(now, f"{_CHECK}{day}"),
        kind=SyncKind.RESYNC,
        started_at=now,
        since=account.calendar.begins(day),
        until=account.calendar.ends(day),
    )


def day_closed(account: Account, now: datetime, after_s: int) -> date:
    """Return the last business day that ended at least `after_s` seconds ago."""
    return account.calendar.day_of(now - timedelta(seconds=after_s)) - timedelta(days=1)


def daily_is_due(
    account: Account, done: date | None, now: datetime, *, after_s: int, days: int
) -> date | None:
    """Return the day whose daily look is due; never of days before the account was there."""
    day = day_closed(account, now, after_s)
    if not days or (done is not None and day <= done):
        return None
    return day if account.calendar.ends(day) > account.created_at else None


def daily_of(name: str, kind: SyncKind) -> date | None:
    """Return the day of a regular daily look; None for any other run."""
    named = name.partition("-")[2]
    if kind is not SyncKind.DAILY or not named.startswith(_DAILY):
        return None
    return date.fromisoformat(named.removeprefix(_DAILY))


def _daily_done(runs: Iterable[SyncRun]) -> date | None:
    """Return the last day that was looked at, or given up after so many attempts."""
    failed: Counter[date] = Counter()
    done: set[date] = set()
    for run in runs:
        if (day := daily_of(run.sync_id, run.kind)) is None:
            continue
        failed[day] += run.status is SyncStatus.FAILED
        if run.status is SyncStatus.COMPLETED or failed[day] >= DAILY_ATTEMPTS:
            done.add(day)
    return max(done, default=None)


class Spans(Protocol):
    """How far back runs look that are not told how far, in days."""

    history_days: int
    daily_days: int


def ordered(
    command: Command, account: Account, history: History, lookback_s: int, spans: Spans
) -> Order:
    """
    Return the run that a command asks for; `until` defaults to the time of the request.

    Raises:
        ValueError: it asks for a comparison, which is no run.
    """
    until = command.until or command.requested_at
    match command.kind:
        case CommandKind.SYNC_NOW:
            kind = SyncKind.MANUAL
            mark = history.watermark or account.created_at
            since = command.since or mark - timedelta(seconds=lookback_s)
        case CommandKind.IMPORT_HISTORY:
            kind = SyncKind.HISTORICAL
            since = command.since or days_before(until, spans.history_days, account)
        case CommandKind.RESYNC_RANGE:
            kind = SyncKind.RESYNC
            since = command.since or until - timedelta(days=1)
        case CommandKind.DAILY:
            kind = SyncKind.DAILY
            since = command.since or until - timedelta(days=max(spans.daily_days, 1))
        case CommandKind.RECONCILE:
            raise ValueError("a comparison is no sync run")
    return Order(
        sync_id=sync_id(command.requested_at, command.command_id),
        kind=kind,
        started_at=command.requested_at,
        since=since,
        until=until,
        snapshot=command.kind is CommandKind.IMPORT_HISTORY or not history.complete_before,
        run_as=command.run_as,
        message=command.message,
    )


def days_before(instant: datetime, days: int, account: Account) -> datetime:
    """Return when the business day `days` before began: part of a day has no totals."""
    calendar = account.calendar
    return calendar.begins(calendar.day_of(instant) - timedelta(days=days))


def resumed(run: SyncRun) -> Order:
    """Return what is left of an interrupted run."""
    return Order(
        sync_id=run.sync_id,
        kind=run.kind,
        started_at=run.started_at,
        since=run.done_until or run.since,
        until=run.until,
        begun=True,
        snapshot=run.done_until is None,
        fetched=run.fetched,
        run_as=run.run_as,
        message=run.message,
    )


def days_between(account: Account, since: datetime, until: datetime) -> Iterator[date]:
    """Yield the business days that [since, until) touches."""
    day = account.calendar.day_of(since)
    while account.calendar.begins(day) < until:
        yield day
        day += timedelta(days=1)


def slices(
    since: datetime, until: datetime, width: timedelta
) -> Iterator[tuple[datetime, datetime]]:
    """Yield half-open windows that cover [since, until) without gap or overlap."""
    begin = since
    while begin < until:
        end = min(begin + width, until)
        yield begin, end
        begin = end


def next_due(
    started_at: datetime,
    failures: int,
    *,
    interval_s: float,
    quick_retries: int,
    opens_after: int,
) -> datetime:
    """
    Return when the next regular run is due.

    After a failure the first few retries come sooner (30 s, 60 s, 120 s …), then the interval
    holds again: a provider that is down for an hour is not helped by being asked more often.
    From `opens_after` failures on the pauses grow.
    """
    wait = pause_s(failures, opens_after, interval_s)
    if 0 < failures <= quick_retries and failures < opens_after:
        wait = min(FIRST_RETRY_S * 2 ** (failures - 1), interval_s)
    return started_at + timedelta(seconds=wait)
