"""
Have K-Series send its webhooks to us: one endpoint, to which business locations are added.

Sales are in none of them (only the financial API has those of the shop floor); how much is left
of an item is, once the location was added. An endpoint belongs to the application.

Source: api-docs.lsk.lightspeed.app, Order and Pay: Webhook (create, update and retrieve
endpoint; add, get and remove business locations; scope `orders-api`)
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from connectors.access import Place, Subscribed, Target, Webhooks
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
    made = yield from ask(Request(method="GET", path=path))
    if made is None or not _is_right(made.body, target):
        method = "PUT" if made is None else "POST"
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


def known(place: Place, target: Target) -> Conversation:
    """
    Bring what is sent to our endpoint about a location, as one page of "webhook".

    Endpoints of others are not told of: each is asked for by its name.

    Raises:
        PermanentError: K-Series refuses, or answers what cannot be read.
    """
    name = endpoint_id(target.url)
    path = f"{ENDPOINTS}/{segment(name)}"
    answer = yield from ask(Request(method="GET", path=path))
    if answer is None:
        yield Page(resource="webhook", bodies=())
        return
    told = yield from ask(Request(method="GET", path=f"{path}/business-locations"))
    found = _decoded(answer.body)
    here = told is not None and place.location_id in _added(told.body)
    about = tuple(".".join(one.values()) for one in found.subscribe_to)
    seen = Subscribed(subscription_id=name, url=found.url, on=here, about=about)
    yield Page(resource="webhook", bodies=(msgspec.json.encode(seen),))


def remove(place: Place, target: Target) -> Conversation:
    """
    Have nothing about a location sent to us any more: one page of "webhook" if it was.

    The endpoint stays: it is all locations', and sends nothing of its own.

    Raises:
        PermanentError: K-Series refuses.
    """
    path = f"{ENDPOINTS}/{segment(endpoint_id(target.url))}/business-locations"
    told = yield from ask(Request(method="GET", path=path))
    if told is None or place.location_id not in _added(told.body):
        return
    gone = yield from ask(Request(method="DELETE", path=f"{path}/{segment(place.location_id)}"))
    if gone is not None:
        yield Page(resource="webhook", bodies=(b'{"location":false}',))


WEBHOOKS = Webhooks(ensure=subscribe, known=known, remove=remove)


def _wanted(target: Target) -> dict[str, object]:
    return {
        "endpointId": endpoint_id(target.url),
        "url": target.url,
        "withBasicAuth": True,
        "username": target.user,
        "password": target.secret,
        "subscribeTo": [AVAILABILITY],
    }


def _decoded(body: bytes) -> _Endpoint:
    try:
        return _endpoint.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PermanentError(f"{ENDPOINTS}: the answer cannot be read") from None


def _is_right(body: bytes, target: Target) -> bool:
    try:
        found = _decoded(body)
    except PermanentError:
        return False
    login = (found.with_basic_auth, found.username, found.password)
    return (
        found.url == target.url
        and login == (True, target.user, target.secret)
        and AVAILABILITY in found.subscribe_to
    )


def _added(body: bytes) -> set[str]:
    try:
        return {f"{one.business_location_id}" for one in _locations.decode(body)}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PermanentError(f"{ENDPOINTS}: the answer cannot be read") from None
