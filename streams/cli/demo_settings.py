"""How Tillstream is set to speak with simulated providers: one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

import msgspec
from pydantic import BaseModel, SecretStr

from connectors.lightspeed_k.simulator import USER
from connectors.lightspeed_r.simulator import CLIENT_ID as R_CLIENT_ID
from connectors.lightspeed_r.simulator import CLIENT_SECRET as R_CLIENT_SECRET
from connectors.lightspeed_x.simulator import CLIENT_ID as X_CLIENT_ID
from connectors.toast.simulator import CLIENT_ID, CLIENT_SECRET
from streams.providers import (
    CoreposSettings,
    LightspeedKSettings,
    LightspeedRSettings,
    LightspeedXSettings,
    ProviderSettings,
    SquareSettings,
    ToastSettings,
)

CLIENT = ("simulated-client", "simulated-client-secret")
"""Who we are where a simulator lets any application renew tokens."""

CALLS_PER_SECOND = 500
"""A simulator has no need to be spared where it publishes no limit."""


class Wiring(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where a simulated provider is.

    Args:
        url: of its API.
        database: host:port of its database, where it is one.
        webhook_url: where it sends its webhooks; `secret` authenticates them.
    """

    url: str
    database: str = ""
    webhook_url: str
    secret: str


def variables(provider: str, wiring: Wiring) -> dict[str, str]:
    """Return the settings as environment variables; nothing real is behind their secrets."""
    return environment(provider, SIMULATED[provider](wiring))


def environment(provider: str, settings: BaseModel) -> dict[str, str]:
    """Return settings of a provider as the variables that a process of its own reads."""
    given = settings.model_dump(exclude_unset=True)
    prefix = f"TILLSTREAM_{provider.replace('-', '_').upper()}__"
    return {
        f"{prefix}{name.upper()}": value.get_secret_value()
        if isinstance(value, SecretStr)
        else f"{value}"
        for name, value in given.items()
        if value
    }


def _square(wiring: Wiring) -> ProviderSettings:
    return SquareSettings(
        signature_key=SecretStr(wiring.secret),
        notification_url=wiring.webhook_url,
        base_url=wiring.url,
        application_id=CLIENT[0],
        application_secret=SecretStr(CLIENT[1]),
        calls_per_second=CALLS_PER_SECOND,
    )


def _toast(wiring: Wiring) -> ProviderSettings:
    return ToastSettings(
        base_url=wiring.url,
        client_id=CLIENT_ID,
        client_secret=SecretStr(CLIENT_SECRET),
        webhook_secrets=SecretStr(wiring.secret),
    )


def _lightspeed_k(wiring: Wiring) -> ProviderSettings:
    return LightspeedKSettings(
        base_url=wiring.url,
        client_id=CLIENT[0],
        client_secret=SecretStr(CLIENT[1]),
        webhook_login=SecretStr(f"{USER}:{wiring.secret}"),
    )


def _lightspeed_x(wiring: Wiring) -> ProviderSettings:
    return LightspeedXSettings(
        base_url=wiring.url, client_id=X_CLIENT_ID, client_secret=SecretStr(wiring.secret)
    )


def _lightspeed_r(wiring: Wiring) -> ProviderSettings:
    return LightspeedRSettings(
        base_url=f"{wiring.url}/API/V3/Account/{{merchant}}",
        token_url=wiring.url,
        client_id=R_CLIENT_ID,
        client_secret=SecretStr(R_CLIENT_SECRET),
    )


def _corepos(wiring: Wiring) -> CoreposSettings:
    return CoreposSettings(hosts=f"{wiring.database},{urlsplit(wiring.url).netloc}")


SIMULATED: Mapping[str, Callable[[Wiring], BaseModel]] = MappingProxyType(
    {
        "square": _square,
        "corepos": _corepos,
        "toast": _toast,
        "lightspeed-k": _lightspeed_k,
        "lightspeed-x": _lightspeed_x,
        "lightspeed-r": _lightspeed_r,
    }
)
