"""An R-Series without Lightspeed: deterministic shops for tests, demo and trying out."""

from connectors.lightspeed_r.simulator.places import CLIENT_ID, CLIENT_SECRET, shops
from connectors.lightspeed_r.simulator.simulator import LightspeedRSimulator

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "LightspeedRSimulator", "shops"]
