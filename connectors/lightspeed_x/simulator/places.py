"""The stores of a simulated X-Series: each retailer has one outlet, and a token of its own."""

from __future__ import annotations

from connectors.simulation.chance import Chance
from connectors.simulation.config import SimulatedShop
from connectors.simulation.towns import Ids, Town, shops_in

CLIENT_ID = "simulated-x-client"

# Prices of the X-Series are without tax anywhere.
_TOWNS = (
    Town("Prairie Pantry", "America/Chicago", "US", "USD", False, "1", "10.25"),
    Town("Maple Mercantile", "America/Toronto", "CA", "CAD", False, "5", "13"),
    Town("Sound Supply", "America/Los_Angeles", "US", "USD", False, "0", "10.35"),
)


def outlets(count: int) -> tuple[SimulatedShop, ...]:
    """Return outlets of different towns."""
    return shops_in(_TOWNS, count, _ids, cut_off_hour=0)


def _ids(number: int) -> Ids:
    store = f"simulated{number + 1}"
    return Ids(store, Chance("outlet", number).uuid(), f"sim-access-token-{store}")
