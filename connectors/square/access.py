"""
How Square is called.

Source: developer.squareup.com/docs/build-basics, .../docs/oauth-api/refresh-revoke-limit-scope
(an access token lives 30 days and should be renewed every seven or sooner)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connectors.access import Access, Application, Grant, LocationFacts, Place, Renewal
from connectors.contract import Conversation, Page
from connectors.limits import Budget
from connectors.square import oauth
from connectors.square.api import BASE_URL, HEADERS, location, parse_location

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
    del now  # Square says the end as a time
    grant = oauth.parse_grant(body)
    return Grant(
        access_token=grant.access_token,
        refresh_token=grant.refresh_token or None,
        expires_at=grant.expires_at,
    )


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


ACCESS = Access(
    base_url=BASE_URL,
    headers=HEADERS,
    limits={"default": (Budget(CALLS_PER_SECOND),)},
    tokens=Renewal(ask=renew, read=read_grant, margin_s=MARGIN_S),
    probe=probe,
    located=located,
)
