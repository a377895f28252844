"""
Silent subscriptions: a provider that stopped sending webhooks is noticed by its polls.

A subscription that was switched off, or that points elsewhere, raises no error anywhere: sales
still come, by polls, up to an interval late. But then regular polls find what no webhook told.
One such poll means nothing, a sale can be newer than its webhook; some in a row, without a
single webhook in between, do. An account that never had a webhook lives by polls on purpose.

Only webhooks about sales count, because sales are what polls count: K-Series' tell what is left
of an item and never of a sale, which is no reason to call a busy restaurant silent.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from connectors.contract import Ignored, NeedsFetch, Outcome, Parts, Rejected
from schemas.account import Account
from schemas.codec import pack, unpack
from schemas.events import ErrorType, PosError
from schemas.identity import derived_id
from schemas.raw import Channel
from schemas.sync import SyncKind, SyncRun, SyncStatus
from schemas.webhooks import WebhookHealth
from streams.log import Out, Rows, StateView
from streams.stages.reading import Reading
from streams.stages.tables import row_out
from streams.stages.troubles import error_of

UNANNOUNCED_MAX = 3
"""Polls in a row that find something while no webhook comes; then it is held to be silent."""
WRITTEN_EVERY = timedelta(minutes=5)

LOOK = (
    "see at the provider that its webhook subscription is enabled and leads here: `tillstream "
    "webhooks ensure --provider {provider}` does it or says how; until then sales come by "
    "polls only"
)


def tells_of_sales(outcome: Outcome) -> bool:
    """Say whether a body holds a part of a transaction, or says where one is to be had."""
    match outcome:
        case Parts(parts=parts, wanted=wanted):
            return bool(parts) or any(want.transaction for want in wanted)
        case NeedsFetch(wanted=wanted):
            return any(want.transaction for want in wanted)
        case Ignored() | Rejected():
            return False


def heard(known: WebhookHealth | None, account: Account, at: datetime) -> WebhookHealth:
    """Return the row after a webhook about sales; the same one where it says nothing new."""
    if known is None:
        return WebhookHealth(
            tenant_id=account.tenant_id,
            account_id=account.account_id,
            pos_provider=account.provider,
            heard_at=at,
        )
    told_before = known.looked_at is None or known.heard_at >= known.looked_at
    if told_before and known.silent_since is None and at - known.heard_at < WRITTEN_EVERY:
        return known
    return replace(known, heard_at=max(known.heard_at, at), unannounced=0, silent_since=None)


def looked(known: WebhookHealth, run: SyncRun, at: datetime) -> WebhookHealth:
    """Return the row after a regular poll that was completed at `at`."""
    previous, row = known.looked_at, replace(known, looked_at=run.started_at)
    if previous is None or known.heard_at >= previous:
        return replace(row, unannounced=0)
    if not run.new + run.updated:
        return row
    row = replace(row, unannounced=known.unannounced + 1)
    if row.silent_since is None and row.unannounced >= UNANNOUNCED_MAX:
        return replace(row, silent_since=at)
    return row


class HearingBook:
    """The rows of the accounts that a chunk speaks of."""

    def __init__(self, state: StateView) -> None:
        self._state = state
        self._rows: dict[str, WebhookHealth | None] = {}
        self._changed: set[str] = set()

    def load(self, readings: Iterable[Reading]) -> None:
        """Get the rows of all accounts that had webhooks, or runs that may have ended."""
        heeded = {Channel.WEBHOOK, Channel.CONTROL}
        found = {it.account.account_id for it in readings if it.raw.channel in heeded}
        names = sorted(found)
        rows = self._state.get("webhooks", [name.encode() for name in names]) if names else []
        for name, row in zip(names, rows, strict=True):
            self._rows[name] = None if row is None else unpack(WebhookHealth, row)

    def heard(self, reading: Reading) -> PosError | None:
        """Take a webhook in; return what people should know: that they come again."""
        account, at = reading.account, reading.raw.received_at
        known = self._rows[account.account_id]
        row = heard(known, account, at)
        self._put(known, row)
        if known is None or known.silent_since is None:
            return None
        return _event(account, row, at, ErrorType.WEBHOOKS_HEARD)

    def looked(self, account: Account, run: SyncRun, at: datetime) -> PosError | None:
        """Take the end of a run in; return what people should know: that none come any more."""
        known = self._rows[account.account_id]
        regular = run.kind is SyncKind.SCHEDULED and run.status is SyncStatus.COMPLETED
        if known is None or not regular:
            return None
        row = looked(known, run, at)
        self._put(known, row)
        if row.silent_since is None or row.silent_since == known.silent_since:
            return None
        return _event(account, row, at, ErrorType.WEBHOOKS_SILENT)

    def _put(self, known: WebhookHealth | None, row: WebhookHealth) -> None:
        if row != known:
            self._rows[row.account_id] = row
            self._changed.add(row.account_id)

    def rows(self) -> tuple[Rows, list[Out]]:
        """Return the changed rows and their public records."""
        rows = [row for name in sorted(self._changed) if (row := self._rows[name])]
        return (
            {row.account_id.encode(): pack(row) for row in rows},
            [row_out(row.account_id.encode(), row) for row in rows],
        )


def _event(
    account: Account, row: WebhookHealth, at: datetime, error_type: ErrorType
) -> PosError:
    silent = error_type is ErrorType.WEBHOOKS_SILENT
    message = (
        f"{row.unannounced} polls in a row found what no webhook had told; the last webhook "
        f"came about {row.heard_at:%Y-%m-%d %H:%M} UTC"
        if silent
        else "webhooks come again"
    )
    return error_of(
        account,
        error_type,
        event_id=derived_id(error_type.value, account.account_id, at.isoformat()),
        message=message,
        failures=row.unannounced,
        action=LOOK.format(provider=account.provider) if silent else None,
        at=at,
    )
