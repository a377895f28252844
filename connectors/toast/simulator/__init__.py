"""A Toast without Toast: deterministic restaurants for tests, demo and trying out."""

from connectors.toast.simulator.places import CLIENT_ID, CLIENT_SECRET, restaurants
from connectors.toast.simulator.simulator import ToastSimulator

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "ToastSimulator", "restaurants"]
