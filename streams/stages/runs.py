"""What a sync run has brought so far, and the events that its control records give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from schemas.account import Account
from schemas.codec import pack, unpack
from schemas.events import ErrorType, PosError, SyncCompleted
from schemas.identity import derived_id
from schemas.sync import Circuit, SyncControl, SyncRun, SyncStatus
from streams.log import Out, Rows, StateView
from streams.stages.reading import Reading, row_key
from streams.stages.scopes import scope_events, withheld_after
from streams.stages.tables import row_out
from streams.stages.troubles import error_of
from streams.sync.plan import command_of

KEPT_RUNS = 500
"""Runs kept an account: five days of a run every 15 minutes; older rows get a tombstone."""


LOOK_AT_PROVIDER = "see whether the provider is down; if it is not, reconnect the account"


def opened(control: SyncControl, account: Account) -> SyncRun:
    """Return the row of a run that begins."""
    return SyncRun(
        tenant_id=account.tenant_id,
        account_id=account.account_id,
        sync_id=control.sync_id,
        kind=control.kind,
        status=SyncStatus.RUNNING,
        started_at=control.started_at,
        since=control.since,
        until=control.until,
        run_as=control.run_as,
        message=control.message,
    )


def controlled(run: SyncRun, control: SyncControl) -> Iterator[SyncRun]:
    """Take a control record in; yield the run if this record ended it."""
    if run.status is not SyncStatus.RUNNING:
        return
    run.fetched = max(run.fetched, control.fetched)
    run.done_until = control.done_until or run.done_until
    run.watermark = control.watermark or run.watermark
    run.bookmark = control.bookmark or run.bookmark
    if control.status is SyncStatus.RUNNING:
        return
    run.status = control.status
    run.ended_at = control.at
    run.error = control.error
    yield run


def completed_event(run: SyncRun, account: Account, control: SyncControl) -> SyncCompleted:
    """Return the event that says how a run ended, with true counts."""
    return SyncCompleted(
        event_id=derived_id("sync-completed", account.account_id, run.sync_id),
        tenant_id=account.tenant_id,
        pos_account_id=account.account_id,
        pos_provider=account.provider,
        location_name=account.location_name,
        sync_id=run.sync_id,
        status=run.status.value,
        transactions_processed=run.new + run.updated,
        transactions_failed=run.rejected,
        transactions_new=run.new,
        transactions_updated=run.updated,
        duplicates=run.duplicates,
        new_products_discovered=run.new_products,
        sync_duration_seconds=(control.at - run.started_at).total_seconds(),
        timestamp=control.at,
        command_id=command_of(run.sync_id, run.kind),
    )


def circuit_event(run: SyncRun, account: Account, control: SyncControl) -> PosError | None:
    """
    Return what people should know of an end of a run; while polls pause they know already.

    A run that fails is told until so many have failed that polls pause; that is told once, and
    then that it is over.
    """
    match control.circuit:
        case Circuit.CLOSED:
            failed = run.status is SyncStatus.FAILED
            return failed_event(run, account, control) if failed else None
        case Circuit.OPENED:
            failed_last = failed_event(run, account, control)
            return msgspec.structs.replace(
                failed_last,
                error_type=ErrorType.CIRCUIT_OPEN,
                error_message=f"{control.consecutive_failures} runs in a row failed, polls "
                f"pause; the last: {failed_last.error_message}",
                action_required=failed_last.action_required or LOOK_AT_PROVIDER,
            )
        case Circuit.OPEN:
            return None
        case Circuit.RECOVERED:
            return msgspec.structs.replace(
                failed_event(run, account, control),
                event_id=derived_id("recovered", account.account_id, run.sync_id),
                error_type=ErrorType.RECOVERED,
                error_message=f"polls work again after {control.consecutive_failures} failures",
                consecutive_failures=0,
            )


def failed_event(run: SyncRun, account: Account, control: SyncControl) -> PosError:
    """Return the event that says why a run failed and what a person must do."""
    try:
        error_type = ErrorType(control.error_type or ErrorType.INTERNAL)
    except ValueError:
        error_type = ErrorType.INTERNAL
    return error_of(
        account,
        error_type,
        event_id=derived_id("sync-failed", account.account_id, run.sync_id),
        message=control.error or "the sync run failed",
        failures=control.consecutive_failures,
        action=control.action_required,
        at=control.at,
    )


class RunBook:
    """The sync runs that a chunk speaks of: their rows, counted up."""

    def __init__(self, state: StateView) -> None:
        self._state = state
        self._runs: dict[bytes, SyncRun | None] = {}
        self._changed: set[bytes] = set()
        self._gone: set[bytes] = set()

    def load(self, readings: Iterable[Reading]) -> None:
        """Get the rows of all runs that the readings belong to."""
        keys = dict.fromkeys(_key(reading) for reading in readings if reading.raw.sync_id)
        found = self._state.get("syncs", list(keys)) if keys else []
        for key, row in zip(keys, found, strict=True):
            self._runs[key] = None if row is None else unpack(SyncRun, row)

    def count(
        self,
        reading: Reading,
        *,
        new: int = 0,
        updated: int = 0,
        duplicates: int = 0,
        rejected: int = 0,
        new_products: int = 0,
    ) -> None:
        """Add to the run that brought this raw event, if one did and it is still open."""
        key = _key(reading)
        run = self._runs.get(key)
        if run is None or run.status is not SyncStatus.RUNNING:
            return
        run.new += new
        run.updated += updated
        run.duplicates += duplicates
        run.rejected += rejected
        run.new_products += new_products
        self._changed.add(key)

    def run_of(self, reading: Reading) -> SyncRun | None:
        """Return the run that brought this raw event, if one did."""
        return self._runs.get(_key(reading)) if reading.raw.sync_id else None

    def control(
        self, reading: Reading, control: SyncControl
    ) -> Iterator[SyncCompleted | PosError]:
        """Take a control record in and yield the events of a run that ended."""
        key = _key(reading)
        run = self._runs.get(key) or opened(control, reading.account)
        self._runs[key] = run
        self._changed.add(key)
        for ended in controlled(run, control):
            prefix = row_key(reading.account.account_id, "")
            rows = self._state.scan("syncs", prefix)
            before = self._withheld_before(rows, prefix, key)
            ended.withheld = tuple(sorted(withheld_after(before, control)))
            yield completed_event(ended, reading.account, control)
            trouble = circuit_event(ended, reading.account, control)
            if trouble is not None:
                yield trouble
            yield from scope_events(reading.account, before, control)
            self._gone.update(sorted(rows)[: max(len(rows) - KEPT_RUNS, 0)])

    def _withheld_before(
        self, rows: Mapping[bytes, bytes], prefix: bytes, this: bytes
    ) -> frozenset[str]:
        """Return which scopes an account lacked when the run before this one ended."""
        here = {key: run for key, run in self._runs.items() if run and key.startswith(prefix)}
        for key in sorted((rows.keys() | here.keys()) - {this}, reverse=True):
            run = here.get(key) or unpack(SyncRun, rows[key])
            if run.status is not SyncStatus.RUNNING:
                return frozenset(run.withheld)
        return frozenset()

    def rows(self) -> tuple[Rows, list[Out]]:
        """Return the changed rows and their public records."""
        rows: Rows = {key: pack(run) for key in self._changed if (run := self._runs[key])}
        outs = [row_out(key, self._runs[key]) for key in sorted(self._changed)]
        for key in sorted(self._gone - self._changed):
            rows[key] = None
            outs.append(row_out(key, None))
        return rows, outs


def _key(reading: Reading) -> bytes:
    return row_key(reading.account.account_id, reading.raw.sync_id or "")
