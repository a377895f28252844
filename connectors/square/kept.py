"""
Orders, payments and refunds as parts, and stubs as what must be fetched.

A transaction's key is its Square order. Money that names an order wants it fetched,
unless it is known as of that change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connectors.contract import Ignored, NeedsFetch, Outcome, Parts, Shop, WantedBody
from connectors.instants import microseconds
from connectors.square.bills import bill_of
from connectors.square.clock import instant
from connectors.square.content import PACK
from connectors.square.currency import expected_currency, must_be_in
from connectors.square.tenders import payment_note, refund_note
from connectors.square.wire import Order, OrderStub, Payment, Refund
from connectors.troubles import UnreadableError, WrongCurrencyError
from schemas.part import Part

ELSEWHERE = "all of it happened at another location"


def _here(location: str | None, shop: Shop) -> bool:
    return not location or not shop.location_id or location == shop.location_id


def orders_kept(orders: Sequence[Order], body: bytes, shop: Shop) -> Outcome:
    """Keep the orders of this shop; `body` is what they came in."""
    here = [order for order in orders if _here(order.location_id, shop)]
    if not here:
        return Ignored(ELSEWHERE)
    return Parts(parts=tuple([_order(order, body, shop) for order in here]))


def _order(order: Order, body: bytes, shop: Shop) -> Part:
    currency = expected_currency(order, shop.currency)
    must_be_in(order, currency, body)
    bill = bill_of(order, currency)
    changed_at = order.updated_at or order.created_at
    return Part(
        transaction=f"order:{bill.order_id}",
        part_id="order",
        # Orders that were not made through the API have no version: then time alone decides.
        version=order.version or 0,
        updated_at_us=microseconds(None if changed_at is None else instant(changed_at)),
        content=PACK.encode(bill),
    )


def payments_kept(payments: Sequence[Payment], shop: Shop) -> Outcome:
    """Keep the payments of this shop, and want their orders."""
    here = [payment for payment in payments if _here(payment.location_id, shop)]
    if not here:
        return Ignored(ELSEWHERE)
    parts: list[Part] = []
    wanted: list[WantedBody] = []
    for payment in here:
        note = payment_note(payment)
        _in_currency(note.currency, shop)
        at = microseconds(instant(payment.updated_at or payment.created_at))
        key = _key(payment.order_id, "payment", payment.id)
        parts.append(Part(key, f"payment:{payment.id}", at, at, PACK.encode(note)))
        wanted += _order_of(payment.order_id, at)
    return Parts(parts=tuple(parts), wanted=tuple(wanted))


def refunds_kept(refunds: Sequence[Refund], shop: Shop) -> Outcome:
    """Keep the refunds of this shop, and want the orders that say what came back."""
    here = [refund for refund in refunds if _here(refund.location_id, shop)]
    if not here:
        return Ignored(ELSEWHERE)
    parts: list[Part] = []
    wanted: list[WantedBody] = []
    for refund in here:
        note = refund_note(refund)
        if note.created_at is None:
            raise UnreadableError("a refund without a time of creation")
        _in_currency(note.currency, shop)
        changed_at = instant(refund.updated_at) if refund.updated_at else note.created_at
        at = microseconds(changed_at)
        key = _key(refund.order_id, "refund", note.refund_id)
        # Webhooks number a refund's versions, the API does not: only the time is in both.
        parts.append(Part(key, f"refund:{note.refund_id}", at, at, PACK.encode(note)))
        wanted += _order_of(refund.order_id, at)
    return Parts(parts=tuple(parts), wanted=tuple(wanted))


def _key(order_id: str | None, kind: str, own_id: str) -> str:
    return f"order:{order_id}" if order_id else f"{kind}:{own_id}"


def _in_currency(found: str, shop: Shop) -> None:
    if found and shop.currency and found != shop.currency:
        raise WrongCurrencyError(found, shop.currency)


def _order_of(order_id: str | None, at: int) -> tuple[WantedBody, ...]:
    """Want the order that money belongs to, unless it is known as of that change."""
    if not order_id:
        return ()
    return (
        WantedBody(
            resource=f"orders/{order_id}",
            transaction=f"order:{order_id}",
            part_id="order",
            min_updated_at_us=at,
        ),
    )


def stubs_wanted(stubs: Iterable[OrderStub], shop: Shop, reason: str) -> Outcome:
    """Want the whole of each order of this shop."""
    wanted = tuple(
        WantedBody(
            resource=f"orders/{stub.order_id}",
            transaction=f"order:{stub.order_id}",
            part_id="order",
            min_version=stub.version,
            min_updated_at_us=_changed(stub),
        )
        for stub in stubs
        if _here(stub.location_id, shop)
    )
    return NeedsFetch(wanted, reason) if wanted else Ignored(ELSEWHERE)


def _changed(stub: OrderStub) -> int | None:
    at = stub.updated_at or stub.created_at
    return None if at is None else microseconds(instant(at))
