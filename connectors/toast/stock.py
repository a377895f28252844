"""
What is left of menu items.

An item that is simply in stock has no number: nothing is known of how much there is.

Source: doc.toasttab.com/openapi/stock (MenuItemInventory), platform guide "Stock webhook"
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from connectors.contract import Shop
from connectors.toast.amounts import number
from connectors.toast.wire import Stock
from connectors.troubles import UnreadableError
from schemas.catalogue import CountKind, StockCount
from schemas.identity import derived_id


def count_of(stock: Stock, at: datetime, shop: Shop) -> StockCount | None:
    """
    Return the count that a stock status is at its time; None where it has no number.

    Raises:
        UnreadableError: no item, an unknown status, or a limited item without its number.
    """
    if stock.item_guid_validity == "INVALID":
        return None
    item = stock.item_guid or stock.guid
    if item is None:
        raise UnreadableError("a stock status of no item")
    match stock.status:
        case "IN_STOCK":
            return None
        case "OUT_OF_STOCK":
            quantity = Decimal(0)
        case "QUANTITY" if stock.quantity is not None:
            quantity = number(stock.quantity)
        case _:
            raise UnreadableError("a stock status without the number that belongs to it")
    text = f"{quantity}"
    return StockCount(
        count_id=derived_id("toast-stock", item, at.isoformat(), text),
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        pos_product_id=item,
        kind=CountKind.COUNT,
        quantity=text,
        counted_at=at,
    )
