"""Reads: transactions, sales, days, stock, unmapped revenue."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, TypeVar

import msgspec
from fastapi import APIRouter, Path
from starlette.responses import Response

from schemas.codec import unpack
from schemas.rows import InventoryRow, SalesDayRow, SalesRow, UnmappedRow
from schemas.transaction import Transaction
from streams.directory import Caller
from streams.http.answers import json_answer, listed, many, one
from streams.http.auth import CallerDep, ServicesDep
from streams.http.forms import PAGE, AccountFilter, Cursor, FromDay, Limit, ToDay
from streams.http.mappings import rank, ranked
from streams.http.paging import account_spans, page, page_of_list, question_of
from streams.http.problems import not_found
from streams.http.scope import accounts_asked, day_spans
from streams.http.services import Services
from streams.spans import Span

TRANSACTIONS = "project.transactions"
PLACES = "project.places"

router = APIRouter(prefix="/api/v1/pos", tags=["reads"])

RowT = TypeVar("RowT", bound=msgspec.Struct)
TransactionId = Annotated[str, Path(max_length=192)]


@router.get("/sales", responses=many(SalesRow), response_class=Response)
async def sales(
    services: ServicesDep,
    caller: CallerDep,
    account_id: AccountFilter = None,
    first: FromDay = None,
    last: ToDay = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> Response:
    """List what each POS product sold on each day, by account, day and product."""
    spans = day_spans(services, accounts_asked(services, caller, account_id), first, last)
    asked = question_of("sales", caller.tenant.tenant_id, account_id, first, last)
    return _page(services, "project.sales", SalesRow, spans, limit, asked, cursor)


@router.get("/sales-days", responses=many(SalesDayRow), response_class=Response)
async def sales_days(
    services: ServicesDep,
    caller: CallerDep,
    account_id: AccountFilter = None,
    first: FromDay = None,
    last: ToDay = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> Response:
    """List the totals of each day, with hours and tenders, by account and day."""
    spans = day_spans(services, accounts_asked(services, caller, account_id), first, last)
    asked = question_of("sales-days", caller.tenant.tenant_id, account_id, first, last)
    return _page(services, "project.sales_days", SalesDayRow, spans, limit, asked, cursor)


@router.get("/inventory", responses=many(InventoryRow), response_class=Response)
async def inventory(
    services: ServicesDep,
    caller: CallerDep,
    account_id: AccountFilter = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> Response:
    """List what is left of each POS product; negative where more was sold than counted."""
    spans = account_spans(services.directory, accounts_asked(services, caller, account_id))
    asked = question_of("inventory", caller.tenant.tenant_id, account_id)
    return _page(services, "project.inventory", InventoryRow, spans, limit, asked, cursor)


def _page(
    services: Services,
    table: str,
    cls: type[RowT],
    spans: list[Span],
    limit: int,
    question: str,
    cursor: str | None,
) -> Response:
    found = page(services.views, table, spans, limit=limit, question=question, cursor=cursor)
    return listed([unpack(cls, row) for _, row in found.rows], found.cursor)


@router.get("/unmapped-revenue", responses=many(UnmappedRow), response_class=Response)
async def unmapped_revenue(
    services: ServicesDep,
    caller: CallerDep,
    account_id: AccountFilter = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> Response:
    """
    List revenue that no product of the tenant stands for, the largest first.

    `totals` is the whole of it by currency, whatever the page.
    """
    rows = ranked(services, accounts_asked(services, caller, account_id))
    totals: Counter[str] = Counter()
    for row in rows:
        totals[row.currency] += row.net
    chosen, following = page_of_list(
        rows,
        rank,
        limit=limit,
        question=question_of("unmapped-revenue", caller.tenant.tenant_id, account_id),
        cursor=cursor,
    )
    whole = [{"currency": name, "net": totals[name]} for name in sorted(totals)]
    return listed(chosen, following, totals=whole)


@router.get("/transactions", responses=many(Transaction), response_class=Response)
async def transactions(
    services: ServicesDep,
    caller: CallerDep,
    account_id: AccountFilter = None,
    first: FromDay = None,
    last: ToDay = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> Response:
    """List transactions by account, business day and id, as they are now."""
    spans = day_spans(services, accounts_asked(services, caller, account_id), first, last)
    asked = question_of("transactions", caller.tenant.tenant_id, account_id, first, last)
    return _page(services, TRANSACTIONS, Transaction, spans, limit, asked, cursor)


@router.get(
    "/transactions/{transaction_id}", responses=one(Transaction), response_class=Response
)
async def get_transaction(
    transaction_id: TransactionId,
    services: ServicesDep,
    caller: CallerDep,
    account_id: AccountFilter = None,
) -> Response:
    """Return one transaction as it is now."""
    found = _transaction(services, caller, transaction_id, account_id)
    if found is None:
        raise not_found("transaction")
    return json_answer(found)


def _transaction(
    services: Services, caller: Caller, transaction_id: str, account_id: str | None
) -> Transaction | None:
    """Look where the transaction is, in each lane that the accounts asked for are in."""
    accounts = {acct.account_id for acct in accounts_asked(services, caller, account_id)}
    for lane in sorted({services.directory.lane(name) for name in accounts}):
        place = services.views.get(PLACES, lane, [transaction_id.encode()])[0]
        if place is None or place.partition(b"/")[0].decode() not in accounts:
            continue
        row = services.views.get(TRANSACTIONS, lane, [place])[0]
        return None if row is None else unpack(Transaction, row)
    return None
