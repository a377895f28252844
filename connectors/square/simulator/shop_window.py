"""
The catalogue of one merchant as it changes over time, as Square's objects.

Source: developer.squareup.com/reference/square/objects/CatalogObject
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from connectors.simulation.chance import Chance
from connectors.simulation.config import SimulatedShop
from connectors.simulation.goods import ASSORTMENT, Good, priced
from connectors.square.simulator.bills import Json
from connectors.square.simulator.timeline import Happening
from connectors.square.simulator.wording import Money, stamp

_MILLISECONDS = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Variation(msgspec.Struct, frozen=True, kw_only=True):
    """What can be sold, as it stands at some time; `price` in minor units."""

    variation_id: str
    item_id: str
    item_name: str
    name: str
    sku: str
    price: int
    tax: int
    weighed: bool
    modified: bool
    version: int


class Item(msgspec.Struct, kw_only=True):
    """One item of the catalogue as it now stands."""

    item_id: str
    good: Good
    name: str
    prices: list[int]
    variation_ids: list[str]
    deleted: bool = False


class ShopWindow:
    """
    A merchant's catalogue: made once, edited now and then.

    All bakeries of a merchant share it, so it belongs to the first of them.
    """

    def __init__(self, bakery: SimulatedShop, place: int, count: int, opens: datetime) -> None:
        self.bakery, self.place = bakery, place
        self.happenings: list[Happening] = []
        throw = Chance("catalogue", bakery.merchant_id)
        self._items = [_item(good, throw, bakery) for good in ASSORTMENT[:count]]
        self._begins: list[datetime] = []
        self._states: list[tuple[Variation, ...]] = []
        for item in self._items:
            self._tell(item, opens)
        self._keep(opens)

    def edit(self, at: datetime, throw: Chance) -> None:
        """Change one thing: a price mostly, a name, or take an item off."""
        living = [item for item in self._items if not item.deleted]
        item = throw.choice(living)
        if throw.happens(150) and len(living) > 5:  # noqa: PLR2004
            item.deleted = True
        elif throw.happens(250):
            item.name = (
                f"New {item.good.name}" if item.name == item.good.name else item.good.name
            )
        else:
            size = throw.randrange(len(item.prices))
            step = priced(throw.choice((-10, 10, 20, 30)), self.bakery.currency)
            item.prices[size] = max(abs(step), item.prices[size] + step)
        self._tell(item, at)
        self._keep(at)

    def pick(self, throw: Chance, at: datetime) -> Variation:
        """Return what a customer wants; the first goods of the list are the most loved."""
        choices = self.at(at)
        return choices[min(throw.randrange(len(choices)), throw.randrange(len(choices)))]

    def at(self, at: datetime) -> tuple[Variation, ...]:
        """Return what was for sale at a time."""
        newest = len(self._begins) - 1
        while newest > 0 and self._begins[newest] > at:
            newest -= 1
        return self._states[newest]

    def _keep(self, at: datetime) -> None:
        version = (at - _EPOCH) // _MILLISECONDS
        self._begins.append(at)
        self._states.append(
            tuple(
                Variation(
                    variation_id=variation_id,
                    item_id=item.item_id,
                    item_name=item.name,
                    name=size,
                    sku=sku,
                    price=price,
                    tax=item.good.tax,
                    weighed=item.good.weighed,
                    modified=item.good.modified,
                    version=version,
                )
                for item in self._items
                if not item.deleted
                for variation_id, (size, sku, _), price in zip(
                    item.variation_ids, item.good.sizes, item.prices, strict=True
                )
            )
        )

    def _tell(self, item: Item, at: datetime) -> None:
        self.happenings.append(
            Happening(
                at=at,
                kind="item",
                id=item.item_id,
                place=self.place,
                merchant_id=self.bakery.merchant_id,
                location_id="",
                created_at=at,
                body=msgspec.json.encode(_object(item, at, self.bakery.currency)),
                events=("catalog.version.updated",),
                deleted=item.deleted,
            )
        )


def _item(good: Good, throw: Chance, bakery: SimulatedShop) -> Item:
    return Item(
        item_id=throw.id(24).upper(),
        good=good,
        name=good.name,
        prices=[priced(price, bakery.currency) for _, _, price in good.sizes],
        variation_ids=[throw.id(24).upper() for _ in good.sizes],
    )


def _object(item: Item, at: datetime, currency: str) -> Json:
    version = (at - _EPOCH) // _MILLISECONDS
    common: Json = {
        "updated_at": stamp(at),
        "version": version,
        "is_deleted": item.deleted,
        "present_at_all_locations": True,
    }
    return {
        "type": "ITEM",
        "id": item.item_id,
        **common,
        "item_data": {
            "name": item.name,
            "product_type": "REGULAR",
            "is_taxable": True,
            "categories": [{"id": category_id(item.good.category), "ordinal": 0}],
            "reporting_category": {"id": category_id(item.good.category), "ordinal": 0},
            "variations": _variations(item, common, currency),
        },
    }


def _variations(item: Item, common: Json, currency: str) -> Sequence[Json]:
    found = []
    for number, (size, sku, _) in enumerate(item.good.sizes):
        data: Json = {
            "item_id": item.item_id,
            "name": size,
            "ordinal": number,
            "pricing_type": "FIXED_PRICING",
            "price_money": Money(item.prices[number], currency),
            "track_inventory": True,
            "sellable": True,
            "stockable": True,
        }
        if sku:
            data["sku"] = sku
        found.append(
            {
                "type": "ITEM_VARIATION",
                "id": item.variation_ids[number],
                **common,
                "item_variation_data": data,
            }
        )
    return found


def category_id(name: str) -> str:
    """Return the id of a category."""
    return f"CATEGORY{name.upper()}"


def category(name: str, at: datetime) -> Json:
    """Return a category as an object of the catalogue."""
    return {
        "type": "CATEGORY",
        "id": category_id(name),
        "updated_at": stamp(at),
        "version": (at - _EPOCH) // _MILLISECONDS,
        "is_deleted": False,
        "present_at_all_locations": True,
        "category_data": {"name": name},
    }
