"""A deterministic X-Series: API, webhooks and its own sums, from one seed."""

from __future__ import annotations

from connectors.lightspeed_x.simulator.places import CLIENT_ID, outlets
from connectors.lightspeed_x.simulator.simulator import LightspeedXSimulator

__all__ = ["CLIENT_ID", "LightspeedXSimulator", "outlets"]
