"""
Any body of K-Series': what it is, what it means, and whom a webhook is about.

What a body is shows in itself; nothing else need be known of where it came from. Whatever is
wrong with it is said in the outcome, in words that hold none of its own text.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from connectors.bodies import UNBELIEVABLE, must_be_text, must_fit, numbered, rejected, together
from connectors.contract import Ignored, NeedsFetch, Outcome, Parts, Rejected, Route, Shop
from connectors.lightspeed_k.assemble import parts_of
from connectors.lightspeed_k.goods import count_of, product_of
from connectors.lightspeed_k.sales import SOLD, UNDONE
from connectors.lightspeed_k.wire import (
    AVAILABILITY,
    ITEM,
    LIST,
    PROBE,
    SALE,
    Probe,
    Sale,
)
from connectors.troubles import UnreadableError
from schemas.raw import RawEvent

_ORDERING = {
    "ORDER": "online ordering; the sale itself comes from the financial API",
    "PAYMENT": "a payment of online ordering; the sale itself comes from the financial API",
    "ORDER_API": "whether online ordering is ready tells nothing about sales",
}


def read(raw: RawEvent, shop: Shop) -> Outcome:
    """Say what a body means to a shop; a shop without a location takes every location's."""
    try:
        must_fit(raw.body)
        must_be_text(raw.body)
        if raw.body.lstrip()[:1] == b"[":
            return _all(LIST.decode(raw.body), raw, shop)
        return _one(raw.body, raw, shop)
    except UNBELIEVABLE as error:
        return rejected(error, "K-Series'")


def route(body: bytes) -> Route | Rejected:
    """
    Say which business location a webhook is about.

    The id of the delivery is only in a header (X-Lightspeed-Idempotency-Key).

    Source: api-docs.lsk.lightspeed.app, Order and Pay: Webhook
    """
    try:
        must_fit(body)
        must_be_text(body)
        probe = PROBE.decode(body)
        if probe.business_location_id is None:
            raise UnreadableError("a webhook that names no business location")
    except UNBELIEVABLE as error:
        return rejected(error, "K-Series'")
    location = f"{probe.business_location_id}"
    return Route(merchant=location, locations=(location,), resource=probe.type or "")


def _one(body: bytes | msgspec.Raw, raw: RawEvent, shop: Shop) -> Outcome:
    probe = PROBE.decode(body)
    location = probe.business_location_id
    if shop.location_id and location is not None and f"{location}" != shop.location_id:
        return Ignored("about another business location")
    if probe.sales is not None:
        return _all(probe.sales, raw, shop)
    if _has(probe.account_fisc_id):
        return _sale(SALE.decode(body), shop)
    if probe.data is not None:
        return _all(probe.data, raw, shop)
    if probe.type in _ORDERING:
        return Ignored(_ORDERING[probe.type])
    return _goods(body, probe, raw, shop)


def _goods(body: bytes | msgspec.Raw, probe: Probe, raw: RawEvent, shop: Shop) -> Outcome:
    if _has(probe.name):
        product = product_of(ITEM.decode(body), raw.received_at, shop)
        if product is None:
            return Ignored("an item without SKU or id can be in no sale")
        return Parts(products=(product,))
    if _has(probe.sku):
        count = count_of(AVAILABILITY.decode(body), shop)
        if count is None:
            return Ignored("not restricted: nobody counts what is left")
        return Parts(counts=(count,))
    if _has(probe.error) or (_has(probe.status) and _has(probe.message)):
        return Ignored("an error answer tells nothing about sales")
    raise UnreadableError(
        "neither a sale, an item, an availability, nor a webhook of K-Series'"
    )


def _has(field: object) -> bool:
    return field is not msgspec.UNSET


def _all(bodies: Iterable[msgspec.Raw], raw: RawEvent, shop: Shop) -> Outcome:
    """Read a page of the API; one body that cannot be believed makes it unbelievable."""
    found = Parts()
    for number, body in enumerate(bodies, 1):
        with numbered(number):
            outcome = _one(body, raw, shop)
        match outcome:
            case Parts():
                found = together(found, outcome)
            case Ignored() | NeedsFetch():
                pass
            case Rejected():
                return outcome
    if found == Parts():
        return Ignored("a page without sales, items or counts")
    return found


def _sale(sale: Sale, shop: Shop) -> Outcome:
    """
    Read a record of the financial API.

    Sales and refunds count. Voids and cancellations do not, but may take back a sale. The
    others move accounts about: what they end in comes as a sale of its own.

    Source: api-docs.lsk.lightspeed.app, Financial V2 (Sale.type; V2 leaves TRANSITORY out)
    """
    if sale.type not in SOLD | UNDONE:
        return Ignored("a record of this type moves an account and sells nothing")
    return Parts(parts=tuple(parts_of(sale, shop)))
