"""Sync runs: ask for one, see how the account stands, look back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid4

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from connectors.catalogue import NEVER_ASKED
from schemas import topics
from schemas.account import Account, AccountStatus
from schemas.codec import encode, unpack
from schemas.sync import Command, CommandKind, SyncRun, SyncStatus
from schemas.webhooks import WebhookHealth
from streams.directory import Caller
from streams.http.answers import json_answer, listed, many, one
from streams.http.auth import AccountId, CallerDep, ServicesDep, account_of
from streams.http.forms import PAGE, Cursor, Limit, Reason
from streams.http.forms import History as HistoryForm
from streams.http.paging import page_of_list, question_of
from streams.http.problems import ProblemError
from streams.http.services import Services
from streams.http.visibility import visible
from streams.log import Out
from streams.sync.plan import History, days_before, history_of, next_due, sync_id

TABLE, HEARING = "normalise.syncs", "normalise.webhooks"
LATE_INTERVALS = 3
"""Intervals without a finished run after which an account is called late."""

router = APIRouter(prefix="/api/v1/pos/accounts/{account_id}", tags=["sync"])


class Health(StrEnum):
    """How an account's polling is."""

    OK = "ok"
    NEVER_SYNCED = "never_synced"
    LATE = "late"
    FAILING = "failing"
    REVOKED = "revoked"
    DISCONNECTED = "disconnected"


class SyncState(msgspec.Struct, kw_only=True):
    """
    How an account's polling stands.

    `watermark`: all that the provider changed before it is taken in. `next_due` is a plan;
    null while a run is under way or the account is not polled. `webhook_heard_at` may be five
    minutes before the last webhook about sales; null where none has ever come.
    """

    account_id: str
    health: Health
    watermark: datetime | None
    consecutive_failures: int
    interval_s: int
    next_due: datetime | None
    running: list[SyncRun]
    last_run: SyncRun | None
    webhook_heard_at: datetime | None
    webhooks_silent_since: datetime | None


class Asked(msgspec.Struct, kw_only=True):
    """A run that was asked for; `sync_id` names it in the list of runs."""

    command_id: str
    sync_id: str
    visible: bool


@router.post("/sync", responses=one(Asked, 202), response_class=Response, status_code=202)
async def trigger(
    account_id: AccountId,
    services: ServicesDep,
    caller: CallerDep,
    form: Reason | None = None,
) -> Response:
    """Poll the provider now."""
    account = account_of(services, caller, account_id)
    reason = form or Reason()
    return await _ask(services, caller, account, CommandKind.SYNC_NOW, reason)


@router.post(
    "/sync/historical", responses=one(Asked, 202), response_class=Response, status_code=202
)
async def import_history(
    account_id: AccountId, form: HistoryForm, services: ServicesDep, caller: CallerDep
) -> Response:
    """Import the last business days, each of them whole; goes on after a restart."""
    account = account_of(services, caller, account_id)
    days = form.days or services.settings.history_days
    return await _ask(services, caller, account, CommandKind.IMPORT_HISTORY, form, days)


async def _ask(
    services: Services,
    caller: Caller,
    account: Account,
    kind: CommandKind,
    reason: Reason,
    days: int | None = None,
) -> Response:
    now = services.clock()
    since, until = (None, None) if days is None else (days_before(now, days, account), now)
    command, seen = await ask(services, caller, account, kind, since, until, reason)
    name = sync_id(command.requested_at, command.command_id)
    return json_answer(Asked(command_id=command.command_id, sync_id=name, visible=seen), 202)


