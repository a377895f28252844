"""
Stock of the X-Series: how much an outlet has; it does not say since when.

Source: x-series-api.lightspeedhq.com/reference (ListInventory: no time, no version envelope),
.../docs/inventory_updates
"""

from __future__ import annotations

from datetime import datetime

from connectors.amounts import quantity
from connectors.contract import Shop
from connectors.lightspeed_x.amounts import identity, version
from connectors.lightspeed_x.wire import Stock
from connectors.troubles import UnreadableError
from schemas.catalogue import CountKind, StockCount
from schemas.identity import derived_id


def count_of(stock: Stock, at: datetime, shop: Shop) -> StockCount | None:
    """
    Return this outlet's count, as of when it was received; None for another outlet's.

    Args:
        at: when the body arrived; the body itself has a version and no time.

    Raises:
        UnreadableError: it does not say of which product, or how much.
    """
    product_id, outlet = identity(stock.product_id), identity(stock.outlet_id)
    if shop.location_id and outlet not in {None, shop.location_id}:
        return None
    told = (stock.inventory_level, stock.current_amount, stock.count)
    level = next((one for one in told if one is not None), None)
    if product_id is None or level is None:
        raise UnreadableError("stock without product or level")
    amount = quantity(level, "inventory_level")
    number = version(stock.version)
    since = str(number) if number else at.isoformat()
    names = (shop.account_id, outlet or "", product_id, since, f"{amount:f}")
    return StockCount(
        count_id=derived_id("lightspeed-x-count", *names),
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        pos_product_id=product_id,
        kind=CountKind.COUNT,
        quantity=f"{amount:f}",
        counted_at=at,
    )
