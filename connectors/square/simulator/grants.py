"""
Who may read what: Square's words for consent, tokens, renewing them, and giving them back.

Source: developer.squareup.com/reference/square/o-auth/authorize, .../obtain-token,
.../revoke-token
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from connectors.simulation.config import SimulatorConfig
from connectors.simulation.oauth import OAuthRefusedError, Pair, TokenBook
from connectors.square.simulator.bills import Json
from connectors.square.simulator.paging import RefusedError
from connectors.square.simulator.wording import stamp


class _Asked(msgspec.Struct):
    client_id: str = ""
    client_secret: str = ""
    grant_type: str = ""
    code: str = ""
    code_verifier: str = ""
    redirect_uri: str = ""
    refresh_token: str = ""
    merchant_id: str = ""
    access_token: str = ""


_asked = msgspec.json.Decoder(_Asked)

_TOKEN_CODES = {
    "invalid_token": "UNAUTHORIZED",
    "revoked_token": "ACCESS_TOKEN_REVOKED",
    "expired_token": "ACCESS_TOKEN_EXPIRED",
}


class Grants:
    """
    The tokens of all merchants.

    Those of the config never expire; a granted one does. The refresh token of the config's
    tokens is "sim-refresh-<merchant>"; as in Square's code flow, renewing leaves it as it is.
    """

    def __init__(self, config: SimulatorConfig) -> None:
        self._merchants = tuple(dict.fromkeys(shop.merchant_id for shop in config.shops))
        self.book = TokenBook(
            config.seed,
            self._merchants,
            rotates=False,
            lives_s=config.token_lives_s,
            faults=config.faults,
        )
        for shop in config.shops:
            self.book.adopt(shop.token, shop.merchant_id, f"sim-refresh-{shop.merchant_id}")

    def merchant(self, headers: Mapping[str, str], now: datetime) -> str:
        """
        Return whose token a call has.

        Raises:
            RefusedError: unknown, expired or revoked.
        """
        kind, _, token = headers.get("authorization", "").partition(" ")
        try:
            return self.book.owner(token if kind.lower() == "bearer" else "", now)
        except OAuthRefusedError as refused:
            raise RefusedError(401, _TOKEN_CODES[refused.code]) from None

    def authorize(self, query: Mapping[str, str], now: datetime) -> str:
        """
        Let the merchant who is signed in say yes; return where the browser goes.

        Raises:
            RefusedError: the application does not say who it is, or where to go back to.
        """
        try:
            return self.book.consent(query, now)
        except OAuthRefusedError:
            raise RefusedError(400, "BAD_REQUEST") from None

    def token(self, body: bytes, now: datetime) -> Json:
        """Grant a new access token for a code or a refresh token."""
        asked = _asked.decode(body or b"{}")
        try:
            if asked.grant_type == "authorization_code":
                if not asked.client_secret and not asked.code_verifier:
                    raise RefusedError(401, "UNAUTHORIZED")
                return _answer(self.book.exchange(msgspec.structs.asdict(asked), now))
            return _answer(self.book.renew(asked.refresh_token, now))
        except OAuthRefusedError:
            raise RefusedError(401, "UNAUTHORIZED") from None

    def revoke(self, headers: Mapping[str, str], body: bytes) -> Json:
        """Take all tokens of a merchant back; the application's secret has to be shown."""
        if not headers.get("authorization", "").startswith("Client "):
            raise RefusedError(401, "UNAUTHORIZED")
        asked = _asked.decode(body or b"{}")
        merchant = self.book.known_owner(asked.access_token) or asked.merchant_id
        if merchant not in self._merchants:
            raise RefusedError(404, "NOT_FOUND")
        self.book.revoke(merchant)
        return {"success": True}


def _answer(pair: Pair) -> Json:
    return {
        "access_token": pair.access_token,
        "token_type": "bearer",
        "expires_at": stamp(pair.expires_at),
        "merchant_id": pair.owner,
        "refresh_token": pair.refresh_token,
        "short_lived": False,
    }
