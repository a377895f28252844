"""What a sync run is to do; pure, so that every decision can be tested."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from schemas.account import Account
from schemas.sync import Command, CommandKind, SyncKind, SyncRun, SyncStatus

SLICE = timedelta(days=7)
"""How much history one slice asks for; an import goes on at the slice where it was stopped."""

FIRST_RETRY_S = 30.0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """
    One run to carry out.

    Args:
        since, until: the window of the provider's time, half open.
        begun: its begin is already in the log (it is being resumed).
        snapshot: ask for the whole catalogue and stock first.
        fetched: bodies that an interrupted run had appended before.
    """

    sync_id: str
    kind: SyncKind
    started_at: datetime
    since: datetime
    until: datetime
    begun: bool = False
    snapshot: bool = False
    fetched: int = 0


class History(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the rows of an account's runs say.

    Args:
        watermark: everything the provider changed before it is in the log.
        failures: runs that failed in a row, up to now.
        unfinished: runs that a crash or a stop interrupted, oldest first.
    """

    watermark: datetime | None = None
    last_started: datetime | None = None
    failures: int = 0
    complete_before: bool = False
    unfinished: tuple[SyncRun, ...] = ()


def sync_id(started_at: datetime, name: str) -> str:
    """Return an id that sorts by time; the same start and name give the same id."""
    return f"{started_at:%Y%m%dT%H%M%S%f}-{name}"


def history_of(runs: Iterable[SyncRun]) -> History:
    """Read the runs of one account, in any order."""
    ordered = sorted(runs, key=lambda run: run.sync_id)
    marks = [run.watermark for run in ordered if run.watermark is not None]
    polls = [run for run in ordered if run.kind is not SyncKind.HISTORICAL]
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
        unfinished=tuple(run for run in ordered if run.status is SyncStatus.RUNNING),
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


def ordered(
    command: Command, account: Account, history: History, lookback_s: int, history_days: int
) -> Order:
    """Return the run that a command asks for; `until` defaults to the time of the request."""
    until = command.until or command.requested_at
    match command.kind:
        case CommandKind.SYNC_NOW:
            kind = SyncKind.MANUAL
            mark = history.watermark or account.created_at
            since = command.since or mark - timedelta(seconds=lookback_s)
        case CommandKind.IMPORT_HISTORY:
            kind = SyncKind.HISTORICAL
            since = command.since or until - timedelta(days=history_days)
        case CommandKind.RESYNC_RANGE:
            kind = SyncKind.HISTORICAL
            since = command.since or until - timedelta(days=1)
    return Order(
        sync_id=sync_id(command.requested_at, command.command_id),
        kind=kind,
        started_at=command.requested_at,
        since=since,
        until=until,
        snapshot=command.kind is CommandKind.IMPORT_HISTORY or not history.complete_before,
    )


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
    )


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
    started_at: datetime, failures: int, *, interval_s: float, quick_retries: int
) -> datetime:
    """
    Return when the next regular run is due.

    After a failure the first few retries come sooner (30 s, 60 s, 120 s …), then the interval
    holds again: a provider that is down for an hour is not helped by being asked more often.
    """
    wait = interval_s
    if 0 < failures <= quick_retries:
        wait = min(FIRST_RETRY_S * 2 ** (failures - 1), interval_s)
    return started_at + timedelta(seconds=wait)
