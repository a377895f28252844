"""
Mappings: which of the tenant's products a POS product is.

The API only asks (`pos.mapping-requests`); the stage `mapping` decides and writes, so that what
a person said is never overwritten by a match that comes late.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Annotated
from uuid import uuid4

import msgspec
from fastapi import APIRouter, Path
from starlette.responses import Response

from schemas import topics
from schemas.account import Account
from schemas.catalogue import MappingAction, MappingRequest, MappingType, ProductMapping
from schemas.codec import encode, unpack
from schemas.events import MappingNeeded, UnmappedSample
from schemas.money import Money
from schemas.rows import UnmappedRow
from streams.directory import Caller
from streams.http.answers import json_answer, listed, many, one
from streams.http.auth import AccountId, CallerDep, ServicesDep, account_of
from streams.http.forms import (
    PAGE,
    AccountFilter,
    AutoMap,
    Cursor,
    Limit,
    MappingChange,
    NewMapping,
)
from streams.http.paging import account_spans, all_rows, page, page_of_list, question_of
from streams.http.problems import ProblemError, not_found
from streams.http.products import product_of
from streams.http.scope import accounts_asked
from streams.http.services import Services
from streams.http.visibility import visible
from streams.log import Out
from streams.stages.mapping import reopening

TABLE = "mapping.mappings"
UNMAPPED = "project.unmapped"
MATCHED_AT_ONCE = 500
SAMPLES = 10

router = APIRouter(prefix="/api/v1/pos/mappings", tags=["mappings"])

PosProductId = Annotated[str, Path(max_length=256)]


class Suggestion(msgspec.Struct):
    """The best candidate that was not good enough to apply; `confidence` 0..1."""

    product_id: str
    confidence: float | None


class Moves(msgspec.Struct):
    """What mapping it would move out of unmapped revenue, in minor units."""

    net: int
    currency: str
    units: Decimal
    transactions: int
    first_day: date | None
    last_day: date | None


class UnmappedProduct(msgspec.Struct, kw_only=True):
    """A POS product that was sold and is mapped to nothing."""

    account_id: str
    pos_product_id: str
    name: str
    sku: str | None
    category: str | None
    moves: Moves
    suggestion: Suggestion | None


class Mapped(msgspec.Struct, kw_only=True):
    """What was asked for, and the mapping as it is now; None while it is not visible."""

    account_id: str
    pos_product_id: str
    mapping: ProductMapping | None
    visible: bool


class AutoMapped(msgspec.Struct, kw_only=True):
    """What matching again has brought; `unmapped` counts what is left, suggestions included."""

    asked: int
    mapped: int
    suggested: int
    unmapped: int
    visible: bool


@router.post("", responses=one(Mapped, 201, 202), response_class=Response)
async def create(form: NewMapping, services: ServicesDep, caller: CallerDep) -> Response:
    """Map a POS product, all it ever sold included; 409 when it is mapped already."""
    account = account_of(services, caller, form.account_id)
    if _is_mapped(_mapping(services, account, form.pos_product_id)):
        raise ProblemError(409, "this POS product is mapped; change it with PUT")
    return await _map(services, caller, account, form.pos_product_id, form.product_id, 201)


@router.put(
    "/{account_id}/{pos_product_id:path}",
    responses=one(Mapped, 200, 202),
    response_class=Response,
)
async def change(
    account_id: AccountId,
    pos_product_id: PosProductId,
    form: MappingChange,
    services: ServicesDep,
    caller: CallerDep,
) -> Response:
    """Map a POS product to this product, whatever it was mapped to."""
    account = account_of(services, caller, account_id)
    return await _map(services, caller, account, pos_product_id, form.product_id, 200)


@router.delete(
    "/{account_id}/{pos_product_id:path}",
    responses=one(Mapped, 200, 202),
    response_class=Response,
)
async def delete(
    account_id: AccountId,
    pos_product_id: PosProductId,
    services: ServicesDep,
    caller: CallerDep,
) -> Response:
    """Undo a mapping: its revenue is unmapped again, and matching leaves it alone."""
    account = account_of(services, caller, account_id)
    if not _is_mapped(_mapping(services, account, pos_product_id)):
        raise not_found("mapping")
    return await _ask(services, caller, account, pos_product_id, None, 200)


async def _map(
    services: Services,
    caller: Caller,
    account: Account,
    pos_product_id: str,
    product_id: str,
    status: int,
) -> Response:
    if product_of(services, caller, product_id) is None:
        raise ProblemError(422, "there is no such product in the catalogue")
    return await _ask(services, caller, account, pos_product_id, product_id, status)


async def _ask(
    services: Services,
    caller: Caller,
    account: Account,
    pos_product_id: str,
    product_id: str | None,
    status: int,
) -> Response:
    """Ask the stage `mapping`, and answer with what it made of it."""
    request = MappingRequest(
        request_id=str(uuid4()),
        tenant_id=account.tenant_id,
        account_id=account.account_id,
        pos_product_id=pos_product_id,
        action=MappingAction.UNMAP if product_id is None else MappingAction.MAP,
        type=MappingType.MANUAL,
        product_id=product_id,
        confidence=1.0,
        requested_by=caller.key_name,
        requested_at=services.clock(),
    )
    lane = services.directory.lane(account.account_id)
    out = Out(account.account_id.encode(), encode(request), (), lane)
    await services.log.append(topics.MAPPING_REQUESTS, [out])
    seen = await visible(services, [lane])
    answer = Mapped(
        account_id=account.account_id,
        pos_product_id=pos_product_id,
        mapping=_mapping(services, account, pos_product_id) if seen else None,
        visible=seen,
    )
    return json_answer(answer, status if seen else 202)


def _mapping(
    services: Services, account: Account, pos_product_id: str
) -> ProductMapping | None:
    lane = services.directory.lane(account.account_id)
    key = f"{account.account_id}/{pos_product_id}".encode()
    row = services.views.get(TABLE, lane, [key])[0]
    return None if row is None else unpack(ProductMapping, row)


def _is_mapped(mapping: ProductMapping | None) -> bool:
    return mapping is not None and mapping.product_id is not None


@router.get("", responses=many(ProductMapping), response_class=Response)
async def list_mappings(
    services: ServicesDep,
    caller: CallerDep,
    account_id: AccountFilter = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> Response:
    """List mappings and suggestions (`product_id` null) by account and POS product."""
    accounts = accounts_asked(services, caller, account_id)
    found = page(
        services.views,
        TABLE,
        account_spans(services.directory, accounts),
        limit=limit,
        question=question_of("mappings", caller.tenant.tenant_id, account_id),
        cursor=cursor,
    )
    return listed([unpack(ProductMapping, row) for _, row in found.rows], found.cursor)


@router.get("/unmapped", responses=many(UnmappedProduct), response_class=Response)
async def list_unmapped(
    services: ServicesDep,
    caller: CallerDep,
    account_id: AccountFilter = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> Response:
    """List unmapped products, the largest net revenue first, with what mapping would move."""
    accounts = accounts_asked(services, caller, account_id)
    rows, following = page_of_list(
        ranked(services, accounts),
        rank,
        limit=limit,
        question=question_of("unmapped", caller.tenant.tenant_id, account_id),
        cursor=cursor,
    )
    return listed([_unmapped(row) for row in rows], following)


def ranked(services: Services, accounts: Iterable[Account]) -> list[UnmappedRow]:
    """Return the unmapped products of accounts, the largest net revenue first."""
    spans = account_spans(services.directory, accounts)
    return sorted(all_rows(services.views, UNMAPPED, spans, UnmappedRow), key=rank)


def rank(row: UnmappedRow) -> str:
    """Return a text that sorts rows by net revenue, largest first, and is one row's own."""
    return f"{(1 << 63) - row.net:020d}/{row.account_id}/{row.pos_product_id}"


