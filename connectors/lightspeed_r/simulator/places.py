"""The shops of a simulated R-Series, who we are there, and what happens at their tills."""

from __future__ import annotations

from connectors.simulation.chance import Chance
from connectors.simulation.config import SimulatedShop
from connectors.simulation.counter import Habits

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

_CHAINS = (
    ("Maple Larder", "America/Toronto", "America/Vancouver", "CA", "CAD", False, "5", "14.975"),
    ("Harbour Larder", "Europe/London", "Europe/Belfast", "GB", "GBP", True, "5", "20"),
)


def shops(count: int) -> tuple[SimulatedShop, ...]:
    """Return shops, two and two of an account, which has one token for both."""
    found = []
    for number in range(count):
        chain, second = divmod(number, SHOPS_EACH)
        name, one, other, country, money, inclusive, food, drink = _CHAINS[chain % len(_CHAINS)]
        found.append(
            SimulatedShop(
                merchant_id=f"{FIRST_ACCOUNT + 31 * chain}",
                location_id=f"{number + 1}",
                name=f"{name} {number + 1}",
                token=Chance("r-series token", chain).id(64),
                timezone=other if second else one,
                country=country,
                currency=money,
                inclusive=inclusive,
                food_tax=food,
                drink_tax=drink,
                main=not second,
            )
        )
    return tuple(found)
