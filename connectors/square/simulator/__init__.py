"""A deterministic Square: API, webhooks and its own sums, from one seed."""

from __future__ import annotations

from connectors.simulation.calls import Answer, Call
from connectors.simulation.config import ROUGH, Faults, SimulatedShop, SimulatorConfig
from connectors.square.simulator.places import bakeries
from connectors.square.simulator.simulator import SquareSimulator

__all__ = [
    "ROUGH",
    "Answer",
    "Call",
    "Faults",
    "SimulatedShop",
    "SimulatorConfig",
    "SquareSimulator",
    "bakeries",
]
