"""Reconciliation: ask for a comparison with the provider, and see what was found."""

from __future__ import annotations

from datetime import datetime

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from schemas.codec import unpack
from schemas.reconciliation import Reconciliation
from schemas.sync import CommandKind
from streams.http.answers import json_answer, listed, many, one
from streams.http.auth import AccountId, CallerDep, ServicesDep, account_of
from streams.http.forms import PAGE, Cursor, Days, FromDay, Limit, ToDay
from streams.http.paging import page, question_of
from streams.http.problems import ProblemError
from streams.http.scope import day_spans
from streams.http.syncs import ask
from streams.sync.days import DAYS_MAX, TABLE

PATH = "/reconciliation"

router = APIRouter(prefix="/api/v1/pos/accounts/{account_id}", tags=["reconciliation"])


class Comparing(msgspec.Struct, kw_only=True):
    """
    A comparison that was asked for.

    Its days are done when their `compared_at` is not before `requested_at`.
    """

    command_id: str
    requested_at: datetime
    days: int
    visible: bool


@router.post(PATH, responses=one(Comparing, 202), response_class=Response, status_code=202)
async def compare(
    account_id: AccountId, form: Days, services: ServicesDep, caller: CallerDep
) -> Response:
    """Compare business days with the provider's own view of them."""
    account = account_of(services, caller, account_id)
    last = form.to_day or form.from_day
    if last < form.from_day:
        raise ProblemError(422, "`to` is before `from`")
    days = (last - form.from_day).days + 1
    if days > DAYS_MAX:
        raise ProblemError(422, f"at most {DAYS_MAX} days at a time")
    calendar = account.calendar
    begin, end = calendar.begins(form.from_day), calendar.ends(last)
    command, seen = await ask(services, caller, account, CommandKind.RECONCILE, begin, end)
    return json_answer(
        Comparing(
            command_id=command.command_id,
            requested_at=command.requested_at,
            days=days,
            visible=seen,
        ),
        202,
    )


@router.get(PATH, responses=many(Reconciliation), response_class=Response)
async def reconciliations(
    account_id: AccountId,
    services: ServicesDep,
    caller: CallerDep,
    first: FromDay = None,
    last: ToDay = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> Response:
    """List what comparisons found, by business day, the oldest first."""
    account = account_of(services, caller, account_id)
    spans = day_spans(services, [account], first, last)
    asked = question_of("reconciliation", account.account_id, first, last)
    found = page(services.views, TABLE, spans, limit=limit, question=asked, cursor=cursor)
    return listed([unpack(Reconciliation, row) for _, row in found.rows], found.cursor)
