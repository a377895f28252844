"""
Whose token a call has, and how full the bucket of that account is.

Source: developers.lightspeedhq.com/retail/authentication (a renewal kills the pair before it),
.../introduction/ratelimits (90 units and 10 more for each further register; one drips each
second, half of one more for each further register)
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs

from connectors.lightspeed_r.simulator.places import CLIENT_ID, CLIENT_SECRET, REGISTERS
from connectors.simulation.answers import Json, RefusedError
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.oauth import OAuthRefusedError, TokenBook


class Desk:
    """
    The tokens of all accounts: those of the config never expire by themselves.

    The refresh token of a config's token is "refresh-" and that token.
    """

    def __init__(self, config: SimulatorConfig) -> None:
        tokens = {shop.token: shop.merchant_id for shop in config.shops}
        self.book = TokenBook(
            config.seed, tuple(tokens.values()), rotates=True, lives_s=config.token_lives_s
        )
        for token, account in tokens.items():
            self.book.adopt(token, account, f"refresh-{token}")

    def account(self, headers: Mapping[str, str], now: datetime) -> str:
        """
        Return which account a token is of.

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
        if query.get("client_id") != CLIENT_ID:
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
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
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


class FullError(Exception):
    """A bucket has no room; `headers` say so, and when it will have some."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__("the bucket is full")
        self.headers = headers


class Buckets:
    """The bucket of each account; `over_budget` counts the calls that did not fit in."""

    def __init__(self, config: SimulatorConfig) -> None:
        accounts = [shop.merchant_id for shop in config.shops]
        self._more = {one: accounts.count(one) * REGISTERS - 1 for one in accounts}
        self._level: dict[str, tuple[Decimal, datetime]] = {}
        self.over_budget = 0

    def size(self, account: str) -> int:
        """Return how many units fit in."""
        return 90 + 10 * self._more[account]

    def drip(self, account: str) -> Decimal:
        """Return how many units drip out each second."""
        return 1 + Decimal("0.5") * self._more[account]

    def take(self, account: str, cost: Decimal, now: datetime) -> Mapping[str, str]:
        """
        Take a call in and return what the headers of its answer say of the bucket.

        Raises:
            FullError: there is no room for it.
        """
        level, at = self._level.get(account, (Decimal(0), now))
        seconds = Decimal(max(now - at, timedelta(0)) // timedelta(milliseconds=1)) / 1000
        level = max(Decimal(0), level - seconds * self.drip(account))
        missing = level + cost - self.size(account)
        if missing > 0:
            self.over_budget += 1
            self._level[account] = level, now
            wait = int(missing // self.drip(account)) + 1
            told = {**self._told(account, level, cost), "retry-after": f"{wait}"}
            raise FullError(told)
        self._level[account] = level + cost, now
        return self._told(account, level + cost, cost)

    def _told(self, account: str, level: Decimal, cost: Decimal) -> dict[str, str]:
        return {
            "x-ls-api-bucket-level": f"{level:.2f}/{self.size(account)}",
            "x-ls-api-drip-rate": f"{self.drip(account)}",
            "x-ls-api-request-cost": f"{cost}",
        }
