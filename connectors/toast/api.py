"""
What all calls to Toast's APIs have in common.

The host differs between environments and comes with the credentials. Every call names the
restaurant in a header; its value is the account's location.

Source: doc.toasttab.com platform guide, "Rate limiting", "Making requests"
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from urllib.parse import quote

from connectors.contract import Page, PermanentError, Request, Response

RESTAURANT_HEADER = "toast-restaurant-external-id"

LIMITS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"default": (20, 1), "quarter-hour": (10_000, 900), "orders-bulk": (5, 1), "menus": (1, 1)}
)
"""Calls in seconds, by the name that `Request.budget` gives; "quarter-hour" is over all."""

OK, NOT_FOUND = 200, 404

Chat = Generator[Request | Page, Response | None, Response | None]


def stamp(instant: datetime) -> str:
    """Write an instant as Toast wants it: ISO 8601, UTC, milliseconds, zone without colon."""
    utc = instant.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}+0000"


def segment(name: str) -> str:
    """Quote an id that came from outside, so that it can only be one piece of a path."""
    return quote(name, safe="")


def ask(request: Request) -> Chat:
    """
    Put one question to Toast, as part of a conversation; None for what it does not know.

    Raises:
        PermanentError: Toast refused.
    """
    response = yield request
    if response is None:
        raise PermanentError(f"{request.path}: a request was sent no response")
    if response.status == OK:
        return response
    if response.status == NOT_FOUND:
        return None
    raise PermanentError(f"{request.path}: Toast answered {response.status}")
