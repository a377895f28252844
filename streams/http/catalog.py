"""Products, departments, vendors and members of a POS: what they are, were, and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Path, Query
from msgspec.structs import replace
from starlette.responses import Response

from schemas.account import Account
from schemas.catalogue import PosProduct, PosRecord, RecordKind
from schemas.codec import unpack
from schemas.history import ProductVersion, RecordVersion
from schemas.sealing import Sealer
from streams.http.answers import listed, many
from streams.http.auth import AccountId, CallerDep, ServicesDep, account_of
from streams.http.forms import PAGE, Cursor, Limit
from streams.http.paging import account_spans, page, page_where, question_of
from streams.http.services import Services
from streams.spans import Span
from streams.stages.history import history_key
from streams.stages.personal import opened
from streams.stages.reading import row_key

Told = PosProduct | PosRecord | ProductVersion | RecordVersion

CATALOG = "normalise.catalog"
VERSIONS = "normalise.versions"
RECORDS = "normalise.records"
RECORD_VERSIONS = "normalise.record_versions"

router = APIRouter(prefix="/api/v1/pos/accounts/{account_id}", tags=["catalog"])

PosProductId = Annotated[str, Path(max_length=256)]
Deleted = Annotated[
    bool | None, Query(description="Only what was deleted, or only what was not; else both.")
]
RecordId = Annotated[str, Path(max_length=100)]


@router.get("/catalog", responses=many(PosProduct), response_class=Response)
async def catalog(
    account_id: AccountId,
    services: ServicesDep,
    caller: CallerDep,
    deleted: Deleted = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> Response:
    """List the products of the POS by id, as they are now; deleted ones stay in the list."""
    account = account_of(services, caller, account_id)
    asked = _Asked(question_of("catalog", account.account_id, deleted), limit, cursor)
    spans = account_spans(services.directory, [account])
    return _what_is(services, CATALOG, PosProduct, spans, asked, deleted=deleted)


@router.get(
    "/products/{pos_product_id:path}/versions",
    responses=many(ProductVersion),
    response_class=Response,
)
async def versions(
    account_id: AccountId,
    pos_product_id: PosProductId,
    services: ServicesDep,
    caller: CallerDep,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> Response:
    """
    List the versions of one product in the order in which they were learnt.

    `valid_from` has the provider's own order; a version learnt after a newer one is `late`.
    A product that only sales tell of has none.
    """
    account = account_of(services, caller, account_id)
    question = question_of("versions", account.account_id, pos_product_id)
    asked = _Asked(question, limit, cursor)
    return _what_was(services, VERSIONS, ProductVersion, account, pos_product_id, asked)


@router.get("/records/{kind}", responses=many(PosRecord), response_class=Response)
async def records(
    account_id: AccountId,
    kind: RecordKind,
    services: ServicesDep,
    caller: CallerDep,
    deleted: Deleted = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> Response:
    """
    List the departments, vendors or members of the POS, as they are now; deleted ones stay.

    A member's personal details are sealed in the log and told here, among the others.
    """
    account = account_of(services, caller, account_id)
    question = question_of("records", account.account_id, kind.value, deleted)
    prefix = row_key(account.account_id, f"{kind.value}/")
    spans = [Span(services.directory.lane(account.account_id), prefix)]
    asked = _Asked(question, limit, cursor)
    return _what_is(services, RECORDS, PosRecord, spans, asked, deleted=deleted)


@router.get(
    "/records/{kind}/{record_id:path}/versions",
    responses=many(RecordVersion),
    response_class=Response,
)
async def record_versions(
    account_id: AccountId,
    kind: RecordKind,
    record_id: RecordId,
    services: ServicesDep,
    caller: CallerDep,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> Response:
    """
    List the versions of one department, vendor or member in the order they were learnt in.

    Where the provider keeps no time of a change, `recorded_at` says when it was noticed.
    """
    account = account_of(services, caller, account_id)
    name = f"{kind.value}/{record_id}"
    asked = _Asked(question_of("record-versions", account.account_id, name), limit, cursor)
    return _what_was(services, RECORD_VERSIONS, RecordVersion, account, name, asked)


class _Asked(NamedTuple):
    """Which page of the answer to which question."""

    question: str
    limit: int
    cursor: str | None


def _what_is(
    services: Services,
    table: str,
    kind: type[PosProduct | PosRecord],
    spans: Sequence[Span],
    asked: _Asked,
    *,
    deleted: bool | None,
) -> Response:
    """List rows as they are now, all or only those that are deleted or are not."""
    found = page_where(
        services.views,
        table,
        spans,
        lambda row: deleted is None or unpack(kind, row).deleted is deleted,
        **asked._asdict(),
    )
    rows = [unpack(kind, row) for _, row in found.rows]
    return listed([_told(one, services.sealer) for one in rows], found.cursor)


def _what_was(
    services: Services,
    table: str,
    kind: type[ProductVersion | RecordVersion],
    account: Account,
    name: str,
    asked: _Asked,
) -> Response:
    """List the versions of one thing of an account, in the order of learning."""
    lane = services.directory.lane(account.account_id)
    spans = [Span(lane, history_key(account.account_id, name))]
    found = page(services.views, table, spans, **asked._asdict())
    rows = [unpack(kind, row) for _, row in found.rows]
    return listed([_told(one, services.sealer) for one in rows], found.cursor)


def _told(one: Told, sealer: Sealer) -> Told:
    """Return what the tenant itself may see of it: all of it."""
    if isinstance(one, PosRecord):
        return opened(one, sealer)
    if isinstance(one, RecordVersion):
        before = None if one.before is None else opened(one.before, sealer)
        return replace(one, before=before, after=opened(one.after, sealer))
    return one
