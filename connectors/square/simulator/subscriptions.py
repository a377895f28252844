"""
Where a simulated Square is told to send its webhooks; who may ask is not looked at closely.

Source: developer.squareup.com/reference/square/webhook-subscriptions-api
"""

from __future__ import annotations

import msgspec

from connectors.simulation.chance import Chance
from connectors.simulation.config import SimulatorConfig
from connectors.square.simulator.bills import Json
from connectors.square.simulator.inquiry import Inquiry
from connectors.square.simulator.paging import RefusedError


class _Wanted(msgspec.Struct):
    name: str | msgspec.UnsetType = msgspec.UNSET
    enabled: bool | msgspec.UnsetType = msgspec.UNSET
    event_types: list[str] | msgspec.UnsetType = msgspec.UNSET
    notification_url: str | msgspec.UnsetType = msgspec.UNSET


class _Asked(msgspec.Struct):
    subscription: _Wanted
    idempotency_key: str = ""


_asked = msgspec.json.Decoder(_Asked)


class Subscriptions:
    """All subscriptions of the application, by id."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._chance = Chance(config.seed, "subscriptions")
        self._key = config.signature_key
        self._held: dict[str, dict[str, object]] = {}
        self._made: dict[str, str] = {}

    def listed(self, _inquiry: Inquiry) -> Json:
        """Return all of them, without their keys."""
        hidden = "signature_key"
        plain = [
            {name: value for name, value in one.items() if name != hidden}
            for one in self._held.values()
        ]
        return {"subscriptions": plain} if plain else {}

    def create(self, inquiry: Inquiry) -> Json:
        """Make one, once for each idempotency key."""
        asked = _asked.decode(inquiry.call.body)
        known = self._made.get(asked.idempotency_key) if asked.idempotency_key else None
        if known in self._held:
            return {"subscription": self._held[known]}
        if not asked.subscription.notification_url or not asked.subscription.event_types:
            raise RefusedError(400, "MISSING_REQUIRED_PARAMETER", "subscription")
        name = f"wbhk_{self._chance.id(20)}"
        self._held[name] = {
            "id": name,
            "enabled": True,
            "signature_key": self._key,
            **msgspec.to_builtins(asked.subscription),
        }
        self._made[asked.idempotency_key] = name
        return {"subscription": self._held[name]}

    def update(self, inquiry: Inquiry) -> Json:
        """Change what the call names."""
        asked = _asked.decode(inquiry.call.body)
        held = self._there(inquiry.name)
        held.update(msgspec.to_builtins(asked.subscription))
        return {"subscription": held}

    def delete(self, inquiry: Inquiry) -> Json:
        """Forget one."""
        self._there(inquiry.name)
        del self._held[inquiry.name]
        return {}

    def _there(self, name: str) -> dict[str, object]:
        if name not in self._held:
            raise RefusedError(404, "NOT_FOUND")
        return self._held[name]
