"""
Consignments: stock orders that come in, transfers from the warehouse, and what goes back.

What is received is in the outlet's inventory from then on, and nowhere else.

Source: x-series-api.lightspeedhq.com/docs/inventory_creating_stock_orders, .../reference
(Consignment, ConsignmentProduct, Supplier)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from connectors.lightspeed_x.simulator.writing import Writer, uid, when
from connectors.simulation.answers import Json
from connectors.simulation.bills import Item
from connectors.simulation.chance import whole
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.counter import Habits, items_of
from connectors.simulation.shelves import Stock

SUPPLIERS = ("Ridge Mill", "Harbour Coffee Roasters")
EVERY, UNDER_WAY = timedelta(days=2), timedelta(hours=20)
PIECES, LINES = 36, 3
_TYPES = ("SUPPLIER", "OUTLET", "RETURN")


class Consignment(msgspec.Struct, frozen=True):
    """
    One of them; all but the newest have arrived.

    `received_at` is None for what is still under way, and for what goes back.
    """

    place: int
    number: int
    type: str
    sent_at: datetime
    received_at: datetime | None
    items: tuple[Item, ...]

    @property
    def moved_at(self) -> datetime | None:
        """Return when it moved the outlet's own stock."""
        return self.sent_at if self.type == "RETURN" else self.received_at

    @property
    def moved(self) -> Decimal:
        """Return by how many pieces of each item."""
        return Decimal(-PIECES if self.type == "RETURN" else PIECES)


def consignments(config: SimulatorConfig, habits: Habits) -> list[Consignment]:
    """Return all consignments, oldest first."""
    found = []
    for place, shop in enumerate(config.shops):
        items = items_of(shop, config.products, habits)
        for number in range(config.days // 2):
            sent_at = whole(config.now - EVERY * number - timedelta(days=1, hours=3))
            kind = _TYPES[number % len(_TYPES)]
            late = number == 0 or kind == "RETURN"
            received_at = None if late else sent_at + UNDER_WAY
            some = items[number % 2 :: 2][:LINES]
            found.append(Consignment(place, number, kind, sent_at, received_at, some))
    return sorted(found, key=lambda one: (one.sent_at, one.place))


def receipts(found: Sequence[Consignment], writer: Writer) -> Iterator[tuple[int, Stock]]:
    """Yield what they moved of each outlet's stock."""
    for one in found:
        if one.moved_at is not None:
            for item in one.items:
                key = writer.product_id(item)
                yield one.place, Stock(key=key, at=one.moved_at, moved=one.moved)


class Clerk:
    """Writes consignments, their products and suppliers down."""

    def __init__(self, config: SimulatorConfig, writer: Writer) -> None:
        self._config, self._writer = config, writer

    def id_of(self, one: Consignment) -> str:
        """Return the id of a consignment."""
        return uid(self._config.seed, "consignment", one.place, one.number)

    def consignment(self, one: Consignment, at: datetime, version: int) -> Json:
        """Return it as it is at a time: sent, or received."""
        here = self._config.shops[one.place].location_id
        supplied = one.type != "OUTLET"
        received = one.received_at is not None and at >= one.received_at
        return {
            "id": self.id_of(one),
            "outlet_id": here,
            "name": f"Order - {one.sent_at:%a %d %b %Y}",
            "type": one.type,
            "status": "RECEIVED" if received else "SENT",
            "supplier_id": self.supplier(one.number)["id"] if supplied else None,
            "source_outlet_id": None if supplied else uid("warehouse", one.place),
            "consignment_date": when(one.sent_at),
            "due_at": when(one.sent_at + UNDER_WAY),
            "received_at": when(at) if received else None,
            "reference": f"SO-{one.number:04d}",
            "supplier_invoice": "",
            "show_inactive": True,
            "created_at": when(one.sent_at),
            "updated_at": when(at),
            "deleted_at": None,
            "version": version,
            "filters": [],
        }

    def product(self, one: Consignment, item: Item, at: datetime, version: int) -> Json:
        """Return one product of it; the cost is of one piece."""
        received = one.received_at is not None and at >= one.received_at
        return {
            "product_id": self._writer.product_id(item),
            "product_sku": item.sku,
            "count": f"{PIECES:.5f}",
            "received": f"{PIECES if received else 0:.5f}",
            "cost": f"{Decimal(item.price).scaleb(-2) * Decimal('0.375'):.10f}",
            "status": "SUCCESS" if received else "PENDING",
            "is_included": True,
            "created_at": when(one.sent_at),
            "updated_at": when(at),
            "deleted_at": None,
            "version": version,
        }

    def supplier(self, number: int, version: int = 0) -> Json:
        """Return a supplier."""
        name = SUPPLIERS[number % len(SUPPLIERS)]
        return {
            "id": uid("supplier", name),
            "name": name,
            "source": "USER",
            "description": "",
            "version": version,
        }