def _unmapped(row: UnmappedRow) -> UnmappedProduct:
    suggestion = None
    if row.suggested_product_id is not None:
        suggestion = Suggestion(row.suggested_product_id, row.suggested_confidence)
    return UnmappedProduct(
        account_id=row.account_id,
        pos_product_id=row.pos_product_id,
        name=row.name,
        sku=row.sku,
        category=row.category,
        moves=Moves(
            row.net, row.currency, row.units, row.transactions, row.first_day, row.last_day
        ),
        suggestion=suggestion,
    )


@router.post("/auto-map", responses=one(AutoMapped, 200, 202), response_class=Response)
async def auto_map(form: AutoMap, services: ServicesDep, caller: CallerDep) -> Response:
    """
    Match all that is unmapped against the catalogue again.

    The unmapped products are reported anew (`pos.mapping-needed`), as if just seen; matches
    that are good enough are applied by the stages, the others become suggestions.
    """
    accounts = accounts_asked(services, caller, form.account_id)
    before = ranked(services, accounts)
    tenant_lane = services.directory.lane(caller.tenant.tenant_id)
    outs = [
        Out(caller.tenant.tenant_id.encode(), encode(event), (), tenant_lane)
        for event in _needed(services, before)
    ]
    if form.include_undone:
        await _reopen(services, caller, before)
    if outs:
        await services.log.append(topics.MAPPING_NEEDED, outs)
    lanes = [tenant_lane, *(services.directory.lane(acct.account_id) for acct in accounts)]
    seen = await visible(services, lanes) if outs else True
    after = ranked(services, accounts)
    answer = AutoMapped(
        asked=len(before),
        mapped=max(len(before) - len(after), 0),
        suggested=sum(row.suggested_product_id is not None for row in after),
        unmapped=len(after),
        visible=seen,
    )
    return json_answer(answer, 200 if seen else 202)


