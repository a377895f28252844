"""
Items, and how many of the few are left that somebody counts.

Source: api-docs.lsk.lightspeed.app, Items (ItemDTO), Order and Pay (item availability)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from connectors.lightspeed_k.simulator.places import FIRST_LOCATION, HABITS
from connectors.lightspeed_k.simulator.sales import item_name, money
from connectors.simulation.answers import Json
from connectors.simulation.bills import Item
from connectors.simulation.chance import whole
from connectors.simulation.config import SimulatedShop, SimulatorConfig
from connectors.simulation.counter import items_of

COUNTED_EVERY, LEFT = 5, 40


def items(config: SimulatorConfig, shop: SimulatedShop) -> list[Json]:
    """Return all items of a business location."""
    return [_item(item) for item in items_of(shop, config.products, HABITS)]


def _item(item: Item) -> Json:
    return {
        "id": FIRST_LOCATION + 100_000 + item.number,
        "sku": item.sku or f"{item.number}",
        "name": item_name(item.name, item.size),
        "active": True,
        "accountingGroup": {"name": item.category},
        "prices": [{"id": item.number, "amount": money(item.price)}],
        "type": "ITEM",
    }


def availabilities(
    config: SimulatorConfig, shop: SimulatedShop
) -> Iterator[tuple[datetime, Json]]:
    """Yield what is said of counted items in today's trade: a number, and later no more."""
    if not config.live_orders:
        return
    length = timedelta(seconds=config.live_seconds)
    counted = whole(config.now + length // 4)
    free = whole(config.now + 3 * length // 4)
    for item in items_of(shop, config.products, HABITS)[::COUNTED_EVERY]:
        yield counted, _availability(shop, item, counted, LEFT)
        yield free, _availability(shop, item, free, None)


def left_of(
    config: SimulatorConfig, shop: SimulatedShop, skus: Collection[str], until: datetime
) -> list[Json]:
    """Return what is known of these items: how many are left, null where nobody counts."""
    known: dict[str, Json] = {
        f"{item['sku']}": {"sku": item["sku"], "count": None, "updatedAt": None}
        for item in items(config, shop)
        if item["sku"] in skus
    }
    for at, word in availabilities(config, shop):
        if at <= until and word["sku"] in known:
            told = {"count": word["count"], "updatedAt": word["countUpdatedAt"]}
            known[f"{word['sku']}"].update(told)
    return list(known.values())


def _availability(shop: SimulatedShop, item: Item, at: datetime, count: int | None) -> Json:
    return {
        "sku": item.sku or f"{item.number}",
        "businessLocationId": int(shop.location_id),
        "count": count,
        "countUpdatedAt": at.isoformat(timespec="milliseconds"),
        "status": "NOT_RESTRICTED" if count is None else "RESTRICTED",
        "type": "ITEM",
    }
