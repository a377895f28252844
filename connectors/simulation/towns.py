"""Shops of a simulated provider: one in each of its towns, and then a second one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from connectors.simulation.config import SimulatedShop


class Town(NamedTuple):
    """What a shop's town decides; taxes in per cent, inside the prices where `inclusive`."""

    name: str
    timezone: str
    country: str
    currency: str
    inclusive: bool
    food_tax: str
    drink_tax: str


class Ids(NamedTuple):
    """What a provider calls a shop, and what opens it ("" where nothing of its own does)."""

    merchant: str
    location: str
    token: str = ""


def shops_in(
    towns: Sequence[Town], count: int, ids: Callable[[int], Ids], *, cut_off_hour: int
) -> tuple[SimulatedShop, ...]:
    """Return so many shops; `ids` gives those of each by its number, from 0."""
    return tuple(
        _shop(towns[number % len(towns)], number // len(towns), ids(number), cut_off_hour)
        for number in range(count)
    )


def _shop(town: Town, earlier: int, ids: Ids, cut_off_hour: int) -> SimulatedShop:
    return SimulatedShop(
        merchant_id=ids.merchant,
        location_id=ids.location,
        token=ids.token,
        name=f"{town.name} {earlier + 1}" if earlier else town.name,
        timezone=town.timezone,
        country=town.country,
        currency=town.currency,
        inclusive=town.inclusive,
        food_tax=town.food_tax,
        drink_tax=town.drink_tax,
        cut_off_hour=cut_off_hour,
    )