async def _reopen(services: Services, caller: Caller, rows: Sequence[UnmappedRow]) -> None:
    """Let matching work on what a person undid; decided before the guesses that follow."""
    outs = []
    for row in rows:
        request = reopening(
            row.account_id,
            row.pos_product_id,
            tenant=row.tenant_id,
            request_id=str(uuid4()),
            by=caller.key_name,
            at=services.clock(),
        )
        lane = services.directory.lane(row.account_id)
        outs.append(Out(row.account_id.encode(), encode(request), (), lane))
    if outs:
        await services.log.append(topics.MAPPING_REQUESTS, outs)


def _needed(services: Services, rows: Sequence[UnmappedRow]) -> list[MappingNeeded]:
    """Return the events that report these products, some hundred products each."""
    events = []
    by_account = sorted(rows, key=lambda row: row.account_id)
    for account_id, group in groupby(by_account, key=lambda row: row.account_id):
        account = services.directory.account(account_id)
        of_account = list(group)
        samples = [_sample(row) for row in of_account]
        for begin in range(0, len(samples) if account else 0, MATCHED_AT_ONCE):
            part = tuple(samples[begin : begin + MATCHED_AT_ONCE])
            events.append(_event(services, account, of_account, tuple(samples[:SAMPLES]), part))
    return events


def _event(
    services: Services,
    account: Account | None,
    rows: Sequence[UnmappedRow],
    samples: tuple[UnmappedSample, ...],
    part: tuple[UnmappedSample, ...],
) -> MappingNeeded:
    currency = rows[0].currency
    return MappingNeeded(
        event_id=str(uuid4()),
        tenant_id=rows[0].tenant_id,
        pos_account_id=rows[0].account_id,
        pos_provider=account.provider if account else "",
        location_name=account.location_name if account else "",
        unmapped_products_count=len(rows),
        unmapped_revenue=Money(sum(row.net for row in rows), currency),
        sample_unmapped_products=samples,
        new_products=part,
        timestamp=services.clock(),
    )


def _sample(row: UnmappedRow) -> UnmappedSample:
    return UnmappedSample(
        pos_product_id=row.pos_product_id,
        name=row.name,
        sku=row.sku,
        category=row.category,
        transaction_count=row.transactions,
        revenue=row.net,
    )
