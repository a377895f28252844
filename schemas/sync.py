"""Sync runs: what asks for them, what they bring, how they ended."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class SyncKind(StrEnum):
    """Why a run took place."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"
    HISTORICAL = "historical"
    RESYNC = "resync"
    DAILY = "daily"

    @property
    def looks_back(self) -> bool:
        """Say whether it asks for a range of the past, in slices, and moves no watermark."""
        return self not in {SyncKind.SCHEDULED, SyncKind.MANUAL}

    @property
    def goes_by_day(self) -> bool:
        """Say whether it asks for whole business days besides, as the provider has them."""
        return self in {SyncKind.RESYNC, SyncKind.DAILY}


class SyncStatus(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class Circuit(StrEnum):
    """Whether an account is polled as usual: OPENED and RECOVERED are said once each."""

    CLOSED = "closed"
    OPENED = "opened"
    OPEN = "open"
    RECOVERED = "recovered"


class SyncControl(msgspec.Struct, frozen=True, kw_only=True):
    """
    The body of a control record in `pos.raw`: a run begins, gets on, or ends.

    Same account, same lane: when normalise reads it, everything the run brought before it has
    been processed, so the counts are true.

    Args:
        status: RUNNING for begin and progress, else how it ended.
        since, until: the window of the provider's time that the run covers.
        watermark: everything the provider changed before it is in the log; None leaves it.
        done_until: how far a historical import has got (it goes on from there after a crash).
        fetched: bodies appended so far.
        error, error_type, action_required: why it failed and what a person must do.
        consecutive_failures: runs of this account that failed in a row, this one included; of
            a completed run those before it.
        circuit: whether polls pause because so many failed, and whether this run changed that.
        run_as, message: in whose name it was asked for, and why; kept with all it changed.
        bookmark: how far the provider's own logs were read, in its connector's words.
        withheld, granted: scopes that we may do without, as the answers of this run showed.
    """

    sync_id: str
    kind: SyncKind
    status: SyncStatus
    at: datetime
    started_at: datetime
    since: datetime
    until: datetime
    watermark: datetime | None = None
    done_until: datetime | None = None
    fetched: int = 0
    error: str | None = None
    error_type: str | None = None
    action_required: str | None = None
    consecutive_failures: int = 0
    circuit: Circuit = Circuit.CLOSED
    run_as: str | None = None
    message: str | None = None
    bookmark: str | None = None
    withheld: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()


class SyncRun(msgspec.Struct, kw_only=True):
    """
    A run and its counts: the row of `pos.syncs`, key `account_id/sync_id`.

    Args:
        bookmark: how far the provider's own logs were read; the next run goes on from there.
        withheld: scopes that the authorisation lacks, as far as this run and those before it
            can tell; what needs them does not come.
    """

    tenant_id: str
    account_id: str
    sync_id: str
    kind: SyncKind
    status: SyncStatus
    started_at: datetime
    ended_at: datetime | None = None
    since: datetime
    until: datetime
    watermark: datetime | None = None
    done_until: datetime | None = None
    fetched: int = 0
    new: int = 0
    updated: int = 0
    duplicates: int = 0
    rejected: int = 0
    new_products: int = 0
    error: str | None = None
    run_as: str | None = None
    message: str | None = None
    bookmark: str | None = None
    withheld: tuple[str, ...] = ()


class CommandKind(StrEnum):
    """
    What other services may ask of an account.

    DAILY looks again at the last days; RECONCILE compares the days of a range.
    """

    SYNC_NOW = "sync_now"
    IMPORT_HISTORY = "import_history"
    RESYNC_RANGE = "resync_range"
    DAILY = "daily"
    RECONCILE = "reconcile"


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """
    A wish about an account: the record of `pos.commands`; `since`/`until` for ranges.

    Args:
        run_as, message: in whose name, and why; both are kept with all that the run changes.
    """

    command_id: str
    tenant_id: str
    account_id: str
    kind: CommandKind
    requested_by: str
    requested_at: datetime
    since: datetime | None = None
    until: datetime | None = None
    run_as: str | None = None
    message: str | None = None


class Fetch(msgspec.Struct, frozen=True, kw_only=True):
    """
    "This webhook is only a stub, get the whole": the record of `pos.fetches`.

    Args:
        resource: what to ask the provider for, in the connector's own words ("orders/9kD…").
    """

    fetch_id: str
    tenant_id: str
    account_id: str
    provider: str
    resource: str
    cause_raw_id: str
    requested_at: datetime
