"""
Whose token a call has; refresh tokens are good once.

Source: api-portal.lsk.lightspeed.app/quick-start/authentication/authorization (an access token
lives an hour, a refresh token is good once)
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from connectors.simulation.answers import Json, RefusedError
from connectors.simulation.chance import Chance
from connectors.simulation.config import SimulatorConfig

LIVES = timedelta(hours=1)


class Desk:
    """The tokens of all business locations: those of the config never expire."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._chance = Chance(config.seed, "tokens")
        self._access: dict[str, tuple[int, datetime | None]] = {
            shop.token: (place, None) for place, shop in enumerate(config.shops)
        }
        self._refresh = {f"refresh-{it.token}": n for n, it in enumerate(config.shops)}
        self._places = {shop.merchant_id: n for n, shop in enumerate(config.shops)}
        self._revoked: set[int] = set()

    def place(self, headers: Mapping[str, str], now: datetime) -> int:
        """
        Return which business location a token is of.

        Raises:
            RefusedError: unknown, expired or withdrawn.
        """
        kind, _, token = headers.get("authorization", "").partition(" ")
        place, ends = self._access.get(token, (-1, None))
        if kind.lower() != "bearer" or place < 0 or place in self._revoked:
            raise RefusedError(401, "Unauthorized")
        if ends is not None and ends <= now:
            raise RefusedError(401, "Unauthorized")
        return place

    def renewed(
        self, headers: Mapping[str, str], query: Mapping[str, str], now: datetime
    ) -> Json:
        """
        Give a new pair for a refresh token, which is no longer good then.

        Raises:
            RefusedError: nobody is asking, or with what is no longer good.
        """
        if not headers.get("authorization", "").startswith("Basic "):
            raise RefusedError(401, "the application does not say who it is", "invalid_client")
        if query.get("grant_type") != "refresh_token":
            raise RefusedError(400, "unknown grant", "unsupported_grant_type")
        place = self._refresh.pop(query.get("refresh_token", ""), -1)
        if place < 0 or place in self._revoked:
            raise RefusedError(400, "the refresh token is no longer good", "invalid_grant")
        access, refresh = self._chance.id(43), self._chance.id(43)
        self._access[access] = place, now + LIVES
        self._refresh[refresh] = place
        return {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "Bearer",
            "expires_in": int(LIVES.total_seconds()),
            "scope": "financial-api items",
        }

    def revoke(self, merchant: str) -> None:
        """Withdraw all tokens of a business location."""
        self._revoked.add(self._places[merchant])
