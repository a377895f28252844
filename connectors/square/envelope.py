"""
Whatever Square may send, decoded in one pass: webhooks, API answers, bare objects.

Source: developer.squareup.com/docs/webhooks/overview, .../reference/square
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Raw
from msgspec.json import Decoder

from connectors.square.wire import (
    Id,
    InventoryCount,
    Order,
    OrderStub,
    Payment,
    Refund,
    When,
    Wire,
)

# Bytes left as they are, and empty where there are none.
_ABSENT = Raw()


class CatalogVersion(Wire, frozen=True, gc=False, kw_only=True):
    """The catalogue changed at this time; not how."""

    updated_at: When


class EventObject(Wire, frozen=True, gc=False, kw_only=True):
    """`data.object` of a webhook: one of these, by the kind of event."""

    payment: Payment | None = None
    refund: Refund | None = None
    order_created: OrderStub | None = None
    order_updated: OrderStub | None = None
    order_fulfillment_updated: OrderStub | None = None
    inventory_counts: list[InventoryCount] | None = None
    catalog_version: CatalogVersion | None = None


class EventData(Wire, frozen=True, gc=False, kw_only=True):
    """`data` of a webhook."""

    object: EventObject | None = None


class Body(Order, frozen=True, gc=False, kw_only=True):
    """
    Any body at all, in one pass: a webhook, an API answer, or a bare object.

    It has the fields of an order at its top level, because bare orders are what polls bring
    most; the raw fields only tell what else a bare object is.
    """

    merchant_id: str | None = None
    type: str | None = None
    event_id: str | None = None
    data: EventData | None = None
    order: Order | None = None
    orders: list[Order] | None = None
    order_entries: list[OrderStub] | None = None
    payment: Payment | None = None
    payments: list[Payment] | None = None
    refund: Refund | None = None
    object: Raw = _ABSENT
    objects: Raw = _ABSENT
    related_objects: Raw = _ABSENT
    counts: Raw = _ABSENT
    changes: Raw = _ABSENT
    errors: Raw = _ABSENT
    cursor: str | None = None
    source_type: Raw = _ABSENT
    amount_money: Raw = _ABSENT
    payment_id: Raw = _ABSENT
    destination_type: Raw = _ABSENT
    unlinked: Raw = _ABSENT
    item_data: Raw = _ABSENT
    item_variation_data: Raw = _ABSENT
    category_data: Raw = _ABSENT
    catalog_object_id: Raw = _ABSENT
    physical_count: Raw = _ABSENT
    adjustment: Raw = _ABSENT
    transfer: Raw = _ABSENT
    is_deleted: bool | None = None


class PlaceItem(Wire, frozen=True, gc=False, kw_only=True):
    """Only where something was."""

    location_id: str | None = None


class RouteObject(Wire, frozen=True, gc=False, kw_only=True):
    """`data.object` of a webhook, as far as routing needs it."""

    payment: PlaceItem | None = None
    refund: PlaceItem | None = None
    order_created: PlaceItem | None = None
    order_updated: PlaceItem | None = None
    order_fulfillment_updated: PlaceItem | None = None
    inventory_counts: list[PlaceItem] | None = None


class RouteData(Wire, frozen=True, gc=False, kw_only=True):
    """`data` of a webhook, as far as routing needs it."""

    object: RouteObject | None = None


class RouteBody(Wire, frozen=True, gc=False, kw_only=True):
    """A webhook, as far as routing needs it."""

    merchant_id: Id
    type: Annotated[str, Meta(min_length=1, max_length=100)]
    event_id: Id | None = None
    location_id: str | None = None
    data: RouteData | None = None


BODY = Decoder(Body)
PAYMENT = Decoder(Payment)
REFUND = Decoder(Refund)
ROUTE = Decoder(RouteBody)
