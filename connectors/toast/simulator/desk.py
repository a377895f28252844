"""
Who may call, and how often.

Source: doc.toasttab.com platform guide, "Authentication", "Rate limiting"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from connectors.simulation.answers import Json, RefusedError
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.gate import Allowance, Nearest
from connectors.simulation.oauth import OAuthRefusedError, TokenBook
from connectors.toast.simulator.places import CLIENT_ID, CLIENT_SECRET

_SECOND, _QUARTER = timedelta(seconds=1), timedelta(minutes=15)
_OVERALL = (Allowance("all", 20, _SECOND), Allowance("all", 10_000, _QUARTER))


def allowances(path: str, restaurant: str) -> Sequence[Allowance]:
    """Return the limits that a call has to keep to."""
    match path:
        case "/orders/v2/ordersBulk":
            return (*_OVERALL, Allowance(f"orders of {restaurant}", 5, _SECOND))
        case "/menus/v2/menus":
            return (*_OVERALL, Allowance(f"menus of {restaurant}", 1, _SECOND))
        case _:
            return _OVERALL


def limit_headers(nearest: Nearest) -> Mapping[str, str]:
    """Return what every answer says of the limit that is nearest."""
    over_all = nearest.allowance in _OVERALL
    return {
        "x-toast-ratelimit-by": "GLOBAL" if over_all else "ENDPOINT",
        "x-toast-ratelimit-remaining": f"{nearest.left}",
        "x-toast-ratelimit-reset": f"{int(nearest.again.timestamp()) + 1}",
    }


class _Asked(msgspec.Struct, rename="camel"):
    client_id: str
    client_secret: str
    user_access_type: str


_asked = msgspec.json.Decoder(_Asked)


class Desk:
    """Gives tokens to our application and lets calls in that have one."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.book = TokenBook(
            config.seed,
            (CLIENT_ID,),
            rotates=False,
            lives_s=config.token_lives_s,
            faults=config.faults,
        )
        self._places = {shop.location_id: n for n, shop in enumerate(config.shops)}
        self.revoked: set[str] = set()

    def login(self, body: bytes, now: datetime) -> Json:
        """
        Log the application in.

        Raises:
            RefusedError: nobody has these credentials.
        """
        try:
            asked = _asked.decode(body)
        except msgspec.DecodeError as error:
            raise RefusedError(400, "the body cannot be read") from error
        if asked.user_access_type != "TOAST_MACHINE_CLIENT":
            raise RefusedError(400, "userAccessType is not supported")
        if (asked.client_id, asked.client_secret) != (CLIENT_ID, CLIENT_SECRET):
            raise RefusedError(401, "unauthorized")
        try:
            pair = self.book.log_in(CLIENT_ID, now)
        except OAuthRefusedError:
            raise RefusedError(401, "unauthorized") from None
        return {
            "@class": ".SuccessfulResponse",
            "token": {
                "tokenType": "Bearer",
                "scope": None,
                "expiresIn": int((pair.expires_at - now).total_seconds()),
                "accessToken": pair.access_token,
                "idToken": None,
                "refreshToken": None,
            },
            "status": "SUCCESS",
        }

    def place(self, headers: Mapping[str, str], now: datetime) -> int:
        """
        Return which restaurant a call is about.

        Raises:
            RefusedError: no good token, no restaurant, or none of ours.
        """
        kind, _, token = headers.get("authorization", "").partition(" ")
        try:
            self.book.owner(token if kind.lower() == "bearer" else "", now)
        except OAuthRefusedError:
            raise RefusedError(401, "the token is expired or unknown") from None
        restaurant = headers.get("toast-restaurant-external-id")
        if not restaurant:
            raise RefusedError(400, "Toast-Restaurant-External-ID is missing")
        if restaurant not in self._places or restaurant in self.revoked:
            raise RefusedError(403, "no access to this restaurant")
        return self._places[restaurant]
