"""
Menus as the products that a POS knows.

Source: doc.toasttab.com/openapi/menus (Restaurant, Menu, MenuGroup, MenuItem)
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.contract import Shop
from connectors.instants import microseconds
from connectors.toast.amounts import instant, nearly_minor
from connectors.toast.wire import MenuGroup, MenuItem, Menus
from schemas.catalogue import PosProduct
from schemas.money import exponent


def products_of(menus: Menus, shop: Shop) -> tuple[PosProduct, ...]:
    """
    Return every item of every menu once; where it stands on several, as the first has it.

    Raises:
        UnreadableError: a price or the time of publication is out of range.
    """
    version = microseconds(instant(menus.last_updated))
    found: dict[str, PosProduct] = {}
    for menu in menus.menus:
        for group, item in _items(menu):
            if item.guid and item.guid not in found:
                found[item.guid] = _product(item, item.guid, group, version, shop)
    return tuple(found.values())


def _items(group: MenuGroup) -> Iterator[tuple[MenuGroup, MenuItem]]:
    for item in group.menu_items or ():
        yield group, item
    for inner in group.menu_groups or ():
        yield from _items(inner)


def _product(
    item: MenuItem, guid: str, group: MenuGroup, version: int, shop: Shop
) -> PosProduct:
    price = None
    if item.price is not None and shop.currency is not None:
        price = nearly_minor(item.price, exponent(shop.currency))
    return PosProduct(
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        pos_product_id=guid,
        name=item.name or "Item",
        version=version,
        sku=item.sku or item.plu or None,
        category=group.name or None,
        price=price,
        currency=None if price is None else shop.currency,
    )
