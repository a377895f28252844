"""
What all calls to K-Series' API have in common.

Source: api-docs.lsk.lightspeed.app (servers); rate limits are not published
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from urllib.parse import quote

from connectors.contract import Page, PermanentError, Request, Response

BASE_URL = "https://api.lsk.lightspeed.app"
TRIAL_URL = "https://api.trial.lsk.lightspeed.app"

LIMITS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"default": (5, 1), "financial": (2, 1)}
)
"""Calls in seconds by `Request.budget`; careful guesses, since no limits are published."""

ORDERS_SCOPE = "orders-api"

OK, FORBIDDEN, NOT_FOUND = 200, 403, 404

Chat = Generator[Request | Page, Response | None, Response | None]


def stamp(instant: datetime) -> str:
    """Write an instant as K-Series wants it: ISO 8601, UTC, milliseconds."""
    utc = instant.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def segment(name: str) -> str:
    """Quote an id that came from outside, so that it can only be one piece of a path."""
    return quote(name, safe="")


def ask(request: Request) -> Chat:
    """
    Put one question to K-Series, as part of a conversation.

    Returns:
        None for what it does not know, or does not tell us where that may be forgone.

    Raises:
        PermanentError: K-Series refused.
    """
    response = yield request
    if response is None:
        raise PermanentError(f"{request.path}: a request was sent no response")
    if response.status == OK:
        return response
    if response.status == NOT_FOUND or (request.forgone and response.status == FORBIDDEN):
        return None
    raise PermanentError(f"{request.path}: K-Series answered {response.status}")
