"""
Any body of Toast's: what it is, what it means, and whom a webhook is about.

What a body is shows in itself; nothing else need be known of where it came from. Whatever is
wrong with it is said in the outcome, in words that hold none of its own text.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from connectors.bodies import UNBELIEVABLE, must_be_text, must_fit, numbered, rejected, together
from connectors.contract import (
    Ignored,
    NeedsFetch,
    Outcome,
    Parts,
    Rejected,
    Route,
    Shop,
    WantedBody,
)
from connectors.instants import microseconds
from connectors.toast.amounts import instant
from connectors.toast.assemble import ORDER_PART, order_key, part_of
from connectors.toast.catalog import products_of
from connectors.toast.stock import count_of
from connectors.toast.wire import (
    ENVELOPE,
    LIST,
    MENUS,
    ORDER,
    ORDER_DETAILS,
    PAYMENT,
    PROBE,
    STOCK,
    WHEREABOUTS,
    Envelope,
    Order,
    Payment,
    Probe,
    Stock,
    When,
)
from connectors.troubles import UnreadableError
from schemas.catalogue import StockCount
from schemas.raw import RawEvent

MENUS_RESOURCE = "menus"
ORDERS_RESOURCE = "orders"


def read(raw: RawEvent, shop: Shop) -> Outcome:
    """Say what a body means to a shop; a shop without a location takes every location's."""
    try:
        must_fit(raw.body)
        must_be_text(raw.body)
        if raw.body.lstrip()[:1] == b"[":
            return _all(LIST.decode(raw.body), raw, shop)
        return _one(raw.body, raw, shop)
    except UNBELIEVABLE as error:
        return rejected(error, "Toast's")


def route(body: bytes) -> Route | Rejected:
    """
    Say which restaurant a webhook is about; `guid` is the same at every attempt.

    Source: platform guide, "Webhooks" (envelope, deduplication)
    """
    try:
        must_fit(body)
        must_be_text(body)
        envelope = ENVELOPE.decode(body)
        restaurant = WHEREABOUTS.decode(envelope.details).restaurant_guid
        if restaurant is None:
            raise UnreadableError("a webhook that names no restaurant")
    except UNBELIEVABLE as error:
        return rejected(error, "Toast's")
    return Route(
        merchant=restaurant,
        locations=(restaurant,),
        delivery_id=envelope.guid,
        resource=envelope.event_type,
    )


def _one(body: bytes | msgspec.Raw, raw: RawEvent, shop: Shop) -> Outcome:
    probe = PROBE.decode(body)
    if _has(probe.event_type) and _has(probe.details):
        return _webhook(ENVELOPE.decode(body), shop)
    if _has(probe.checks):
        return _order(ORDER.decode(body), shop)
    if _has(probe.menus):
        return Parts(products=products_of(MENUS.decode(body), shop))
    if probe.entity_type == "OrderPayment" or (_has(probe.amount) and _has(probe.order_guid)):
        return _payment(PAYMENT.decode(body))
    if _is_stock(probe):
        return _stock(STOCK.decode(body), raw.received_at, shop)
    return _nothing(probe)


def _nothing(probe: Probe) -> Ignored:
    """
    Say why a known kind of body tells nothing.

    Raises:
        UnreadableError: it is of no known kind.
    """
    if _has(probe.last_updated):
        return Ignored("says only when the menus were last published")
    if _has(probe.status) and _has(probe.message):
        return Ignored("an error answer tells nothing about sales")
    raise UnreadableError("neither a webhook, an order, a payment, menus, nor stock of Toast's")


def _has(field: object) -> bool:
    return field is not msgspec.UNSET


def _is_stock(probe: Probe) -> bool:
    return _has(probe.status) and any(
        map(_has, (probe.item_guid, probe.multi_location_id, probe.item_guid_validity))
    )


def _all(bodies: Iterable[msgspec.Raw], raw: RawEvent, shop: Shop) -> Outcome:
    """Read a page of the API; one body that cannot be believed makes it unbelievable."""
    found = Parts()
    wanted: tuple[WantedBody, ...] = ()
    seen = 0
    for number, body in enumerate(bodies, 1):
        if bytes(body)[:1] == b'"':
            continue
        with numbered(number):
            outcome = _one(body, raw, shop)
        match outcome:
            case Parts():
                seen += 1
                found = together(found, outcome)
            case NeedsFetch():
                wanted += outcome.wanted
            case Ignored():
                pass
            case Rejected():
                return outcome
    if seen:
        return msgspec.structs.replace(found, wanted=wanted)
    if wanted:
        return NeedsFetch(wanted, "payments are parts of their orders")
    return Ignored("a list without sales, products or stock")


def _webhook(envelope: Envelope, shop: Shop) -> Outcome:
    where = WHEREABOUTS.decode(envelope.details)
    if shop.location_id and where.restaurant_guid not in {None, shop.location_id}:
        return Ignored("about another restaurant")
    if _has(where.order):
        return _order(ORDER_DETAILS.decode(envelope.details).order, shop)
    match envelope.event_category:
        case "menus":
            want = WantedBody(resource=MENUS_RESOURCE)
            return NeedsFetch((want,), "menus were published; the webhook does not hold them")
        case "stock":
            return _stock(STOCK.decode(envelope.details), _time(envelope.timestamp), shop)
        case _:
            return Ignored("this event tells nothing about sales")


def _time(text: str) -> datetime:
    try:
        at = instant(msgspec.convert(text, When))
    except msgspec.ValidationError:
        at = None
    if at is None:
        raise UnreadableError("the timestamp is not an ISO 8601 time")
    return at


def _order(order: Order, shop: Shop) -> Outcome:
    """
    Read an order, as a webhook or the API gives it.

    Source: doc.toasttab.com/openapi/orders (createdInTestMode, excessFood)
    """
    if order.created_in_test_mode:
        return Ignored("an order of the training mode")
    if order.excess_food:
        return Ignored("a list of leftovers, not an order of a guest")
    return Parts(parts=(part_of(order, shop),))


def _payment(payment: Payment) -> Outcome:
    """
    Say which order a payment belongs to: what it means, only the whole order tells.

    Source: platform guide, "Getting information about a specific payment"
    """
    if payment.order_guid is None:
        raise UnreadableError("a payment that does not say its order")
    refund, void = payment.refund, payment.void_info
    times = (
        payment.paid_date,
        refund.refund_date if refund is not None else None,
        void.void_date if void is not None else None,
    )
    want = WantedBody(
        resource=f"{ORDERS_RESOURCE}/{payment.order_guid}",
        transaction=order_key(payment.order_guid),
        part_id=ORDER_PART,
        min_updated_at_us=max(microseconds(instant(time)) for time in times),
    )
    return NeedsFetch((want,), "a payment is a part of its order")


def _stock(stock: Stock, at: datetime, shop: Shop) -> Outcome:
    count: StockCount | None = count_of(stock, at, shop)
    if count is None:
        return Ignored("in stock, but not how much")
    return Parts(counts=(count,))