async def ask(
    services: Services,
    caller: Caller,
    account: Account,
    kind: CommandKind,
    since: datetime | None,
    until: datetime | None,
    reason: Reason | None = None,
) -> tuple[Command, bool]:
    """
    Put a command into the log; return it, and whether its effect can be seen already.

    Raises:
        ProblemError: 409, the account is not one that is asked anything.
    """
    if account.provider in NEVER_ASKED:
        raise ProblemError(409, "nothing is polled of this provider: it pushes")
    if account.status is not AccountStatus.CONNECTED:
        raise ProblemError(409, f"the account is {account.status.value}; connect it again")
    command = Command(
        command_id=str(uuid4()),
        tenant_id=account.tenant_id,
        account_id=account.account_id,
        kind=kind,
        requested_by=caller.key_name,
        requested_at=services.clock(),
        since=since,
        until=until,
        run_as=None if reason is None else reason.run_as,
        message=None if reason is None else reason.message,
    )
    lane = services.directory.lane(account.account_id)
    out = Out(account.account_id.encode(), encode(command), (), lane)
    await services.log.append(topics.COMMANDS, [out])
    # the command becomes a run by a record of its own, so its stage is waited for first
    seen = await visible(services, [lane], stages=("commands",)) and await visible(
        services, [lane]
    )
    return command, seen


@router.get("/sync", responses=one(SyncState), response_class=Response)
async def state(account_id: AccountId, services: ServicesDep, caller: CallerDep) -> Response:
    """Say how the account's polling stands."""
    account = account_of(services, caller, account_id)
    runs = _runs(services, account)
    history = history_of(runs)
    ended = [run for run in runs if run.status is not SyncStatus.RUNNING]
    last = max(ended, key=lambda run: run.ended_at or run.started_at, default=None)
    polled = account.status is AccountStatus.CONNECTED
    hearing = _hearing(services, account)
    answer = SyncState(
        account_id=account.account_id,
        health=_health(account, runs, history.failures, services.clock()),
        watermark=history.watermark,
        consecutive_failures=history.failures,
        interval_s=account.sync_interval_s,
        next_due=_next_due(services, account, history) if polled else None,
        running=list(history.unfinished),
        last_run=last,
        webhook_heard_at=None if hearing is None else hearing.heard_at,
        webhooks_silent_since=None if hearing is None else hearing.silent_since,
    )
    return json_answer(answer)


def _hearing(services: Services, account: Account) -> WebhookHealth | None:
    lane = services.directory.lane(account.account_id)
    (row,) = services.views.get(HEARING, lane, [account.account_id.encode()])
    return None if row is None else unpack(WebhookHealth, row)


def _next_due(services: Services, account: Account, history: History) -> datetime | None:
    """Plan as the process that polls the account does: from what is in the log."""
    if history.unfinished or history.last_started is None:
        return None
    return next_due(
        history.last_started,
        history.failures,
        interval_s=account.sync_interval_s,
        quick_retries=services.settings.sync_retries,
        opens_after=services.settings.circuit_failures,
    )


def _health(account: Account, runs: Sequence[SyncRun], failures: int, now: datetime) -> Health:
    if account.status is AccountStatus.REVOKED:
        return Health.REVOKED
    if account.status is AccountStatus.DISCONNECTED:
        return Health.DISCONNECTED
    if failures:
        return Health.FAILING
    completed = [
        run.ended_at
        for run in runs
        if run.status is SyncStatus.COMPLETED and run.ended_at is not None
    ]
    if account.provider in NEVER_ASKED:
        return Health.OK
    late = timedelta(seconds=LATE_INTERVALS * account.sync_interval_s)
    if now - max(completed, default=account.created_at) > late:
        return Health.LATE
    return Health.OK if completed else Health.NEVER_SYNCED


@router.get("/syncs", responses=many(SyncRun), response_class=Response)
async def runs(
    account_id: AccountId,
    services: ServicesDep,
    caller: CallerDep,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> Response:
    """List the account's sync runs, the newest first."""
    account = account_of(services, caller, account_id)
    newest_first = sorted(_runs(services, account), key=lambda run: _descending(run.sync_id))
    chosen, following = page_of_list(
        newest_first,
        lambda run: _descending(run.sync_id),
        limit=limit,
        question=question_of("syncs", account.account_id),
        cursor=cursor,
    )
    return listed(chosen, following)


def _descending(name: str) -> str:
    """Return a text that sorts the other way round: ids begin with their time in ASCII."""
    return "".join(chr(0x7E - min(ord(char), 0x7E) + 0x20) for char in name)


def _runs(services: Services, account: Account) -> list[SyncRun]:
    lane = services.directory.lane(account.account_id)
    rows = services.views.scan(TABLE, lane, f"{account.account_id}/".encode())
    return [unpack(SyncRun, row) for _, row in rows]
