"""
Items as the products that a POS knows, and how much is left of them.

Sales know an item by its SKU alone, so that is its id here, too.

Source: api-docs.lsk.lightspeed.app, Items (ItemDTO), Order and Pay (restricted items, item
availability notification)
"""

from __future__ import annotations

from datetime import datetime

from connectors.contract import Shop
from connectors.instants import instant, microseconds
from connectors.lightspeed_k.amounts import fine, number
from connectors.lightspeed_k.wire import Availability, Item
from connectors.troubles import UnreadableError
from schemas.catalogue import CountKind, PosProduct, StockCount
from schemas.identity import derived_id
from schemas.money import exponent, round_minor


def product_of(item: Item, received_at: datetime, shop: Shop) -> PosProduct | None:
    """
    Return the product; None for one without SKU and id. Items carry no time of change.

    Raises:
        UnreadableError: its price is out of range.
    """
    name = item.sku or ("" if item.id is None else f"{item.id}")
    if not name:
        return None
    price = None
    first = next(iter(item.prices or ()), None)
    if first is not None and first.amount is not None and shop.currency is not None:
        price = round_minor(fine(first.amount, exponent(shop.currency)))
    return PosProduct(
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        pos_product_id=name,
        name=item.name or "Item",
        version=microseconds(received_at),
        sku=item.sku or None,
        category=item.accounting_group.name if item.accounting_group is not None else None,
        price=price,
        currency=None if price is None else shop.currency,
        deleted=item.active is False,
    )


def count_of(told: Availability, shop: Shop) -> StockCount | None:
    """
    Return how much is left; None where the item is not restricted, for then nobody counts it.

    Raises:
        UnreadableError: a count without its time.
    """
    if told.count is None or told.status == "NOT_RESTRICTED":
        return None
    at = instant(told.count_updated_at or told.updated_at)
    if at is None:
        raise UnreadableError("a count of an item without its time")
    text = f"{number(told.count)}"
    return StockCount(
        count_id=derived_id("lightspeed-k-stock", told.sku, at.isoformat(), text),
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        pos_product_id=told.sku,
        kind=CountKind.COUNT,
        quantity=text,
        counted_at=at,
    )
