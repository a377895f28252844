"""The restaurants of a simulated Toast, and who we are there."""

from __future__ import annotations

from connectors.simulation.config import SimulatedShop
from connectors.toast.simulator.wording import guid

CLIENT_ID = "simulated-client"
CLIENT_SECRET = "simulated-client-secret"  # noqa: S105
CLOSEOUT_HOUR = 4

_TOWNS = (
    ("Harbor Bakehouse", "America/New_York", "US", "USD", False, "6.25", "7"),
    ("Liffey Bakery", "Europe/Dublin", "IE", "EUR", True, "13.5", "23"),
    ("Lakeside Bread", "America/Chicago", "US", "USD", False, "2.25", "10.25"),
    ("Maple Oven", "America/Toronto", "CA", "CAD", False, "5", "13"),
)


def restaurants(count: int) -> tuple[SimulatedShop, ...]:
    """
    Return restaurants of different towns.

    A restaurant is merchant and location in one, and has no token of its own: our application
    logs in, and names the restaurant in a header.
    """
    found = []
    for number in range(count):
        name, zone, country, money, inclusive, food, drink = _TOWNS[number % len(_TOWNS)]
        restaurant = guid("restaurant", number)
        found.append(
            SimulatedShop(
                merchant_id=restaurant,
                location_id=restaurant,
                name=name if number < len(_TOWNS) else f"{name} {number // len(_TOWNS) + 1}",
                token="",
                timezone=zone,
                country=country,
                currency=money,
                inclusive=inclusive,
                food_tax=food,
                drink_tax=drink,
                cut_off_hour=CLOSEOUT_HOUR,
            )
        )
    return tuple(found)
