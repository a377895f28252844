"""The restaurants of a simulated Toast, and who we are there."""

from __future__ import annotations

from connectors.simulation.config import SimulatedShop
from connectors.simulation.towns import Ids, Town, shops_in
from connectors.toast.simulator.wording import guid

CLIENT_ID = "simulated-client"
CLIENT_SECRET = "simulated-client-secret"  # noqa: S105
CLOSEOUT_HOUR = 4

_TOWNS = (
    Town("Harbor Bakehouse", "America/New_York", "US", "USD", False, "6.25", "7"),
    Town("Liffey Bakery", "Europe/Dublin", "IE", "EUR", True, "13.5", "23"),
    Town("Lakeside Bread", "America/Chicago", "US", "USD", False, "2.25", "10.25"),
    Town("Maple Oven", "America/Toronto", "CA", "CAD", False, "5", "13"),
)


def restaurants(count: int) -> tuple[SimulatedShop, ...]:
    """
    Return restaurants of different towns.

    A restaurant is merchant and location in one, and has no token of its own: our application
    logs in, and names the restaurant in a header.
    """
    return shops_in(_TOWNS, count, _ids, cut_off_hour=CLOSEOUT_HOUR)


def _ids(number: int) -> Ids:
    restaurant = guid("restaurant", number)
    return Ids(restaurant, restaurant)
