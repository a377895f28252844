"""
How K-Series is called.

Source: api-portal.lsk.lightspeed.app/quick-start/authentication/authorization-overview and
.../authorization (an access token lives an hour, a refresh token is good once and for 14 days);
api-docs.lsk.lightspeed.app, Financial (businesses)
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime

import msgspec

from connectors.access import (
    Access,
    Application,
    Code,
    Consent,
    Consented,
    LocationFacts,
    Place,
    Renewal,
)
from connectors.consent import code_fields
from connectors.contract import Conversation, Page, PermanentError, Request
from connectors.lightspeed_k.api import BASE_URL, LIMITS, ORDERS_SCOPE, ask
from connectors.lightspeed_k.subscriptions import WEBHOOKS
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


def exchange_code(application: Application, code: Code) -> Conversation:
    """Exchange what the browser brought; it goes into the query, as for a renewal."""
    del application  # it is in the header
    query = tuple(code_fields(code).items())
    yield from token_call(
        Request(method="POST", path="/oauth/token", query=query, budget="oauth")
    )


def read_consented(body: bytes, now: datetime) -> Consented:
    """
    Read what K-Series granted; it names no merchant.

    Raises:
        PermanentError: it is nothing of the kind.
    """
    return Consented(grant=read_grant(body, now))


def businesses() -> Conversation:
    """Ask for all businesses that the token may see, as one page of "businesses"."""
    answer = yield from ask(Request(method="GET", path=BUSINESSES))
    yield Page(resource="businesses", bodies=() if answer is None else (answer.body,))


def probe(place: Place) -> Conversation:
    """Ask for all businesses that the token may see, as one page of "businesses"."""
    del place
    yield from businesses()


def located(pages: Sequence[Page], place: Place) -> LocationFacts | None:
    """
    Find the business location; its webhooks name it and no merchant.

    Raises:
        PermanentError: the answer cannot be read.
    """
    here = (one for one in listed(pages, "") if one.location_id == place.location_id)
    return next(here, None)


def listed(pages: Sequence[Page], merchant: str) -> list[LocationFacts]:
    """
    Read all business locations; each is a merchant of its own, as its webhooks have it.

    Raises:
        PermanentError: the answer cannot be read.
    """
    del merchant
    found = []
    for body in (body for page in pages for body in page.bodies):
        try:
            seen = _businesses.decode(body).embedded.business_list
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise PermanentError(f"{BUSINESSES}: the answer cannot be read") from None
        found += [
            LocationFacts(
                location_id=str(one.bl_id),
                merchant=str(one.bl_id),
                name=one.bl_name or str(one.bl_id),
                timezone=one.timezone,
                currency=one.currency_code or business.currency_code,
            )
            for business in seen
            for one in business.business_locations
        ]
    return found


CONSENT = Consent(
    path="/oauth/authorize",
    scopes=("financial-api", "items", ORDERS_SCOPE),
    pkce=True,
    ask=exchange_code,
    read=read_consented,
    locations=businesses,
    listed=listed,
)

ACCESS = Access(
    base_url=BASE_URL,
    headers={"accept": "application/json"},
    limits={name: (Budget(*limit),) for name, limit in LIMITS.items()},
    tokens=Renewal(ask=renew, read=read_grant, authorization=basic),
    probe=probe,
    located=located,
    consent=CONSENT,
    webhooks=WEBHOOKS,
)
