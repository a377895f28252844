"""
The menus of a restaurant, and what there is of the few items that are counted.

The stock API tells of counted items and of those that are out of stock; of all others it says
nothing.

Source: doc.toasttab.com/openapi/menus, .../openapi/stock, platform guide "Using the stock API"
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from connectors.simulation.answers import Json
from connectors.simulation.bills import Item
from connectors.simulation.books import Books
from connectors.simulation.chance import Chance, whole
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.counter import items_of
from connectors.simulation.shelves import Stock
from connectors.toast.simulator.habits import HABITS
from connectors.toast.simulator.lines import item_guid, item_name
from connectors.toast.simulator.wording import amount, guid, when
from schemas.quantity import plain

COUNTED_EVERY = 3
SEASONAL = "Gingerbread House"
LEFT = 3
OPENS = timedelta(minutes=90)
"""From the begin of the business day until the shelves are filled and counted."""


SEASONAL_GUID = guid("item", SEASONAL)
"""It stands on the menu all year and is there for a few days."""


def stock_words(config: SimulatorConfig, place: int) -> Iterator[Stock]:
    """Yield the counts of a restaurant: each morning, and one of today's trade."""
    shop = config.shops[place]
    today = shop.calendar.day_of(config.now)
    for back in range(config.days, 0, -1):
        day = today - timedelta(days=back)
        at = shop.calendar.begins(day) + OPENS
        yield Stock(key=SEASONAL_GUID, at=at, counted=Decimal(0))
        yield from _counts(config, place, at, day)
    if config.live_orders:
        length = timedelta(seconds=config.live_seconds)
        at = whole(config.now + length // 3)
        yield from _counts(config, place, at, today)
        yield Stock(key=SEASONAL_GUID, at=whole(at + length // 3), counted=Decimal(LEFT))


def _counts(config: SimulatorConfig, place: int, at: datetime, day: date) -> Iterator[Stock]:
    shop = config.shops[place]
    throw = Chance(config.seed, "stock", place, day)
    for item in items_of(shop, config.products, HABITS)[::COUNTED_EVERY]:
        if not item.weighed:
            counted = Decimal(throw.randrange(300, 600))
            yield Stock(key=item_guid(item), at=at, counted=counted)


def status_of(on_hand: Decimal) -> Json:
    """Return how much there is; of nothing there is no number."""
    if on_hand <= 0:
        return {"status": "OUT_OF_STOCK"}
    return {"status": "QUANTITY", "quantity": plain(on_hand)}


def stock(books: Books, place: int) -> list[Json]:
    """Return all counted items of a restaurant."""
    return [
        {
            "guid": key,
            "itemGuidValidity": "VALID",
            **status_of(on_hand),
            "multiLocationId": multi_location_id(key),
            "versionId": key,
        }
        for key, on_hand in sorted(books.shelves[place].on_hand.items())
    ]


def multi_location_id(key: str) -> str:
    """Return the id that an item has at all restaurants of a group."""
    return f"1{int(key[:8], 16):017d}"


class Menus:
    """The menus of one restaurant; they are published anew in the middle of today's trade."""

    def __init__(self, config: SimulatorConfig, place: int) -> None:
        self._config, self.shop = config, config.shops[place]
        self._items = items_of(self.shop, config.products, HABITS)
        first = self.shop.calendar.day_of(config.now) - timedelta(days=config.days)
        self._published = [self.shop.calendar.begins(first) - timedelta(days=1)]
        if config.live_orders:
            length = timedelta(seconds=config.live_seconds)
            self._published.append(whole(config.now + length // 2))

    def published(self, since: datetime) -> Iterator[datetime]:
        """Yield when menus are published after a time."""
        return (at for at in self._published if at > since)

    def metadata(self, until: datetime) -> Json:
        """Return when the menus were last published."""
        last = max(at for at in self._published if at <= until)
        return {"restaurantGuid": self.shop.location_id, "lastUpdated": when(last)}

    def menus(self, until: datetime) -> Json:
        """Return the whole of them."""
        raised = sum(at <= until for at in self._published) - 1
        groups: dict[str, list[Json]] = {"Seasonal": [self._seasonal()]}
        for item in self._items:
            price = item.price + 10 * raised if item.number == 1 else item.price
            groups.setdefault(item.category, []).append(self._item(item, price))
        return {
            **self.metadata(until),
            "restaurantTimeZone": self.shop.timezone,
            "menus": [
                {
                    "name": "Counter",
                    "guid": guid(self.shop.location_id, "menu"),
                    "menuGroups": [
                        self._group("Bakery", [], [self._group(*it) for it in groups.items()])
                    ],
                }
            ],
            "modifierGroupReferences": {},
            "modifierOptionReferences": {},
        }

    def _group(self, name: str, items: list[Json], groups: list[Json] | None = None) -> Json:
        return {
            "name": name,
            "guid": guid(self.shop.location_id, "group", name),
            "menuItems": items,
            "menuGroups": groups or [],
        }

    def _item(self, item: Item, price: int) -> Json:
        return {
            **_menu_item(item_name(item), item_guid(item)),
            "sku": item.sku or None,
            "price": amount(price),
            "unitOfMeasure": "KG" if item.weighed else "NONE",
        }

    def _seasonal(self) -> Json:
        return {**_menu_item(SEASONAL, SEASONAL_GUID), "price": amount(2900)}


def _menu_item(name: str, key: str) -> Json:
    return {
        "name": name,
        "guid": key,
        "multiLocationId": multi_location_id(key),
        "masterId": int(key[:8], 16),
        "description": "",
        "pricingStrategy": "BASE_PRICE",
        "salesCategory": {"name": "Food", "guid": guid("sales category")},
        "plu": "",
        "sku": None,
        "modifierGroupReferences": [],
    }
