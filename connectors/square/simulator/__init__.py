"""A deterministic Square: API, webhooks and its own sums, from one seed."""

from __future__ import annotations

from connectors.square.simulator.calls import Answer, Call
from connectors.square.simulator.config import ROUGH, Bakery, Faults, SimulatorConfig, bakeries
from connectors.square.simulator.simulator import SquareSimulator

__all__ = [
    "ROUGH",
    "Answer",
    "Bakery",
    "Call",
    "Faults",
    "SimulatorConfig",
    "SquareSimulator",
    "bakeries",
]
