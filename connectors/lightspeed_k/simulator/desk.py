"""
Whose token a call has; refresh tokens are good once.

Source: api-portal.lsk.lightspeed.app/quick-start/authentication/authorization (an access token
lives an hour, a refresh token is good once)
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from connectors.simulation.answers import Json, RefusedError
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.oauth import OAuthRefusedError, TokenBook

LIVES_S = 3600


class Desk:
    """The tokens of all business locations: those of the config never expire."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._places = {shop.merchant_id: n for n, shop in enumerate(config.shops)}
        self.book = TokenBook(
            config.seed,
            tuple(self._places),
            rotates=True,
            lives_s=LIVES_S,
            faults=config.faults,
        )
        for shop in config.shops:
            self.book.adopt(shop.token, shop.merchant_id, f"refresh-{shop.token}")

    def place(self, headers: Mapping[str, str], now: datetime) -> int:
        """
        Return which business location a token is of.

        Raises:
            RefusedError: unknown, expired or withdrawn.
        """
        kind, _, token = headers.get("authorization", "").partition(" ")
        try:
            owner = self.book.owner(token if kind.lower() == "bearer" else "", now)
        except OAuthRefusedError:
            raise RefusedError(401, "Unauthorized") from None
        return self._places[owner]

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
        try:
            pair = self.book.renew(query.get("refresh_token", ""), now)
        except OAuthRefusedError as refused:
            raise RefusedError(
                400, "the refresh token is no longer good", refused.code
            ) from None
        return {
            "access_token": pair.access_token,
            "refresh_token": pair.refresh_token,
            "token_type": "Bearer",
            "expires_in": LIVES_S,
            "scope": "financial-api items",
        }
