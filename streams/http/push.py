"""A till of one's own hands in its transactions; each of them gets a verdict at once."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Any

import msgspec
import structlog
from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from connectors.catalogue import NEVER_ASKED, TELL_NO_ZONE
from connectors.contract import Shop
from connectors.push.draft import PART, PROVIDER
from connectors.push.read import name_of, part_of, split
from connectors.push.schema import schema
from connectors.push.troubles import BodyError
from connectors.push.wire import ITEMS_MAX
from schemas.account import Account, AccountStatus
from schemas.businessday import UnknownZoneError, zone_named
from schemas.codec import unpack
from schemas.identity import derived_id, transaction_id
from schemas.part import Part
from schemas.raw import Channel
from streams.directory import Caller
from streams.http.answers import json_answer, one
from streams.http.auth import AccountId, CallerDep, ServicesDep, account_of
from streams.http.forms import NewAccount
from streams.http.problems import ProblemError
from streams.http.services import LocationInfo, Services
from streams.http.visibility import visible
from streams.shop import shop_of
from streams.stages.bundle import Bundle
from streams.stages.reading import row_key

TABLE = "normalise.parts"
RESOURCE = "transaction"
AT_ONCE = 50
"""Items that are checked before others may use the event loop."""

SAME = "known already, the same"
OLDER = "a newer version is known already"
OTHER = "known already with other content; nothing was written: raise the version to change it"

logger = structlog.get_logger(__name__)
router = APIRouter(prefix="/api/v1/pos", tags=["push"])


class Verdict(StrEnum):
    """What became of one transaction; `DUPLICATE_KEY`: its id and version are known already."""

    ACCEPTED = "accepted"
    DUPLICATE_KEY = "duplicate-key"
    REJECTED = "rejected"


class ItemVerdict(msgspec.Struct, kw_only=True):
    """
    The verdict on one transaction.

    `index`: its place in the list, from 0. `pointer`: where in the body the trouble is (RFC
    6901). `conflict`: the id and version are known with other content.
    """

    index: int
    id: str | None
    version: int | None = None
    verdict: Verdict
    transaction_id: str | None = None
    conflict: bool = False
    reason: str | None = None
    pointer: str | None = None


class PushAnswer(msgspec.Struct, kw_only=True):
    """What became of the transactions of a request; `items` stand in its order."""

    received: int
    accepted: int
    duplicates: int
    rejected: int
    visible: bool
    items: list[ItemVerdict]


def told_location(services: Services, caller: Caller, form: NewAccount) -> LocationInfo | None:
    """
    Return the location of a till of one's own as the form tells it; None of other providers.

    Raises:
        ProblemError: 422 too little or too much is told; 409 the currency is to change, in
            which there are sums by now.
    """
    if form.provider not in NEVER_ASKED:
        _check_told(form)
        return None
    if form.access_token or form.refresh_token:
        raise ProblemError(422, "this provider is never asked: it takes no token")
    if form.location_name is None or form.timezone is None or form.currency is None:
        raise ProblemError(422, "this provider needs location_name, timezone and currency")
    try:
        zone_named(form.timezone)
    except UnknownZoneError:
        raise ProblemError(422, "unknown time zone; use an IANA name") from None
    tenant = caller.tenant.tenant_id
    known = services.directory.account(
        derived_id("account", tenant, form.provider, form.location_id)
    )
    if known is not None and known.currency != form.currency:
        raise ProblemError(409, "the account has another currency; use another location_id")
    return LocationInfo(
        location_id=form.location_id,
        merchant=form.merchant or tenant,
        name=form.location_name,
        timezone=form.timezone,
        currency=form.currency,
    )


def _check_told(form: NewAccount) -> None:
    """Insist on what the provider does not say itself, and on no more."""
    if form.provider not in TELL_NO_ZONE:
        if form.location_name or form.timezone:
            raise ProblemError(422, "name and time zone come from this provider")
        return
    if form.location_name:
        raise ProblemError(422, "the name comes from this provider")
    if form.timezone is None or form.currency is None:
        raise ProblemError(422, "this provider needs timezone and currency")
    try:
        zone_named(form.timezone)
    except UnknownZoneError:
        raise ProblemError(422, "unknown time zone; use an IANA name") from None


@router.get(
    "/push/schema",
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
    response_class=Response,
)
async def push_schema() -> Response:
    """Return the JSON Schema (2020-12) of what is handed in; it needs no key."""
    document: dict[str, Any] = schema()
    return json_answer(document)


@router.post(
    "/accounts/{account_id}/transactions",
    responses=one(PushAnswer, 200, 202, 207),
    response_class=Response,
)
async def push(
    account_id: AccountId, request: Request, services: ServicesDep, caller: CallerDep
) -> Response:
    """
    Take one transaction, or a list of up to 500; the schema is at `/api/v1/pos/push/schema`.

    Every transaction gets a verdict, and what is accepted is durable. 200: all are taken or
    were known, and show in the tables; 202: the same, but the tables have not caught up; 207:
    some were rejected or in conflict, see `items`; 422: all were rejected, the problem has the
    `items`. Sending the same again is harmless.
    """
    account = account_of(services, caller, account_id)
    if account.provider != PROVIDER:
        raise ProblemError(409, "the account belongs to a provider that tells its sales itself")
    if account.status is not AccountStatus.CONNECTED:
        raise ProblemError(409, f"the account is {account.status.value}; connect it again")
    body = await _body(request)
    desk = _Desk(services, account)
    await desk.judge(*_items(body))
    taken = desk.taken
    if taken:
        await services.ingest.take_each(account, Channel.PUSH, RESOURCE, taken)
    lane = services.directory.lane(account.account_id)
    seen = not taken or await visible(services, [lane])
    answer = desk.answer(visible=seen)
    logger.info(
        "transactions_pushed",
        accepted=answer.accepted,
        duplicates=answer.duplicates,
        rejected=answer.rejected,
    )
    return _answered(answer)


def _answered(answer: PushAnswer) -> Response:
    if answer.rejected == answer.received:
        shown = msgspec.to_builtins(answer.items)
        raise ProblemError(422, "no transaction was taken; see items", extra={"items": shown})
    if answer.rejected or any(item.conflict for item in answer.items):
        return json_answer(answer, 207)
    return json_answer(answer, 200 if answer.visible else 202)


async def _body(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect:
        raise ProblemError(400, "the body ended early") from None


def _items(body: bytes) -> tuple[list[bytes], bool]:
    """Return the transactions of a body, and whether they stand in a list."""
    try:
        items = split(body)
    except BodyError as error:
        raise ProblemError(422, error.reason) from None
    if not 1 <= len(items) <= ITEMS_MAX:
        raise ProblemError(422, f"send 1 to {ITEMS_MAX} transactions, not {len(items)}")
    return items, body.lstrip()[:1] == b"["


class _Desk:
    """The transactions of one request, and what is to become of them."""

    def __init__(self, services: Services, account: Account) -> None:
        self._services = services
        self._account = account
        self._shop: Shop = shop_of(account)
        self._known: dict[str, Part] = {}
        self._verdicts: list[ItemVerdict] = []
        self.taken: list[tuple[str, bytes]] = []

    async def judge(self, items: list[bytes], listed: bool) -> None:  # noqa: FBT001 - as split
        """Give every transaction its verdict."""
        read: list[Part | BodyError] = []
        for at, item in enumerate(items):
            if at % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
            read.append(self._read(item))
        self._load([part for part in read if isinstance(part, Part)])
        for at, (item, found) in enumerate(zip(items, read, strict=True)):
            if isinstance(found, Part):
                self._verdicts.append(self._decided(at, item, found))
            else:
                place = f"/{at}{found.pointer}" if listed else found.pointer
                self._verdicts.append(
                    ItemVerdict(
                        index=at,
                        id=name_of(item),
                        verdict=Verdict.REJECTED,
                        reason=f"{found.error_type}: {found.reason}",
                        pointer=place,
                    )
                )

    def _read(self, item: bytes) -> Part | BodyError:
        try:
            return part_of(item, self._shop)
        except BodyError as error:
            return error

    def _load(self, parts: list[Part]) -> None:
        """Look up what is known of these ids."""
        account = self._account.account_id
        ids = list(dict.fromkeys(part.transaction for part in parts))
        keys = [row_key(account, name) for name in ids]
        lane = self._services.directory.lane(account)
        for name, row in zip(ids, self._services.views.get(TABLE, lane, keys), strict=True):
            known = None if row is None else unpack(Bundle, row).parts.get(PART)
            if known is not None:
                self._known[name] = known

    def _decided(self, at: int, item: bytes, part: Part) -> ItemVerdict:
        known = self._known.get(part.transaction)
        verdict = ItemVerdict(
            index=at,
            id=part.transaction,
            version=part.version,
            verdict=Verdict.DUPLICATE_KEY,
            transaction_id=transaction_id(self._account.account_id, PROVIDER, part.transaction),
        )
        if known is None or known.version < part.version:
            self._known[part.transaction] = part
            self.taken.append((f"{part.version}:{part.transaction}", item))
            verdict.verdict = Verdict.ACCEPTED
        elif known.version > part.version:
            verdict.reason = OLDER
        else:
            verdict.conflict = known.content != part.content
            verdict.reason = OTHER if verdict.conflict else SAME
        return verdict

    def answer(self, *, visible: bool) -> PushAnswer:
        """Return all verdicts, counted."""
        said = [item.verdict for item in self._verdicts]
        return PushAnswer(
            received=len(said),
            accepted=said.count(Verdict.ACCEPTED),
            duplicates=said.count(Verdict.DUPLICATE_KEY),
            rejected=said.count(Verdict.REJECTED),
            visible=visible,
            items=self._verdicts,
        )
