"""The business locations of a simulated K-Series, and what happens at their tills."""

from __future__ import annotations

from connectors.simulation.chance import Chance
from connectors.simulation.config import SimulatedShop
from connectors.simulation.counter import Habits
from connectors.simulation.towns import Ids, Town, shops_in

USER = "tillstream"
"""Who webhooks say they are; the password is the config's signature key."""

FIRST_LOCATION, DAY_STARTS = 247158188015618, 4

HABITS = Habits(
    gift_cards=0,
    modifiers=0,
    gratuities=0,
    tips_later=0,
    late=0,
    taxes_together=True,
)
"""
Gift cards, priced modifiers and gratuities are no words of the financial API. A sale has no
time of change and is listed by the time it was closed: how a tip that comes later is told, or
how late a till may hand in its sales, is not documented, and is left out. Taxes have six
decimals and are rounded in their sum.

Source: api-docs.lsk.lightspeed.app, Financial V2 (Sale, Line, Payment)
"""

_TOWNS = (
    Town("Boulangerie du Parc", "Europe/Brussels", "BE", "EUR", True, "6", "21"),
    Town("Plateau Bakery", "America/Toronto", "CA", "CAD", False, "5", "14.975"),
    Town("Harbour Bakery", "Europe/London", "GB", "GBP", True, "20", "20"),
    Town("Alpenbeck", "Europe/Zurich", "CH", "CHF", True, "2.6", "8.1"),
)


def bakeries(count: int) -> tuple[SimulatedShop, ...]:
    """Return business locations of different towns, each with a token of its own."""
    return shops_in(_TOWNS, count, _ids, cut_off_hour=DAY_STARTS)


def _ids(number: int) -> Ids:
    location = f"{FIRST_LOCATION + 17 * number}"
    return Ids(location, location, Chance("k-series token", number).id(43))
