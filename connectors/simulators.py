"""
The providers that can be simulated: one line each.

Clients that others made accept all but one: Square's SDK, pycorepos, toastapi (Toast),
lightspeed-api (R) and lightspeed-x (X). For the K-Series there is none on PyPI.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from connectors.corepos.simulator import CoreposSimulator, stores
from connectors.lightspeed_k.simulator import LightspeedKSimulator
from connectors.lightspeed_k.simulator import bakeries as k_bakeries
from connectors.lightspeed_r.simulator import LightspeedRSimulator
from connectors.lightspeed_r.simulator import shops as r_shops
from connectors.lightspeed_x.simulator import LightspeedXSimulator, outlets
from connectors.simulation.config import SimulatedShop, SimulatorConfig
from connectors.simulation.simulator import Simulator
from connectors.square.simulator import SquareSimulator, bakeries
from connectors.toast.simulator import ToastSimulator, restaurants


class SimulatedProvider(msgspec.Struct, frozen=True):
    """
    How one provider is simulated.

    Args:
        make: the simulator of a config.
        shops: so many shops, with ids and tokens as the provider has them.
        typed: fields of a shop that the provider does not tell, so that a person types them in
            when the account is connected: "timezone", "currency".
    """

    make: Callable[[SimulatorConfig], Simulator]
    shops: Callable[[int], tuple[SimulatedShop, ...]]
    typed: tuple[str, ...] = ()


SIMULATORS: Mapping[str, SimulatedProvider] = MappingProxyType(
    {
        "square": SimulatedProvider(SquareSimulator, bakeries),
        "corepos": SimulatedProvider(CoreposSimulator, stores, typed=("timezone", "currency")),
        "toast": SimulatedProvider(ToastSimulator, restaurants),
        "lightspeed-k": SimulatedProvider(LightspeedKSimulator, k_bakeries),
        "lightspeed-x": SimulatedProvider(LightspeedXSimulator, outlets),
        "lightspeed-r": SimulatedProvider(LightspeedRSimulator, r_shops, typed=("currency",)),
    }
)
