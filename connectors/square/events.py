"""
What a webhook of Square's means.

Source: developer.squareup.com/docs/webhooks/overview, .../reference/square/webhooks
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from connectors.contract import Ignored, NeedsFetch, Outcome, Parts, Shop, WantedBody
from connectors.square.clock import instant
from connectors.square.envelope import Body, EventObject
from connectors.square.inventory import counted
from connectors.square.kept import payments_kept, refunds_kept, stubs_wanted
from connectors.troubles import UnreadableError

# Square's begin_time is exclusive, and one announcement may stand for several changes.
CATALOG_OVERLAP = timedelta(seconds=60)

T = TypeVar("T")


def event_outcome(said: Body, shop: Shop) -> Outcome:
    """
    Say what a webhook means.

    Raises:
        UnreadableError: it has no type, or lacks what its type promises.
    """
    if not said.type:
        raise UnreadableError("a webhook without a type")
    about = (said.data.object if said.data is not None else None) or EventObject()
    meaning = _MEANINGS.get(said.type)
    if meaning is None:
        return Ignored(f"{_word(said.type)} tells nothing about sales, products or stock")
    return meaning(about, shop)


def _payment(about: EventObject, shop: Shop) -> Outcome:
    return payments_kept([_there(about.payment)], shop)


def _refund(about: EventObject, shop: Shop) -> Outcome:
    return refunds_kept([_there(about.refund)], shop)


def _order(about: EventObject, shop: Shop) -> Outcome:
    stub = about.order_updated or about.order_created or about.order_fulfillment_updated
    return stubs_wanted([_there(stub)], shop, "the webhook has only a stub of the order")


def _counts(about: EventObject, shop: Shop) -> Outcome:
    return Parts(counts=counted(_there(about.inventory_counts), shop))


def _catalog(about: EventObject, _shop: Shop) -> Outcome:
    since = instant(_there(about.catalog_version).updated_at) - CATALOG_OVERLAP
    resource = f"catalog/changed-since/{since:%Y-%m-%dT%H:%M:%S.%fZ}"
    return NeedsFetch((WantedBody(resource=resource),), "the webhook does not say what changed")


def _revoked(_about: EventObject, _shop: Shop) -> Outcome:
    return Parts(revoked=True)


_MEANINGS: dict[str, Callable[[EventObject, Shop], Outcome]] = {
    "payment.created": _payment,
    "payment.updated": _payment,
    "refund.created": _refund,
    "refund.updated": _refund,
    "order.created": _order,
    "order.updated": _order,
    "order.fulfillment.updated": _order,
    "inventory.count.updated": _counts,
    "catalog.version.updated": _catalog,
    "oauth.authorization.revoked": _revoked,
}

EVENTS = tuple(_MEANINGS)
"""The webhooks that we read."""


def _word(kind: str) -> str:
    """Return an event's type where it looks like one."""
    plain = kind.isascii() and kind.replace(".", "").replace("_", "").isalnum()
    return kind[:64] if plain else "an event of an unknown kind"


def _there(given: T | None) -> T:
    if given is None:
        raise UnreadableError("a webhook without the object that its type promises")
    return given
