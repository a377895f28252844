"""The providers we speak with: one line each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from connectors.access import Access, Login
from connectors.contract import Connector
from connectors.corepos.connector import CoreposConnector
from connectors.lightspeed_k import access as lightspeed_k
from connectors.lightspeed_k.connector import LightspeedKConnector
from connectors.lightspeed_r import access as lightspeed_r
from connectors.lightspeed_r.connector import LightspeedRConnector
from connectors.lightspeed_x import access as lightspeed_x
from connectors.lightspeed_x.connector import LightspeedXConnector
from connectors.push.connector import PushConnector
from connectors.square import access as square
from connectors.square.connector import SquareConnector
from connectors.toast import access as toast
from connectors.toast.connector import ToastConnector

CONNECTORS: Mapping[str, Connector] = MappingProxyType(
    {
        "square": SquareConnector(),
        "lightspeed-k": LightspeedKConnector(),
        "lightspeed-r": LightspeedRConnector(),
        "lightspeed-x": LightspeedXConnector(),
        "toast": ToastConnector(),
        "corepos": CoreposConnector(),
        "push": PushConnector(),
    }
)

ACCESSES: Mapping[str, Access] = MappingProxyType(
    {
        "square": square.ACCESS,
        "lightspeed-k": lightspeed_k.ACCESS,
        "lightspeed-r": lightspeed_r.ACCESS,
        "lightspeed-x": lightspeed_x.ACCESS,
        "toast": toast.ACCESS,
    }
)
"""Those that are called by HTTP."""


def logs_in(provider: str) -> bool:
    """Say whether our own application logs in there, so that merchants give no tokens."""
    access = ACCESSES.get(provider)
    return access is not None and isinstance(access.tokens, Login)


NEVER_ASKED = frozenset({"push"})
"""Providers that only tell: they are not polled, and no location of theirs can be looked up."""


TAKE_ORDERS = frozenset({"lightspeed-r"})
"""Providers that purchase orders are written at."""


TELL_NO_ZONE = frozenset({"corepos"})
"""Providers that know no time zone and no currency: who connects an account says them."""


class UnknownProviderError(KeyError):
    """No connector speaks with that provider."""


def connector_named(provider: str) -> Connector:
    """
    Return the connector of a provider.

    Raises:
        UnknownProviderError: names the providers that there are.
    """
    try:
        return CONNECTORS[provider]
    except KeyError as error:
        known = ", ".join(sorted(CONNECTORS))
        raise UnknownProviderError(f"no such provider; known are: {known}") from error
