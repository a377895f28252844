"""
Write a purchase order: the order first, then its lines one at a time.

Lightspeed takes no lines with an order and knows no key that makes a write safe to repeat. So
nothing is written that was not looked for before: the order by our reference, its lines by item
and quantity. Whatever stopped an earlier attempt, the next one writes what is missing, and the
order is called ordered only when it is whole. A write is sent once: whether one without an
answer was carried out is found out by looking.

Source: developers.lightspeedhq.com/retail/endpoints/Order, .../OrderLine (one request a line);
.../introduction/ratelimits (each costs 1)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from connectors.amounts import quantity
from connectors.contract import Conversation, PermanentError, Request, Response, Shop
from connectors.lightspeed_r.amounts import flag, identity, text
from connectors.lightspeed_r.orders import lines_in
from connectors.lightspeed_r.poll import BUDGET, ORDER_RELATIONS, ask, one_order
from connectors.lightspeed_r.wire import ORDER, ORDERS, Order, OrderLine, rows
from connectors.troubles import BodyError
from schemas.money import exponent
from schemas.purchasing import DraftLine, OrderDraft

Written = Generator[Request, Response | None, Order]
Names = dict[str, object]


class _Answer(msgspec.Struct, rename="pascal"):
    order: msgspec.Raw = msgspec.Raw()


_answer = msgspec.json.Decoder(_Answer)


def write_order(draft: OrderDraft, shop: Shop) -> Conversation:
    """
    See to it that Lightspeed has this order, and bring it as it is there.

    Raises:
        PermanentError: the order is there and is another one, was deleted or finished, or
            people changed its lines; or Lightspeed refused.
    """
    if not shop.currency:
        raise PermanentError("the account has no currency; connect it again and name one")
    known = yield from _found(draft, shop)
    order = known or (yield from _created(draft, shop))
    order_id = identity(order.orderID) or ""
    try:
        missing = _missing(draft, lines_in(order))
    except BodyError as error:
        raise PermanentError(f"/Order.json: {error.reason}") from error
    if missing and (flag(order.complete) or text(order.receivedDate)):
        raise PermanentError(f"order {draft.reference} has come in and lacks lines")
    for line in missing:
        yield from _put("/OrderLine.json", _line(order_id, line, exponent(shop.currency)))
    if draft.ordered_at is not None and not text(order.orderedDate):
        yield from _put(
            f"/Order/{order_id}.json", {"orderedDate": _stamp(draft.ordered_at)}, "PUT"
        )
    yield from one_order(order_id)


def _found(draft: OrderDraft, shop: Shop) -> Generator[Request, Response | None, Order | None]:
    """Look for the order by its reference, among the deleted ones, too."""
    query = (
        ("refNum", draft.reference),
        ("shopID", shop.location_id),
        ("archived", "true"),
        ("load_relations", ORDER_RELATIONS),
    )
    answer = yield from ask(
        Request(method="GET", path="/Order.json", query=query, budget=BUDGET)
    )
    found = [] if answer is None else _orders(answer)
    named = [one for one in found if text(one.refNum) == draft.reference]
    if len(named) > 1:
        raise PermanentError(f"{len(named)} orders have the reference {draft.reference}")
    for order in named:
        if text(order.vendorID) != draft.vendor_id:
            raise PermanentError(f"order {draft.reference} is another vendor's")
        if flag(order.archived) and not flag(order.complete):
            raise PermanentError(f"order {draft.reference} was deleted; use a new reference")
        return order
    return None


def _created(draft: OrderDraft, shop: Shop) -> Written:
    fields: Names = {
        "vendorID": draft.vendor_id,
        "shopID": shop.location_id,
        "refNum": draft.reference,
    }
    if draft.expected_at is not None:
        fields["arrivalDate"] = _stamp(draft.expected_at)
    if draft.custom_fields:
        values = [
            {"customFieldID": name, "value": value}
            for name, value in sorted(draft.custom_fields.items())
        ]
        fields["CustomFieldValues"] = {"CustomFieldValue": values}
    answer = yield from _put("/Order.json", fields)
    made = _orders(answer)
    if len(made) != 1 or identity(made[0].orderID) is None:
        raise PermanentError("/Order.json: the answer does not say which order was made")
    return made[0]


def _missing(draft: OrderDraft, known: Sequence[OrderLine]) -> list[DraftLine]:
    """Return the lines to write; costs may be rounded there, so they tell no lines apart."""
    there = Counter((text(line.itemID), quantity(line.quantity, "quantity")) for line in known)
    missing = []
    for line in draft.lines:
        name = line.pos_product_id, quantity(line.quantity, "quantity")
        if there[name]:
            there[name] -= 1
        else:
            missing.append(line)
    if strange := there.total():
        raise PermanentError(
            f"order {draft.reference} has {strange} lines that the draft has not: somebody "
            "changed it at Lightspeed"
        )
    return missing


def _line(order_id: str, line: DraftLine, digits: int) -> Names:
    cost = f"{Decimal(line.unit_cost).scaleb(-digits):f}"
    return {
        "orderID": order_id,
        "itemID": line.pos_product_id,
        "quantity": f"{line.quantity:f}",
        "price": cost,
        "originalPrice": cost,
    }


def _put(
    path: str, fields: Names, method: str = "POST"
) -> Generator[Request, Response | None, Response]:
    request = Request(
        method=method, path=path, body=msgspec.json.encode(fields), budget=BUDGET, once=True
    )
    answer = yield from ask(request)
    if answer is None:
        raise PermanentError(f"{path}: Lightspeed knows no such order")
    return answer


def _orders(answer: Response) -> list[Order]:
    try:
        return rows(_answer.decode(answer.body).order, ORDER, ORDERS)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise PermanentError("/Order.json: the answer cannot be read") from error


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}+00:00"
