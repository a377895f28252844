"""
Items, and what the shops of an account have of them.

Source: developers.lightspeedhq.com/retail/endpoints/Item, .../ItemShop, .../tutorials/inventory
(the row of shop 0 is the sum of all shops; `qoh` moves with every sale, and so does the time)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from connectors.lightspeed_r.simulator.places import HABITS
from connectors.lightspeed_r.simulator.wording import (
    amount,
    item_name,
    relation,
    stamp,
    system_sku,
)
from connectors.simulation.answers import Json
from connectors.simulation.bills import Item
from connectors.simulation.books import Books
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.counter import items_of
from connectors.simulation.shelves import Stock

COUNTED = Decimal(4000)
_CATEGORIES = ("Pastry", "Bread", "Drinks", "Deli", "Gifts", "Events", "Cake")


def opened(config: SimulatorConfig) -> datetime:
    """Return when all items were made and counted: before the first sale."""
    return config.now - timedelta(days=config.days + 3)


def first_counts(config: SimulatorConfig) -> Iterator[tuple[int, Stock]]:
    """Yield what each shop had of each item in the beginning."""
    for place, shop in enumerate(config.shops):
        for item in items_of(shop, config.products, HABITS):
            yield (
                place,
                Stock(key=f"{item.number}", at=opened(config), counted=COUNTED - item.number),
            )


class Stockroom:
    """Writes items and their stock down."""

    def __init__(self, config: SimulatorConfig, books: Books) -> None:
        self._config, self._books = config, books

    def items(self, account: str, wanted: frozenset[str]) -> Iterator[Json]:
        """Yield all items of an account."""
        shop = next(it for it in self._config.shops if it.merchant_id == account)
        at = opened(self._config)
        for item in items_of(shop, self._config.products, HABITS):
            yield self._item(item, account, at, wanted)

    def shelves(self, account: str) -> Iterator[Json]:
        """Yield what each shop has of each item, and all of them together as shop 0."""
        shop = next(it for it in self._config.shops if it.merchant_id == account)
        for item in items_of(shop, self._config.products, HABITS):
            yield from self._rows(item, account)

    def _rows(self, item: Item, account: str) -> Iterator[Json]:
        whole, last = Decimal(0), opened(self._config)
        for place, shop in enumerate(self._config.shops):
            known = self._books.shelves[place].calculated(f"{item.number}")
            if shop.merchant_id != account or known is None:
                continue
            on_hand, at = known
            whole, last = whole + on_hand, max(last, at)
            yield _row(item, shop.location_id, on_hand, at)
        yield _row(item, "0", whole, last)

    def _item(self, item: Item, account: str, at: datetime, wanted: frozenset[str]) -> Json:
        told: Json = {
            "itemID": f"{item.number}",
            "systemSku": system_sku(item),
            "defaultCost": "0",
            "discountable": "true",
            "tax": "true",
            "archived": "false",
            "itemType": "default",
            "description": item_name(item),
            "upc": "",
            "ean": "",
            "customSku": item.sku,
            "manufacturerSku": "",
            "createTime": stamp(at),
            "timeStamp": stamp(at),
            "categoryID": f"{_CATEGORIES.index(item.category) + 1}",
            "taxClassID": f"{item.tax + 1}",
            "Prices": {
                "ItemPrice": [
                    {"amount": amount(item.price), "useTypeID": number, "useType": name}
                    for number, name in (("1", "Default"), ("2", "MSRP"))
                ]
            },
        }
        if "Category" in wanted:
            told["Category"] = {"categoryID": told["categoryID"], "name": item.category}
        if "ItemShops" in wanted:
            rows = list(self._rows(item, account))
            told |= relation("ItemShops", "ItemShop", rows)
        return told


def _row(item: Item, shop_id: str, on_hand: Decimal, at: datetime) -> Json:
    return {
        "itemShopID": f"{item.number * 100 + int(shop_id)}",
        "qoh": f"{on_hand.normalize():f}",
        "backorder": "0",
        "componentQoh": "0",
        "componentBackorder": "0",
        "reorderPoint": "0",
        "reorderLevel": "0",
        "timeStamp": stamp(at),
        "itemID": f"{item.number}",
        "shopID": shop_id,
    }
