"""
Who may call a simulated provider whose merchants consent in the browser, with rotating tokens.

Source: RFC 6749, 4.1 and 6
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qs

from connectors.simulation.answers import Json, RefusedError
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.oauth import OAuthRefusedError, TokenBook


class Desk:
    """
    The tokens of all merchants: those of the config never expire by themselves.

    The refresh token of a config's token is "refresh-" and that token.

    Args:
        client_id, client_secret: of the one application that the provider knows.
    """

    def __init__(self, config: SimulatorConfig, client_id: str, client_secret: str) -> None:
        self._application = (client_id, client_secret)
        tokens = {shop.token: shop.merchant_id for shop in config.shops}
        self.book = TokenBook(
            config.seed,
            tuple(tokens.values()),
            rotates=True,
            lives_s=config.token_lives_s,
            faults=config.faults,
        )
        for token, merchant in tokens.items():
            self.book.adopt(token, merchant, f"refresh-{token}")

    def owner(self, headers: Mapping[str, str], now: datetime) -> str:
        """
        Return which merchant a token is of.

        Raises:
            RefusedError: unknown, expired or withdrawn.
        """
        kind, _, token = headers.get("authorization", "").partition(" ")
        try:
            return self.book.owner(token if kind.lower() == "bearer" else "", now)
        except OAuthRefusedError as refused:
            raise RefusedError(401, "Invalid access token.", refused.code) from None

    def consent(self, query: Mapping[str, str], now: datetime) -> str:
        """
        Return where the browser goes from the page of consent.

        Raises:
            RefusedError: it is no question of ours, or there is nowhere to go to.
        """
        if query.get("client_id") != self._application[0]:
            raise RefusedError(400, "No such application.", "invalid_client")
        try:
            return self.book.consent(query, now)
        except OAuthRefusedError as refused:
            raise RefusedError(400, "Nowhere to go back to.", refused.code) from None

    def token(self, body: bytes, now: datetime) -> Json:
        """
        Give a pair for a code or a refresh token.

        Raises:
            RefusedError: nobody is asking, or with what is no longer good.
        """
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if (form.get("client_id"), form.get("client_secret")) != self._application:
            raise RefusedError(401, "No such application.", "invalid_client")
        try:
            match form.get("grant_type"):
                case "authorization_code":
                    pair = self.book.exchange(form, now)
                case "refresh_token":
                    pair = self.book.renew(form.get("refresh_token", ""), now)
                case _:
                    raise RefusedError(400, "No such grant.", "unsupported_grant_type")
        except OAuthRefusedError as refused:
            raise RefusedError(400, "It is no longer good.", refused.code) from None
        return {
            "token_type": "Bearer",
            "expires_in": int((pair.expires_at - now).total_seconds()),
            "access_token": pair.access_token,
            "refresh_token": pair.refresh_token,
        }
