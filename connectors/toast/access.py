"""
How Toast is called.

Source: doc.toasttab.com platform guide, "Authentication", "Rate limiting";
openapi/restaurants (General)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from connectors.access import Access, Application, Grant, LocationFacts, Login, Place
from connectors.contract import Conversation, CredentialsError, Page, PermanentError, Request
from connectors.limits import Quota, Scope, Slices
from connectors.oauth import ends
from connectors.toast.api import LIMITS, RESTAURANT_HEADER, ask, segment

BASE_URL = "https://ws-api.toasttab.com"
LOGIN = "/authentication/v1/authentication/login"


class _Asked(msgspec.Struct, rename="camel"):
    client_id: str
    client_secret: str
    user_access_type: str = "TOAST_MACHINE_CLIENT"


class _Token(msgspec.Struct, rename="camel"):
    access_token: str
    expires_in: int


class _LoginAnswer(msgspec.Struct):
    token: _Token


class _General(msgspec.Struct, rename="camel"):
    time_zone: str
    name: str = ""
    location_name: str | None = None
    closeout_hour: int | None = None
    currency_code: str | None = None


class _Restaurant(msgspec.Struct):
    guid: str
    general: _General


_login = msgspec.json.Decoder(_LoginAnswer)
_restaurant = msgspec.json.Decoder(_Restaurant)


def login(application: Application) -> Conversation:
    """Log in; the token is good for every restaurant that the application may see."""
    body = msgspec.json.encode(_Asked(application.client_id, application.secret))
    answer = yield from ask(Request(method="POST", path=LOGIN, body=body))
    if answer is None:
        raise PermanentError(f"{LOGIN}: nobody logs in at this address")
    yield Page(resource="grant", bodies=(answer.body,))


def read_login(body: bytes, now: datetime) -> Grant:
    """
    Read the answer to a login; the life of a token differs from one to the next.

    Raises:
        PermanentError: it is none.
    """
    try:
        token = _login.decode(body).token
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PermanentError("Toast's token cannot be read") from None
    return Grant(access_token=token.access_token, expires_at=ends(now, token.expires_in))


def restaurant_header(place: Place) -> Mapping[str, str]:
    """Return the header that names the restaurant: one location, never a group."""
    if not (place.location_id.isascii() and place.location_id.isprintable()):
        raise CredentialsError("the id of the restaurant is none; connect it anew")
    return {RESTAURANT_HEADER: place.location_id}


def probe(place: Place) -> Conversation:
    """Ask for one restaurant, as one page of "restaurant"."""
    path = f"/restaurants/v1/restaurants/{segment(place.location_id)}"
    answer = yield from ask(Request(method="GET", path=path))
    yield Page(resource="restaurant", bodies=() if answer is None else (answer.body,))


def located(pages: Sequence[Page], place: Place) -> LocationFacts | None:
    """
    Read the restaurant; to Toast it is merchant and location in one.

    Raises:
        PermanentError: it cannot be read.
    """
    del place
    for body in (body for page in pages for body in page.bodies):
        try:
            found = _restaurant.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise PermanentError("the restaurant cannot be read") from None
        general = found.general
        names = (one for one in (general.name, general.location_name) if one)
        return LocationFacts(
            location_id=found.guid,
            merchant=found.guid,
            name=" ".join(names) or found.guid,
            timezone=general.time_zone,
            currency=general.currency_code,
            cut_off_hour=general.closeout_hour,
        )
    return None


def _quota(name: str, scope: Scope) -> Quota:
    calls, seconds = LIMITS[name]
    return Quota(calls, seconds, scope)


SLICES = Slices(
    left_header="x-toast-ratelimit-remaining",
    ends_header="x-toast-ratelimit-reset",
    of_header="x-toast-ratelimit-by",
    own_word="ENDPOINT",
    longest_s=LIMITS["quarter-hour"][1],
)
"""
What every answer but a login's says of the limit that is nearest: of one location's calls.

Source: doc.toasttab.com/doc/devguide/apiRateLimiting.html (rate limiting header fields)
"""

_OVER_ALL = (
    _quota("default", Scope.APPLICATION),
    _quota("quarter-hour", Scope.APPLICATION),
    SLICES,
)

ACCESS = Access(
    base_url=BASE_URL,
    headers={"accept": "application/json"},
    place_headers=restaurant_header,
    limits={
        "default": _OVER_ALL,
        "orders-bulk": (_quota("orders-bulk", Scope.ACCOUNT), *_OVER_ALL),
        "menus": (_quota("menus", Scope.ACCOUNT), *_OVER_ALL),
    },
    tokens=Login(ask=login, read=read_login),
    probe=probe,
    located=located,
)
