"""
Have Square send its webhooks to us: one subscription for all merchants of an application.

Square lets only the application's owner do this, with the personal access token of its
dashboard; a merchant's token cannot.

Source: developer.squareup.com/reference/square/webhook-subscriptions-api
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from connectors.contract import Conversation, Page, PermanentError, Request
from connectors.square.api import VERSION, ask, segment
from connectors.square.events import EVENTS

SUBSCRIPTIONS = "/v2/webhooks/subscriptions"
PAGES_MAX = 50
NAME = "Tillstream"


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where Square sends what.

    Args:
        signature_key: what deliveries are signed with; a secret.
    """

    id: str
    name: str = ""
    enabled: bool = False
    event_types: tuple[str, ...] = ()
    notification_url: str = ""
    signature_key: str = ""

    def __repr__(self) -> str:
        return f"Subscription({self.id!r})"


class _Listed(msgspec.Struct):
    subscriptions: list[Subscription] = []
    cursor: str = ""


class _Made(msgspec.Struct):
    subscription: Subscription


_listed = msgspec.json.Decoder(_Listed)
_made = msgspec.json.Decoder(_Made)


def subscriptions() -> Conversation:
    """Ask for all subscriptions of the application, those that are off, too, as pages."""
    cursor = ""
    for _ in range(PAGES_MAX):
        query = (("include_disabled", "true"), *((("cursor", cursor),) if cursor else ()))
        talk = yield from ask(Request(method="GET", path=SUBSCRIPTIONS, query=query))
        yield Page(resource="subscriptions", bodies=(talk.body,))
        cursor = _read_page(talk.body).cursor
        if not cursor:
            return
    raise PermanentError(f"{SUBSCRIPTIONS}: the list does not end")


def listed(pages: Sequence[Page]) -> list[Subscription]:
    """
    Read the subscriptions.

    Raises:
        PermanentError: they cannot be read.
    """
    found = [_read_page(body) for page in pages for body in page.bodies]
    return [one for each in found for one in each.subscriptions]


def ensure(known: Sequence[Subscription], url: str, key: str) -> Conversation | None:
    """
    Return what makes Square send all we read to a URL; None when it does already.

    One that is there is put right rather than joined by a second: two subscriptions on one URL
    have two keys, and nobody could tell which a delivery is signed with. The answer is one body
    of the page "subscription".

    Args:
        key: so that sending the same once more makes no second one.
    """
    here = next((one for one in known if one.notification_url == url), None)
    if here is None:
        wanted = {
            "name": NAME,
            "enabled": True,
            "event_types": EVENTS,
            "notification_url": url,
            "api_version": VERSION,
        }
        body = {"idempotency_key": key, "subscription": wanted}
        return _told("POST", SUBSCRIPTIONS, body)
    if here.enabled and set(EVENTS) <= set(here.event_types):
        return None
    kinds = sorted({*EVENTS, *here.event_types})
    path = f"{SUBSCRIPTIONS}/{segment(here.id)}"
    return _told("PUT", path, {"subscription": {"enabled": True, "event_types": kinds}})


def remove(subscription_id: str) -> Conversation:
    """Have Square send nothing to a subscription any more."""
    path = f"{SUBSCRIPTIONS}/{segment(subscription_id)}"
    yield from ask(Request(method="DELETE", path=path))


def read(pages: Sequence[Page]) -> Subscription:
    """
    Read the subscription that was made or put right.

    Raises:
        PermanentError: it cannot be read.
    """
    for body in (body for page in pages for body in page.bodies):
        try:
            return _made.decode(body).subscription
        except msgspec.DecodeError:
            break
    raise PermanentError("Square's subscription cannot be read")


def _told(method: str, path: str, body: Mapping[str, object]) -> Conversation:
    talk = yield from ask(Request(method=method, path=path, body=msgspec.json.encode(body)))
    yield Page(resource="subscription", bodies=(talk.body,))


def _read_page(body: bytes) -> _Listed:
    try:
        return _listed.decode(body or b"{}")
    except msgspec.DecodeError:
        raise PermanentError(f"{SUBSCRIPTIONS}: the answer cannot be read") from None
