"""
Have K-Series send its webhooks to us: one endpoint, to which business locations are added.

Sales are in none of them (only the financial API has those of the shop floor); how much is left
of an item is, once the location was added. An endpoint belongs to the application.

Source: api-docs.lsk.lightspeed.app, Order and Pay: Webhook (create, update and retrieve
endpoint; business locations; scope `orders-api`)
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from connectors.access import Place, Target
from connectors.contract import Conversation, Page, PermanentError, Request
from connectors.lightspeed_k.api import ask, segment

ENDPOINTS = "/o/wh/1/webhook"
AVAILABILITY = {"resource": "item", "name": "SALES_RESTRICTION_UPDATED"}


class _Endpoint(msgspec.Struct, rename="camel"):
    url: str = ""
    with_basic_auth: bool = False
    username: str = ""
    password: str = ""
    subscribe_to: list[dict[str, str]] = []


class _Location(msgspec.Struct, rename="camel"):
    business_location_id: int | str


_endpoint = msgspec.json.Decoder(_Endpoint)
_locations = msgspec.json.Decoder(list[_Location])


def endpoint_id(url: str) -> str:
    """Return the name of our endpoint: another deployment, at another URL, has another one."""
    return f"tillstream-{sha256(url.encode()).hexdigest()[:16]}"


def subscribe(place: Place, target: Target) -> Conversation:
    """
    Have K-Series tell how much is left at a location; what is right already is left alone.

    One page of "webhook" for each thing that was put right: the endpoint, the location.

    Raises:
        PermanentError: no login is set that webhooks are to carry, or K-Series refuses.
    """
    if not (target.user and target.secret):
        raise PermanentError("no login is set that K-Series' webhooks are to carry")
    path = f"{ENDPOINTS}/{segment(endpoint_id(target.url))}"
    known = yield from ask(Request(method="GET", path=path))
    if known is None or not _is_right(known.body, target):
        method = "PUT" if known is None else "POST"
        body = msgspec.json.encode(_wanted(target))
        made = yield from ask(Request(method=method, path=ENDPOINTS, body=body))
        if made is None:
            raise PermanentError(f"{ENDPOINTS}: K-Series makes no endpoint")
        yield Page(resource="webhook", bodies=(b'{"endpoint":true}',))
    told = yield from ask(Request(method="GET", path=f"{path}/business-locations"))
    if told is None or place.location_id not in _added(told.body):
        where = f"{path}/business-locations/{segment(place.location_id)}"
        added = yield from ask(Request(method="PUT", path=where))
        if added is None:
            raise PermanentError(f"{ENDPOINTS}: K-Series does not know the location")
        yield Page(resource="webhook", bodies=(added.body,))


def _wanted(target: Target) -> dict[str, object]:
    return {
        "endpointId": endpoint_id(target.url),
        "url": target.url,
        "withBasicAuth": True,
        "username": target.user,
        "password": target.secret,
        "subscribeTo": [AVAILABILITY],
    }


def _is_right(body: bytes, target: Target) -> bool:
    try:
        known = _endpoint.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    login = (known.with_basic_auth, known.username, known.password)
    return (
        known.url == target.url
        and login == (True, target.user, target.secret)
        and AVAILABILITY in known.subscribe_to
    )


def _added(body: bytes) -> set[str]:
    try:
        return {f"{one.business_location_id}" for one in _locations.decode(body)}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PermanentError(f"{ENDPOINTS}: the answer cannot be read") from None
