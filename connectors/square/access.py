"""
How Square is called.

Source: developer.squareup.com/docs/build-basics, .../docs/oauth-api/refresh-revoke-limit-scope
(an access token lives 30 days and should be renewed every seven or sooner)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connectors.access import (
    Access,
    Application,
    Code,
    Consent,
    Consented,
    Grant,
    LocationFacts,
    Place,
    Renewal,
)
from connectors.contract import Conversation, Page
from connectors.limits import Budget
from connectors.square import oauth
from connectors.square.api import BASE_URL, HEADERS, location, locations, parse_location

CALLS_PER_SECOND = 8

MARGIN_S = 23 * 86_400
"""Before the 30 days of a token are over: so it is renewed when it is a week old."""


def renew(application: Application, refresh_token: str) -> Conversation:
    """Renew a merchant's token."""
    yield from oauth.renew(application.client_id, application.secret, refresh_token)


def read_grant(body: bytes, now: datetime) -> Grant:
    """
    Read what Square granted.

    Raises:
        PermanentError: it is nothing of the kind.
    """
    return read_consented(body, now).grant


def exchange_code(application: Application, code: Code) -> Conversation:
    """Exchange what the browser brought."""
    yield from oauth.obtain(
        application.client_id, application.secret, code.code, code.redirect_uri
    )


def read_consented(body: bytes, now: datetime) -> Consented:
    """
    Read what Square granted, and whose it is.

    Raises:
        PermanentError: it is nothing of the kind.
    """
    del now  # Square says the end as a time
    found = oauth.parse_grant(body)
    grant = Grant(
        access_token=found.access_token,
        refresh_token=found.refresh_token or None,
        expires_at=found.expires_at,
    )
    return Consented(grant=grant, merchant=found.merchant_id)


def probe(place: Place) -> Conversation:
    """Ask for one location."""
    yield from location(place.location_id)


def located(pages: Sequence[Page], place: Place) -> LocationFacts | None:
    """
    Read the location.

    Raises:
        PermanentError: it cannot be read.
    """
    del place
    bodies = [body for page in pages for body in page.bodies]
    return parse_location(bodies[0]) if bodies else None


def listed(pages: Sequence[Page], merchant: str) -> list[LocationFacts]:
    """
    Read all locations of the merchant.

    Raises:
        PermanentError: one cannot be read.
    """
    del merchant
    return [parse_location(body) for page in pages for body in page.bodies]


SCOPES = (
    "MERCHANT_PROFILE_READ",
    "ORDERS_READ",
    "PAYMENTS_READ",
    "ITEMS_READ",
    "INVENTORY_READ",
)

# with a challenge Square takes us for an application without a secret, and its refresh tokens
# are then good once and for 90 days; with the secret they stay the same and never end
CONSENT = Consent(
    path="/oauth2/authorize",
    scopes=SCOPES,
    pkce=False,
    more={"session": "false"},
    ask=exchange_code,
    read=read_consented,
    locations=locations,
    listed=listed,
    shared=True,
)

ACCESS = Access(
    base_url=BASE_URL,
    headers=HEADERS,
    limits={"default": (Budget(CALLS_PER_SECOND),)},
    tokens=Renewal(ask=renew, read=read_grant, margin_s=MARGIN_S),
    probe=probe,
    located=located,
    consent=CONSENT,
)
