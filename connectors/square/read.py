"""
Any body of Square's: whether it can be read, and whom a webhook is about.

What a body is shows in itself; nothing else need be known of where it came from. Whatever is
wrong with it is said in the outcome, in words that hold none of its own text.
"""

from __future__ import annotations

from connectors.bodies import UNBELIEVABLE, must_fit, rejected
from connectors.contract import Outcome, Rejected, Route, Shop
from connectors.square.answers import answer_outcome
from connectors.square.envelope import BODY, ROUTE, Body, RouteBody
from connectors.square.events import event_outcome


def read(body: bytes, shop: Shop) -> Outcome:
    """Say what a body means to a shop; a shop without a location takes every location's."""
    try:
        said = _decoded(body)
        if said.data is not None or said.event_id is not None:
            return event_outcome(said, shop)
        return answer_outcome(said, body, shop)
    except UNBELIEVABLE as error:
        return rejected(error, "Square's")


def route(body: bytes) -> Route | Rejected:
    """Say whom a webhook is about."""
    try:
        must_fit(body)
        said = ROUTE.decode(body)
    except UNBELIEVABLE as error:
        return rejected(error, "Square's")
    return Route(
        merchant=said.merchant_id,
        locations=_locations(said),
        delivery_id=said.event_id,
        resource=said.type,
    )


def _locations(said: RouteBody) -> tuple[str, ...]:
    """Return the locations that a webhook names, each once."""
    about = said.data.object if said.data is not None else None
    named = [said.location_id]
    if about is not None:
        places = (
            about.payment,
            about.refund,
            about.order_created,
            about.order_updated,
            about.order_fulfillment_updated,
            *(about.inventory_counts or ()),
        )
        named += [place.location_id for place in places if place is not None]
    return tuple(dict.fromkeys(name for name in named if name))


def _decoded(body: bytes) -> Body:
    must_fit(body)
    if not body.isascii():
        # Strings in fields that we skip are not decoded otherwise.
        body.decode()
    return BODY.decode(body)
