"""The purchase orders that a chunk speaks of: of each the newest version that is known."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.codec import pack, unpack
from schemas.purchasing import PurchaseOrder
from streams.log import Out, Rows, StateView
from streams.stages.reading import row_key
from streams.stages.tables import row_out


class OrderBook:
    """Rows of orders, changed as the chunk is worked through."""

    def __init__(self, state: StateView) -> None:
        self._state = state
        self._known: dict[bytes, PurchaseOrder | None] = {}
        self._changed: dict[bytes, PurchaseOrder] = {}

    def load(self, orders: Iterable[PurchaseOrder]) -> None:
        """Get the rows of these orders with one look-up."""
        keys = list(dict.fromkeys(_key(order) for order in orders))
        if not keys:
            return
        for key, row in zip(keys, self._state.get("orders", keys), strict=True):
            self._known[key] = None if row is None else unpack(PurchaseOrder, row)

    def take(self, orders: Iterable[PurchaseOrder]) -> None:
        """Take in what a body says of orders; what is no newer changes nothing."""
        for order in orders:
            key = _key(order)
            known = self._known[key]
            if known is None or _standing(order) > _standing(known):
                self._known[key] = self._changed[key] = order

    def rows(self) -> tuple[Rows, list[Out]]:
        """Return the changed rows and their public records."""
        rows: Rows = {key: pack(order) for key, order in self._changed.items()}
        return rows, [row_out(key, order) for key, order in self._changed.items()]


def _key(order: PurchaseOrder) -> bytes:
    return row_key(order.account_id, order.order_id)


def _standing(order: PurchaseOrder) -> tuple[int, bytes]:
    return order.version, pack(order)
