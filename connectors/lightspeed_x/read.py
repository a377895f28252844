"""
Any body of the X-Series: a webhook's form, an answer of one object or many, a bare object.

What a body is shows in itself. Whatever is wrong with it is said in the outcome, in words that
hold none of its own text.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import UNSET, Raw

from connectors.amounts import number
from connectors.bodies import UNBELIEVABLE, must_be_text, must_fit, rejected, together
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
from connectors.lightspeed_x.amounts import identity, instant
from connectors.lightspeed_x.bills import bill_of
from connectors.lightspeed_x.catalog import product_of
from connectors.lightspeed_x.form import form_of, is_form
from connectors.lightspeed_x.orders import read_consigned
from connectors.lightspeed_x.stock import count_of
from connectors.lightspeed_x.told import lines_in, outlet_of, told, version_of
from connectors.lightspeed_x.wire import CONSIGNED, PROBE, PRODUCT, RAWS, SALE, STOCK, Probe
from connectors.troubles import NoCurrencyError, UnreadableError
from connectors.whole import SALE_PART, part_of, sale_key
from schemas.money import exponent
from schemas.raw import RawEvent

ELSEWHERE = "all of it happened at another outlet"
TOLD = {"sale", "product", "inventory", "consignment"}
OTHER = "tells nothing about sales, products or stock"
OVERTAKEN = "stock as of no known time: the next poll brings what there is"


def read(raw: RawEvent, shop: Shop) -> Outcome:
    """Say what a body means to a shop; a shop without a location takes every outlet's."""
    try:
        return _outcome(raw, shop)
    except UNBELIEVABLE as error:
        return rejected(error, "the X-Series")


def route(body: bytes) -> Route | Rejected:
    """
    Say which store and outlet a webhook is about; deliveries have no id of their own.

    Source: x-series-api.lightspeedhq.com/docs/webhooks
    """
    try:
        must_fit(body)
        form = form_of(body)
        if not form.merchant:
            raise UnreadableError("a webhook that names no store")
        outlet = identity(PROBE.decode(form.payload).outlet_id)
    except UNBELIEVABLE as error:
        return rejected(error, "the X-Series")
    locations = () if outlet is None else (outlet,)
    return Route(merchant=form.merchant, locations=locations, resource=form.type)


def _outcome(raw: RawEvent, shop: Shop) -> Outcome:
    must_fit(raw.body)
    body = raw.body
    if is_form(body):
        form = form_of(body)
        if form.type and form.type.partition(".")[0] not in TOLD:
            return Ignored(OTHER)
        body = form.payload
    must_be_text(body)
    if body.lstrip()[:1] == b"[":
        return _all(RAWS.decode(body), raw, shop)
    said = PROBE.decode(body)
    for given in (said.data, said.register_sales, said.register_sale):
        match bytes(given).lstrip()[:1]:
            case b"[":
                return _all(RAWS.decode(given), raw, shop)
            case b"{":
                return _all([given], raw, shop)
            case _:
                pass
    if said.error or said.errors:
        return Ignored("an answer that only tells of an error")
    return _one(said, body, raw, shop)


def _all(bodies: Iterable[Raw], raw: RawEvent, shop: Shop) -> Outcome:
    """Read a page; one object that cannot be believed makes it unbelievable."""
    found = Parts()
    why: list[str] = []
    for body in bodies:
        match _one(PROBE.decode(body), bytes(body), raw, shop):
            case Parts() as told_:
                found = together(found, told_)
            case NeedsFetch(wanted=wanted, reason=reason):
                found = msgspec.structs.replace(found, wanted=found.wanted + wanted)
                why.append(reason)
            case Ignored(reason=reason):
                why.append(reason)
            case Rejected() as refused:
                return refused
    if found.parts or found.products or found.counts or found.orders:
        return found
    if found.wanted:
        return NeedsFetch(found.wanted, why[0])
    return Ignored(why[0] if why else "a page with nothing on it")


def _one(said: Probe, body: bytes, raw: RawEvent, shop: Shop) -> Outcome:
    """
    Read one object; its fields tell what it is.

    Raises:
        UnreadableError: it is no object of the X-Series.
    """
    moving = _moving(said, body, shop)
    if moving is not None:
        return moving
    sale_fields = (said.line_items, said.register_sale_products, said.invoice_number)
    if any(one is not UNSET for one in (*sale_fields, said.total_price, said.totals)):
        return _sale(body, shop)
    levels = (said.inventory_level, said.current_amount, said.count)
    if said.outlet_id is not None and any(one is not UNSET for one in levels):
        if is_form(raw.body):
            # An answer says what there is now. A webhook says what there was when it was
            # written, without that time, and webhooks overtake each other.
            return Ignored(OVERTAKEN)
        count = count_of(STOCK.decode(body), raw.received_at, shop)
        return Ignored(ELSEWHERE) if count is None else Parts(counts=(count,))
    if said.handle is not UNSET or said.sku is not UNSET:
        return _product(said, body, shop)
    if identity(said.id) is None:
        raise UnreadableError("no body of the X-Series that we know")
    return Ignored(OTHER)


def _moving(said: Probe, body: bytes, shop: Shop) -> Outcome | None:
    """
    Read a consignment with its products; one that came alone is wanted whole.

    Returns:
        None for anything else.
    """
    if said.consignment:
        return read_consigned(CONSIGNED.decode(body), shop)
    if said.consignment_date is UNSET:
        return None
    name = identity(said.id)
    if name is None:
        raise UnreadableError("a consignment without id")
    want = WantedBody(resource=f"consignments/{name}")
    return NeedsFetch((want,), "the consignment came without its products")


def _product(said: Probe, body: bytes, shop: Shop) -> Outcome:
    """Read a product; a webhook does not say its version, so the whole of it is wanted."""
    if said.version is not None:
        return Parts(products=(product_of(PRODUCT.decode(body), shop),))
    product_id = identity(said.id)
    if product_id is None:
        raise UnreadableError("a product without id")
    want = WantedBody(resource=f"products/{product_id}")
    return NeedsFetch((want,), "the product came without its version")


def _sale(body: bytes, shop: Shop) -> Outcome:
    """
    Read a sale; one that came without its lines is wanted whole.

    Raises:
        NoCurrencyError: the account does not say in which currency it is.
        BodyError: it cannot be read, or contradicts itself.
    """
    sale = SALE.decode(body)
    if shop.location_id and outlet_of(sale) not in {None, shop.location_id}:
        return Ignored(ELSEWHERE)
    sale_id, at = identity(sale.id), microseconds(instant(sale.updated_at))
    if lines_in(sale) is None and sale_id and number(sale.total_price, "total_price"):
        want = WantedBody(
            resource=f"sales/{sale_id}",
            transaction=sale_key(sale_id),
            part_id=SALE_PART,
            min_version=version_of(sale),
        )
        return NeedsFetch((want,), "the sale came without its lines")
    if not shop.currency:
        raise NoCurrencyError
    said = told(sale)
    bill = bill_of(said, shop.currency, exponent(shop.currency))
    return Parts(parts=(part_of(bill, said.version, at),))
