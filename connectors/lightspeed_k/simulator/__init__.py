"""A K-Series without Lightspeed: deterministic bakeries for tests, demo and trying out."""

from connectors.lightspeed_k.simulator.places import USER, bakeries
from connectors.lightspeed_k.simulator.simulator import LightspeedKSimulator

__all__ = ["USER", "LightspeedKSimulator", "bakeries"]
