"""
How K-Series is called.

Source: api-portal.lsk.lightspeed.app/quick-start/authentication/authorization-overview and
.../authorization (an access token lives an hour, a refresh token is good once and for 14 days);
api-docs.lsk.lightspeed.app, Financial (businesses)
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

import msgspec

from connectors.access import Access, Application, LocationFacts, Place, Renewal
from connectors.contract import Conversation, Page, PermanentError, Request
from connectors.lightspeed_k.api import BASE_URL, LIMITS, ask
from connectors.limits import Budget
from connectors.oauth import read_grant, token_call

BUSINESSES = "/f/data/businesses"


class _Location(msgspec.Struct, rename="camel"):
    bl_id: int | str = msgspec.field(name="blID")
    timezone: str
    bl_name: str = ""
    currency_code: str | None = None


class _Business(msgspec.Struct, rename="camel"):
    business_locations: list[_Location] = []
    currency_code: str | None = None


class _Embedded(msgspec.Struct, rename="camel"):
    business_list: list[_Business] = []


class _Businesses(msgspec.Struct):
    embedded: _Embedded = msgspec.field(name="_embedded", default_factory=_Embedded)


_businesses = msgspec.json.Decoder(_Businesses)


def renew(application: Application, refresh_token: str) -> Conversation:
    """Renew a merchant's token; what is exchanged goes into the query."""
    del application  # it is in the header
    request = Request(
        method="POST",
        path="/oauth/token",
        query=(("grant_type", "refresh_token"), ("refresh_token", refresh_token)),
        budget="oauth",
    )
    yield from token_call(request)


def basic(application: Application) -> str:
    """Return the header by which the application shows who it is."""
    pair = f"{application.client_id}:{application.secret}".encode()
    return f"Basic {b64encode(pair).decode()}"


def probe(place: Place) -> Conversation:
    """Ask for all businesses that the token may see, as one page of "businesses"."""
    del place
    answer = yield from ask(Request(method="GET", path=BUSINESSES))
    yield Page(resource="businesses", bodies=() if answer is None else (answer.body,))


def located(pages: Sequence[Page], place: Place) -> LocationFacts | None:
    """
    Find the business location; its webhooks name it and no merchant.

    Raises:
        PermanentError: the answer cannot be read.
    """
    for body in (body for page in pages for body in page.bodies):
        try:
            businesses = _businesses.decode(body).embedded.business_list
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise PermanentError(f"{BUSINESSES}: the answer cannot be read") from None
        for business in businesses:
            for one in business.business_locations:
                if str(one.bl_id) == place.location_id:
                    return LocationFacts(
                        location_id=place.location_id,
                        merchant=place.location_id,
                        name=one.bl_name or place.location_id,
                        timezone=one.timezone,
                        currency=one.currency_code or business.currency_code,
                    )
    return None


ACCESS = Access(
    base_url=BASE_URL,
    headers={"accept": "application/json"},
    limits={name: (Budget(*limit),) for name, limit in LIMITS.items()},
    tokens=Renewal(ask=renew, read=read_grant, authorization=basic),
    probe=probe,
    located=located,
)
