"""
Any body of Square's: whether it can be read, and whom a webhook is about.

What a body is shows in itself; nothing else need be known of where it came from. Whatever is
wrong with it is said in the outcome, in words that hold none of its own text.
"""

from __future__ import annotations

import msgspec

from connectors.contract import Outcome, Rejected, Route, Shop
from connectors.square.answers import answer_outcome
from connectors.square.envelope import BODY, ROUTE, Body, RouteBody
from connectors.square.events import event_outcome
from connectors.troubles import BodyError

# A webhook is a few kilobytes, a full page of the API some hundred; no honest body is larger.
LARGEST_BODY = 8 * 1024 * 1024
TOO_DEEP = Rejected("too-deep", "nested deeper than any body of Square's")


def read(body: bytes, shop: Shop) -> Outcome:
    """Say what a body means to a shop; a shop without a location takes every location's."""
    try:
        said = _decoded(body)
        if said.data is not None or said.event_id is not None:
            return event_outcome(said, shop)
        return answer_outcome(said, body, shop)
    except (
        BodyError,
        RecursionError,
        msgspec.MsgspecError,
        ValueError,
        ArithmeticError,
    ) as error:
        return _rejected(error)


def _rejected(error: Exception) -> Rejected:
    match error:
        case BodyError():
            return Rejected(error.error_type, error.reason)
        case RecursionError():
            return TOO_DEEP
        case UnicodeDecodeError():
            return Rejected("unreadable", "not UTF-8")
        case msgspec.MsgspecError():
            # It names types and places, and of the places only fields that we know.
            return Rejected("unreadable", f"{error}"[:200])
        case _:
            return Rejected("unreadable", "a value out of range")


def route(body: bytes) -> Route | Rejected:
    """Say whom a webhook is about."""
    try:
        _sized(body)
        said = ROUTE.decode(body)
    except (BodyError, RecursionError, msgspec.MsgspecError, ValueError) as error:
        return _rejected(error)
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


def _sized(body: bytes) -> None:
    if len(body) > LARGEST_BODY:
        raise BodyError("too-large", f"{len(body)} bytes, at most {LARGEST_BODY} are read")


def _decoded(body: bytes) -> Body:
    _sized(body)
    if not body.isascii():
        # Strings in fields that we skip are not decoded otherwise.
        body.decode()
    return BODY.decode(body)
