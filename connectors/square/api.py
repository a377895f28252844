"""
What all calls to Square's API have in common, and reading locations for account set-up.

Source: developer.squareup.com/docs/build-basics (versioning, handling-errors, pagination).
"""

from __future__ import annotations

import re
from collections.abc import Generator
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, NamedTuple
from urllib.parse import quote

import msgspec

from connectors.access import LocationFacts
from connectors.contract import (
    Conversation,
    Page,
    PermanentError,
    Request,
    Response,
)

BASE_URL = "https://connect.squareup.com"
SANDBOX_URL = "https://connect.squareupsandbox.com"

VERSION = "2026-08-19"
"""The API version all payloads are read as; Square keeps old versions answering."""

HEADERS = MappingProxyType({"square-version": VERSION, "accept": "application/json"})


MAX_LOCATIONS = 10
"""Of one search (docs/orders-api/manage-orders/search-orders)."""

OK, BAD_REQUEST, NOT_FOUND = 200, 400, 404

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Talk(NamedTuple):
    """One question, and whether its answer was that the cursor is no longer good."""

    body: bytes
    stale_cursor: bool = False
    missing: bool = False


class _Error(msgspec.Struct):
    code: str = ""
    field: str = ""


class _Errors(msgspec.Struct):
    errors: list[_Error] = []


class _Location(msgspec.Struct):
    id: str
    merchant_id: str
    timezone: str
    currency: str
    name: str = ""


class _LocationAnswer(msgspec.Struct):
    location: _Location


class _RawLocations(msgspec.Struct):
    locations: list[msgspec.Raw] = []


_errors = msgspec.json.Decoder(_Errors)
_location = msgspec.json.Decoder(_Location)
_location_answer = msgspec.json.Decoder(_LocationAnswer)
_locations = msgspec.json.Decoder(_RawLocations)

_CODE = re.compile(r"[A-Z0-9_]{1,64}")


def stamp(instant: datetime) -> str:
    """Write an instant as Square wants it: RFC 3339, UTC, microseconds."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def segment(name: str) -> str:
    """Quote an id that came from outside, so that it can only be one piece of a path."""
    return quote(name, safe="")


def error_codes(body: bytes) -> tuple[str, ...]:
    """Return the codes of an error answer; nothing else of it is fit for logs."""
    try:
        errors = _errors.decode(body).errors
    except msgspec.DecodeError:
        return ()
    return tuple(error.code for error in errors if _CODE.fullmatch(error.code))


def ask(request: Request) -> Generator[Request | Page, Response | None, Talk]:
    """
    Put one question to Square, as part of a conversation (`yield from`).

    Raises:
        PermanentError: Square refused, for a reason other than a stale cursor or an unknown id.
    """
    response = yield request
    if response is None:
        raise PermanentError(f"{request.path}: a request was sent no response")
    if response.status == OK:
        return Talk(response.body)
    if response.status == NOT_FOUND:
        return Talk(b"", missing=True)
    codes = error_codes(response.body)
    if response.status == BAD_REQUEST and _is_about_cursor(codes, response.body):
        return Talk(b"", stale_cursor=True)
    raise PermanentError(
        f"{request.path}: Square answered {response.status} {' '.join(codes)}".rstrip()
    )


def _is_about_cursor(codes: tuple[str, ...], body: bytes) -> bool:
    if "INVALID_CURSOR" in codes:
        return True
    return (
        any(error.field == "cursor" for error in _errors.decode(body).errors)
        if codes
        else False
    )


def location(location_id: str) -> Conversation:
    """
    Ask for one location ("main" is the merchant's main one), as one page of "location".

    Source: reference/square/locations-api/retrieve-location
    """
    talk = yield from ask(Request(method="GET", path=f"/v2/locations/{segment(location_id)}"))
    yield Page(resource="location", bodies=() if talk.missing else (talk.body,))


def locations() -> Conversation:
    """
    Ask for all locations of the merchant, each one body of the page "location".

    Source: reference/square/locations-api/list-locations
    """
    talk = yield from ask(Request(method="GET", path="/v2/locations"))
    try:
        found = _locations.decode(talk.body or b"{}").locations
    except msgspec.DecodeError as error:
        raise PermanentError("/v2/locations: the answer cannot be read") from error
    yield Page(resource="location", bodies=tuple(bytes(one) for one in found))


def parse_location(body: bytes) -> LocationFacts:
    """
    Read one location, alone or as `{"location": …}`.

    Raises:
        PermanentError: it is no location, or lacks currency, zone or merchant.
    """
    try:
        found = _location_answer.decode(body).location
    except msgspec.DecodeError:
        try:
            found = _location.decode(body)
        except msgspec.DecodeError as error:
            raise PermanentError("the location cannot be read") from error
    return LocationFacts(
        location_id=found.id,
        merchant=found.merchant_id,
        name=found.name or found.id,
        timezone=found.timezone,
        currency=found.currency,
    )
