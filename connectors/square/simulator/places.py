"""The bakeries of a simulated Square: their towns, tokens and ids."""

from __future__ import annotations

from connectors.simulation.config import SimulatedShop

_TOWNS = (
    ("Corner Bakery", "Europe/Berlin", "DE", "EUR", True, "7", "19"),
    ("Harbor Bakehouse", "America/New_York", "US", "USD", False, "4.5", "8.875"),
    ("Asahi Pan", "Asia/Tokyo", "JP", "JPY", True, "8", "10"),
    ("Souk Bakery", "Asia/Kuwait", "KW", "KWD", False, "0", "0"),
)


def bakeries(
    count: int, *, timezone: str | None = None, currency: str | None = None
) -> tuple[SimulatedShop, ...]:
    """
    Return bakeries of different towns; from the fifth on, second locations of the first ones.

    `timezone` and `currency` replace those of the towns.
    """
    found = []
    for number in range(count):
        name, zone, country, money, inclusive, food, drink = _TOWNS[number % len(_TOWNS)]
        merchant = f"MLSIM{number % len(_TOWNS) + 1:08d}"
        branch = number // len(_TOWNS)
        found.append(
            SimulatedShop(
                merchant_id=merchant,
                location_id=f"LSIM{number + 1:08d}",
                name=name if not branch else f"{name} {branch + 1}",
                token=f"sim-access-token-{merchant}",
                timezone=timezone or zone,
                country=country,
                currency=currency or money,
                inclusive=inclusive,
                food_tax=food,
                drink_tax=drink,
                main=branch == 0,
            )
        )
    return tuple(found)
