"""
Stock as Square tells it: calculated counts, physical counts, adjustments, transfers.

Only what is IN_STOCK at the shop counts. A sale (IN_STOCK to SOLD) and a customer's return are
told by our own transactions, so adjustments that a sale or refund caused are left out; so are
those that a physical count made, because the count itself is told.

Source: developer.squareup.com/docs/inventory-api/what-it-does (states and transitions),
.../reference/square/objects/InventoryAdjustment, .../objects/InventoryPhysicalCount
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Raw
from msgspec.json import Decoder

from connectors.contract import Shop
from connectors.square.clock import instant
from connectors.square.units import stock_quantity
from connectors.square.wire import Id, InventoryCount, When, Wire
from connectors.troubles import UnreadableError
from schemas.catalogue import CountKind, StockCount
from schemas.identity import derived_id

IN_STOCK = "IN_STOCK"
# The other side of a movement that our own sales and refunds already make.
_BY_SALES = {"SOLD", "SOLD_ONLINE", "RETURNED_BY_CUSTOMER", "UNLINKED_RETURN"}


class PhysicalCount(Wire, frozen=True, gc=False, kw_only=True):
    """What somebody counted."""

    id: Id
    catalog_object_id: Id
    catalog_object_type: str | None = None
    state: str | None = None
    location_id: str | None = None
    quantity: str
    occurred_at: When | None = None
    created_at: When | None = None


class Movement(Wire, frozen=True, gc=False, kw_only=True):
    """An adjustment (from state to state) or a transfer (from place to place)."""

    id: Id
    catalog_object_id: Id
    catalog_object_type: str | None = None
    state: str | None = None
    from_state: str | None = None
    to_state: str | None = None
    location_id: str | None = None
    from_location_id: str | None = None
    to_location_id: str | None = None
    quantity: str
    occurred_at: When | None = None
    created_at: When | None = None
    transaction_id: str | None = None
    refund_id: str | None = None
    physical_count_id: str | None = None


class Change(Wire, frozen=True, gc=False, kw_only=True):
    """One of the three, as `type` says."""

    type: str | None = None
    physical_count: PhysicalCount | None = None
    adjustment: Movement | None = None
    transfer: Movement | None = None


_COUNT = Decoder(InventoryCount)
_COUNTS = Decoder(list[InventoryCount])
_CHANGE = Decoder(Change)
_CHANGES = Decoder(list[Change])


def one_count(body: bytes) -> list[InventoryCount]:
    """Decode a bare count."""
    return [_COUNT.decode(body)]


def many_counts(body: Raw) -> list[InventoryCount]:
    """Decode a list of counts."""
    return _COUNTS.decode(body)


def one_change(body: bytes) -> list[Change]:
    """Decode a bare change."""
    return [_CHANGE.decode(body)]


def many_changes(body: Raw) -> list[Change]:
    """Decode a list of changes."""
    return _CHANGES.decode(body)


def counted(counts: Iterable[InventoryCount], shop: Shop) -> tuple[StockCount, ...]:
    """Return this shop's calculated counts."""
    return tuple(
        StockCount(
            count_id=derived_id(
                "square-count",
                shop.account_id,
                count.catalog_object_id,
                instant(count.calculated_at).isoformat(),
                count.quantity,
            ),
            tenant_id=shop.tenant_id,
            account_id=shop.account_id,
            pos_product_id=count.catalog_object_id,
            kind=CountKind.COUNT,
            quantity=f"{stock_quantity(count.quantity):f}",
            counted_at=instant(count.calculated_at),
        )
        for count in counts
        if _tracked(count.state, count.catalog_object_type, count.location_id, shop)
    )


def changed(changes: Sequence[Change], shop: Shop) -> tuple[StockCount, ...]:
    """Return this shop's physical counts and the movements that no sale explains."""
    found: list[StockCount] = []
    for change in changes:
        if change.physical_count is not None:
            found += _physical(change.physical_count, shop)
        elif change.adjustment is not None:
            found += _moved(change.adjustment, shop, transfer=False)
        elif change.transfer is not None:
            found += _moved(change.transfer, shop, transfer=True)
    return tuple(found)


def _tracked(state: str | None, kind: str | None, location: str | None, shop: Shop) -> bool:
    return (
        state == IN_STOCK
        and kind in {None, "ITEM_VARIATION"}
        and (location is None or shop.location_id in {"", location})
    )


def _physical(count: PhysicalCount, shop: Shop) -> list[StockCount]:
    if not _tracked(count.state, count.catalog_object_type, count.location_id, shop):
        return []
    return [
        StockCount(
            count_id=derived_id("square-physical", shop.account_id, count.id),
            tenant_id=shop.tenant_id,
            account_id=shop.account_id,
            pos_product_id=count.catalog_object_id,
            kind=CountKind.COUNT,
            quantity=f"{stock_quantity(count.quantity):f}",
            counted_at=_when(count.occurred_at, count.created_at),
            physical=True,
        )
    ]


def _moved(move: Movement, shop: Shop, *, transfer: bool) -> list[StockCount]:
    states = {move.from_state, move.to_state}
    by_sale = bool(states & _BY_SALES or move.transaction_id or move.refund_id)
    if (
        by_sale
        or move.physical_count_id
        or move.catalog_object_type
        not in {
            None,
            "ITEM_VARIATION",
        }
    ):
        return []
    if transfer:
        leaves = arrives = move.state == IN_STOCK
    else:
        leaves, arrives = move.from_state == IN_STOCK, move.to_state == IN_STOCK
    sign = (arrives and _here(move.to_location_id or move.location_id, shop)) - (
        leaves and _here(move.from_location_id or move.location_id, shop)
    )
    if not sign:
        return []
    return [
        StockCount(
            count_id=derived_id("square-movement", shop.account_id, move.id),
            tenant_id=shop.tenant_id,
            account_id=shop.account_id,
            pos_product_id=move.catalog_object_id,
            kind=CountKind.MOVEMENT,
            quantity=f"{sign * stock_quantity(move.quantity):f}",
            counted_at=_when(move.occurred_at, move.created_at),
        )
    ]


def _here(location: str | None, shop: Shop) -> bool:
    return location is None or shop.location_id in {"", location}


def _when(occurred_at: datetime | None, created_at: datetime | None) -> datetime:
    when = occurred_at or created_at
    if when is None:
        raise UnreadableError("a change of stock without a time")
    return instant(when)
