"""
Items and what shops have of them.

Source: developers.lightspeedhq.com/retail/endpoints/Item, .../ItemShop, .../tutorials/inventory
(the row of shop 0 is the sum of all shops: it is not another shop)
"""

from __future__ import annotations

from collections.abc import Iterable

from connectors.amounts import minor, quantity
from connectors.contract import Shop
from connectors.instants import microseconds
from connectors.lightspeed_r.amounts import flag, identity, instant, text
from connectors.lightspeed_r.lines import sku_of
from connectors.lightspeed_r.wire import (
    ITEM_SHOP,
    ITEM_SHOPS,
    PRICE,
    PRICES,
    Item,
    ItemShop,
    related,
    rows,
)
from connectors.troubles import NoCurrencyError, UnreadableError
from schemas.catalogue import CountKind, PosProduct, StockCount
from schemas.identity import derived_id
from schemas.money import exponent

_USUAL_PRICE = "Default"


def products_of(items: Iterable[Item], shop: Shop) -> tuple[PosProduct, ...]:
    """
    Return the products.

    Raises:
        NoCurrencyError: the account does not say in which currency prices are.
        UnreadableError: an item without id.
    """
    return tuple([_product(item, shop) for item in items])


def counts_of(items: Iterable[Item], shop: Shop) -> tuple[StockCount, ...]:
    """Return the counts that came with items; raises as `counted`."""
    found = [
        row
        for item in items
        for row in rows(related(item.ItemShops).item_shop, ITEM_SHOP, ITEM_SHOPS)
    ]
    return counted(found, shop)


def counted(found: Iterable[ItemShop], shop: Shop) -> tuple[StockCount, ...]:
    """
    Return what this shop has on hand; Lightspeed counts it on, nobody looked.

    Raises:
        UnreadableError: a row without item or time, or a quantity that is none.
    """
    return tuple([_count(row, shop) for row in found if _here(identity(row.shopID), shop)])


def _here(shop_id: str | None, shop: Shop) -> bool:
    return shop_id is not None and shop.location_id in {"", shop_id}


def _product(item: Item, shop: Shop) -> PosProduct:
    if not shop.currency:
        raise NoCurrencyError
    item_id = identity(item.itemID)
    if item_id is None:
        raise UnreadableError("an item without itemID")
    prices = rows(related(item.Prices).item_price, PRICE, PRICES)
    usual = next((one for one in prices if text(one.use_type) == _USUAL_PRICE), None)
    changed_at = instant(item.timeStamp)
    category = text(item.Category.name) if item.Category is not None else ""
    return PosProduct(
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        pos_product_id=item_id,
        name=text(item.description) or f"Item {item_id}",
        version=microseconds(changed_at),
        sku=sku_of(item.customSku, item.systemSku),
        category=category or None,
        price=None if usual is None else minor(usual.amount, exponent(shop.currency), "price"),
        currency=shop.currency,
        deleted=flag(item.archived),
        changed_at=changed_at,
    )


def _count(row: ItemShop, shop: Shop) -> StockCount:
    item_id, at = identity(row.itemID), instant(row.timeStamp)
    if item_id is None or at is None:
        raise UnreadableError("stock without item or time")
    amount = quantity(row.qoh, "qoh")
    names = (shop.account_id, text(row.shopID), item_id, at.isoformat(), f"{amount:f}")
    return StockCount(
        count_id=derived_id("lightspeed-r-count", *names),
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        pos_product_id=item_id,
        kind=CountKind.COUNT,
        quantity=f"{amount:f}",
        counted_at=at,
    )
