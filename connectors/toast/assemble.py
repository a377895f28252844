"""Transactions out of parts: a Toast order is one part, and holds all of its checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.msgpack import Decoder, Encoder

from connectors.contract import Shop
from connectors.instants import microseconds
from connectors.toast.amounts import instant
from connectors.toast.drafts import drafts_of
from connectors.toast.wire import Order, Selection, When
from connectors.troubles import UnreadableError
from connectors.whole import owned
from schemas.part import Part
from schemas.transaction import Transaction

ORDER_PART = "order"

_pack = Encoder()
_drafts = Decoder(tuple[Transaction, ...])


def order_key(guid: str) -> str:
    """Return the key of all that an order makes."""
    return f"order:{guid}"


def part_of(order: Order, shop: Shop) -> Part:
    """
    Return what an order says.

    `modifiedDate` is its version. A check or a refund may be newer than the order they are in,
    so the newest time of all decides between two of the same version.

    Raises:
        BodyError: it cannot be believed.

    Source: doc.toasttab.com/openapi/orders (Order.modifiedDate)
    """
    modified = instant(order.modified_date or order.opened_date)
    if modified is None:
        raise UnreadableError("an order without a time of change")
    times = [microseconds(instant(time)) for time in _times(order)]
    return Part(
        transaction=order_key(order.guid),
        part_id=ORDER_PART,
        version=microseconds(modified),
        updated_at_us=max(times, default=0),
        content=_pack.encode(drafts_of(order, shop)),
    )


def _times(order: Order) -> Iterator[When | None]:
    yield order.modified_date
    for check in order.checks:
        yield from (check.modified_date, check.closed_date, check.paid_date, check.void_date)
        yield from map(_changed, check.selections or ())
        for payment in check.payments or ():
            yield payment.paid_date
            if payment.refund is not None:
                yield payment.refund.refund_date
            if payment.void_info is not None:
                yield payment.void_info.void_date


def _changed(selection: Selection) -> When | None:
    return selection.modified_date


def assemble(parts: Mapping[str, Part], shop: Shop) -> tuple[Transaction, ...]:
    """Return the transactions of one order; none while it is not known."""
    part = parts.get(ORDER_PART)
    if part is None:
        return ()
    refs = (f"{part.part_id}@{part.version}",)
    return tuple(owned(draft, shop, refs) for draft in _drafts.decode(part.content))
