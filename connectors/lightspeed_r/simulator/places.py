"""The shops of a simulated R-Series, who we are there, and what happens at their tills."""

from __future__ import annotations

from connectors.simulation.chance import Chance
from connectors.simulation.config import SimulatedShop
from connectors.simulation.counter import Habits
from connectors.simulation.towns import Ids, Town, shops_in

CLIENT_ID = "simulated-client"
CLIENT_SECRET = "simulated-client-secret"  # noqa: S105

FIRST_ACCOUNT, SHOPS_EACH, REGISTERS = 118704, 2, 3

HABITS = Habits(
    gift_cards=0,
    modifiers=0,
    weighed=False,
    voided_lines=0,
    gratuities=0,
    late=0,
    taxes_apart=True,
)
"""
A line that is taken off is deleted; priced modifiers, gratuities and a till without network are
no words of the API, nor is what tells a gift card that is sold from other goods. Lines are not
rounded one by one, so none is sold by weight here: the trade would round it. Of the taxes each
is rounded in its sum.

Source: developers.lightspeedhq.com/retail/endpoints/Sale, .../SaleLine
"""

_TOWNS = (
    Town("Queen Street Larder", "America/Toronto", "CA", "CAD", False, "5", "14.975"),
    Town("False Creek Larder", "America/Vancouver", "CA", "CAD", False, "5", "12"),
    Town("Harbour Larder", "Europe/London", "GB", "GBP", True, "5", "20"),
    Town("Lagan Larder", "Europe/London", "GB", "GBP", True, "5", "20"),
)


def shops(count: int) -> tuple[SimulatedShop, ...]:
    """Return shops, two and two of an account, which has one token for both."""
    return shops_in(_TOWNS, count, _ids, cut_off_hour=0)


def _ids(number: int) -> Ids:
    account = number // SHOPS_EACH
    token = Chance("r-series token", account).id(64)
    return Ids(f"{FIRST_ACCOUNT + 31 * account}", f"{number + 1}", token)
