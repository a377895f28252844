"""
Who may read what: access tokens, renewing them, and giving them back.

Source: developer.squareup.com/reference/square/o-auth/obtain-token, .../revoke-token
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from connectors.simulation.chance import Chance
from connectors.simulation.config import SimulatorConfig
from connectors.square.simulator.bills import Json
from connectors.square.simulator.paging import RefusedError
from connectors.square.simulator.wording import stamp

NEVER = None


class _Asked(msgspec.Struct):
    client_id: str = ""
    grant_type: str = ""
    code: str = ""
    refresh_token: str = ""
    merchant_id: str = ""
    access_token: str = ""


_asked = msgspec.json.Decoder(_Asked)


class Grants:
    """
    The tokens of all merchants.

    Those of the config never expire; a granted one does. Authorisation codes are
    "sim-code-<merchant>", refresh tokens "sim-refresh-<merchant>".
    """

    def __init__(self, config: SimulatorConfig) -> None:
        self._chance = Chance(config.seed, "tokens")
        self._lives = timedelta(seconds=config.token_lives_s)
        self._merchants = {bakery.merchant_id for bakery in config.shops}
        self._held: dict[str, tuple[str, datetime | None]] = {
            bakery.token: (bakery.merchant_id, NEVER) for bakery in config.shops
        }
        self.revoked: set[str] = set()

    def merchant(self, headers: Mapping[str, str], now: datetime) -> str:
        """
        Return whose token a call has.

        Raises:
            RefusedError: unknown, expired or revoked.
        """
        kind, _, token = headers.get("authorization", "").partition(" ")
        held = self._held.get(token) if kind.lower() == "bearer" else None
        if held is None:
            raise RefusedError(401, "UNAUTHORIZED")
        merchant, expires = held
        if merchant in self.revoked:
            raise RefusedError(401, "ACCESS_TOKEN_REVOKED")
        if expires is not None and expires <= now:
            raise RefusedError(401, "ACCESS_TOKEN_EXPIRED")
        return merchant

    def expire(self, token: str, now: datetime) -> None:
        """Let a token be expired from a time on."""
        merchant, _ = self._held[token]
        self._held[token] = merchant, now

    def token(self, body: bytes, now: datetime) -> Json:
        """Grant a new access token for a code or a refresh token."""
        asked = _asked.decode(body or b"{}")
        given = asked.code if asked.grant_type == "authorization_code" else asked.refresh_token
        kind = "code" if asked.grant_type == "authorization_code" else "refresh"
        merchant = given.removeprefix(f"sim-{kind}-")
        if merchant not in self._merchants or not given.startswith(f"sim-{kind}-"):
            raise RefusedError(401, "UNAUTHORIZED")
        if merchant in self.revoked and kind == "refresh":
            raise RefusedError(401, "UNAUTHORIZED")
        self.revoked.discard(merchant)
        token = f"sim-access-{self._chance.id(30)}"
        self._held[token] = merchant, now + self._lives
        return {
            "access_token": token,
            "token_type": "bearer",
            "expires_at": stamp(now + self._lives),
            "merchant_id": merchant,
            "refresh_token": f"sim-refresh-{merchant}",
            "short_lived": False,
        }

    def revoke(self, headers: Mapping[str, str], body: bytes) -> Json:
        """Take all tokens of a merchant back; the application's secret has to be shown."""
        if not headers.get("authorization", "").startswith("Client "):
            raise RefusedError(401, "UNAUTHORIZED")
        asked = _asked.decode(body or b"{}")
        held = self._held.get(asked.access_token)
        merchant = held[0] if held is not None else asked.merchant_id
        if merchant not in self._merchants:
            raise RefusedError(404, "NOT_FOUND")
        self.revoked.add(merchant)
        return {"success": True}
