"""A deterministic CORE-POS: its tables as tills and the nightly task leave them, its sums."""

from __future__ import annotations

from connectors.corepos.simulator.simulator import CoreposSimulator, stores

__all__ = ["CoreposSimulator", "stores"]
