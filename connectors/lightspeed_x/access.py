"""
How the X-Series is called; the merchant is the store's own prefix of the host's name.

Source: x-series-api.lightspeedhq.com/docs/authorization, .../docs/rate_limiting,
.../changelog/2025-03-refresh-token-flow-update (a renewal revokes the refresh token before it),
.../docs/user_agent, .../reference (GetOutletByID)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from connectors.contract import Conversation, Page, PermanentError
from connectors.lightspeed_x.poll import BUDGET, CONSIGNMENTS, SUPPLIERS, changed, one, segment
from connectors.lightspeed_x.subscriptions import SUBSCRIPTIONS
from connectors.limits import Budget, Quota, Scope
from connectors.oauth import form_request, read_grant, token_call

BASE_URL = "https://{merchant}.retail.lightspeed.app"
CONSENT_URL = "https://secure.retail.lightspeed.app"

# 300 for each register and 50 more: a store has one register at least
RETAILER = Quota(350, 300, Scope.MERCHANT)


class _Outlet(msgspec.Struct):
    id: str
    time_zone: str
    name: str = ""
    currency: str | None = None


class _Store(msgspec.Struct):
    domain_prefix: str = ""


_outlet = msgspec.json.Decoder(_Outlet)
_store = msgspec.json.Decoder(_Store)


def renew(application: Application, refresh_token: str) -> Conversation:
    """Renew a store's token; the answer holds the only pair that is good from then on."""
    fields = {
        "client_id": application.client_id,
        "client_secret": application.secret,
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
    }
    yield from token_call(form_request("/api/1.0/token", fields))


def exchange_code(application: Application, code: Code) -> Conversation:
    """Exchange what the browser brought, at the store's own host."""
    yield from token_call(form_request("/api/1.0/token", code_fields(code, application)))


def store(query: Mapping[str, str]) -> str:
    """Return the prefix of the store's host, which the browser brings along."""
    return query.get("domain_prefix", "")


def read_consented(body: bytes, now: datetime) -> Consented:
    """
    Read what the X-Series granted, and to which store.

    Raises:
        PermanentError: it is nothing of the kind.
    """
    grant = read_grant(body, now)
    return Consented(grant=grant, merchant=_store.decode(body).domain_prefix)


def outlets() -> Conversation:
    """Ask for all outlets of the store, as pages of "outlet"."""
    yield from changed("outlet", "/outlets")


def listed(pages: Sequence[Page], merchant: str) -> list[LocationFacts]:
    """
    Read the outlets.

    Raises:
        PermanentError: one cannot be read.
    """
    return [_facts(body, merchant) for page in pages for body in page.bodies]


def _facts(body: bytes, merchant: str) -> LocationFacts:
    try:
        outlet = _outlet.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PermanentError("the outlet cannot be read") from None
    return LocationFacts(
        location_id=outlet.id,
        merchant=merchant,
        name=outlet.name or outlet.id,
        timezone=outlet.time_zone,
        currency=outlet.currency,
    )


def probe(place: Place) -> Conversation:
    """Ask for one outlet, as one page of "outlet"."""
    yield from one("outlet", f"/outlets/{segment(place.location_id)}")


def located(pages: Sequence[Page], place: Place) -> LocationFacts | None:
    """
    Read the outlet.

    Raises:
        PermanentError: it cannot be read.
    """
    for body in (body for page in pages for body in page.bodies):
        return _facts(body, place.merchant)
    return None


SCOPES = (
    "sales:read",
    "products:read",
    "inventory:read",
    "outlets:read",
    CONSIGNMENTS,
    SUPPLIERS,
    "webhooks",
)

CONSENT = Consent(
    path="/connect",
    scopes=SCOPES,
    pkce=True,
    ask=exchange_code,
    read=read_consented,
    merchant=store,
    locations=outlets,
    listed=listed,
)

ACCESS = Access(
    base_url=BASE_URL,
    headers={"accept": "application/json", "user-agent": "tillstream"},
    limits={"default": (RETAILER,), BUDGET: (RETAILER,), "oauth": (Budget(1),)},
    tokens=Renewal(ask=renew, read=read_grant, margin_s=1800),
    probe=probe,
    located=located,
    consent=CONSENT,
    webhooks=SUBSCRIPTIONS,
)
