"""Purchase orders: what the POS has of them, and orders that it is to be given."""

from __future__ import annotations

from typing import Annotated

import msgspec
import structlog
from fastapi import APIRouter, Query, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from connectors.catalogue import TAKE_ORDERS
from schemas.account import AccountStatus
from schemas.codec import unpack
from schemas.purchasing import ORDER_DRAFT, OrderDraft, OrderStatus, PurchaseOrder
from schemas.raw import Channel
from streams.http.answers import json_answer, listed, many, one
from streams.http.auth import AccountId, CallerDep, ServicesDep, account_of
from streams.http.forms import PAGE, Cursor, Limit
from streams.http.paging import account_spans, page_where, question_of
from streams.http.problems import ProblemError

ORDERS = "normalise.orders"

logger = structlog.get_logger(__name__)
router = APIRouter(
    prefix="/api/v1/pos/accounts/{account_id}/purchase-orders", tags=["purchase orders"]
)

Status = Annotated[OrderStatus | None, Query(description="Only orders that stand so.")]
OrderId = Annotated[
    str | None, Query(max_length=256, description="Only the order of this id at the POS.")
]


class Taken(msgspec.Struct, kw_only=True):
    """An order that was handed in; it shows in the list once the POS has it."""

    reference: str
    raw_id: str


@router.get("", responses=many(PurchaseOrder), response_class=Response)
async def orders(
    account_id: AccountId,
    services: ServicesDep,
    caller: CallerDep,
    status: Status = None,
    order_id: OrderId = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> Response:
    """List purchase orders and transfers by id, as the POS has them now."""
    account = account_of(services, caller, account_id)

    def wanted(row: bytes) -> bool:
        order = unpack(PurchaseOrder, row)
        return status in {None, order.status} and order_id in {None, order.order_id}

    found = page_where(
        services.views,
        ORDERS,
        account_spans(services.directory, [account]),
        wanted,
        limit=limit,
        question=question_of("orders", account.account_id, status, order_id),
        cursor=cursor,
    )
    return listed([unpack(PurchaseOrder, row) for _, row in found.rows], found.cursor)


@router.post("", responses=one(Taken, 202), response_class=Response, status_code=202)
async def hand_in(
    account_id: AccountId, request: Request, services: ServicesDep, caller: CallerDep
) -> Response:
    """
    Have the POS be given a purchase order; what it has of it already is not made twice.

    202: the order is durable and is written now, line by line; it shows in the list when that
    is done. What the POS refuses is among the rejected (`pos.rejected`), with the reason; the
    same order may be handed in again at any time.
    """
    account = account_of(services, caller, account_id)
    if account.provider not in TAKE_ORDERS:
        raise ProblemError(409, "no purchase orders are written at this provider")
    if account.status is not AccountStatus.CONNECTED:
        raise ProblemError(409, f"the account is {account.status.value}; connect it again")
    try:
        draft = msgspec.json.decode(await request.body(), type=OrderDraft)
    except ClientDisconnect:
        raise ProblemError(400, "the body ended early") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProblemError(422, f"no purchase order: {error}"[:300]) from None
    body = msgspec.json.encode(draft)
    (raw_id,) = await services.ingest.append(account, Channel.PUSH, ORDER_DRAFT, [body])
    logger.info("order_handed_in", account_id=account.account_id, lines=len(draft.lines))
    return json_answer(Taken(reference=draft.reference, raw_id=raw_id), 202)
