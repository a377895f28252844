"""
How the X-Series is called; the merchant is the store's own prefix of the host's name.

Source: x-series-api.lightspeedhq.com/docs/authorization, .../docs/rate_limiting,
.../changelog/2025-03-refresh-token-flow-update (a renewal revokes the refresh token before it),
.../docs/user_agent, .../reference (GetOutletByID)
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from connectors.access import Access, Application, LocationFacts, Place, Renewal
from connectors.contract import Conversation, Page, PermanentError
from connectors.lightspeed_x.poll import BUDGET, one, segment
from connectors.limits import Budget, Quota, Scope
from connectors.oauth import form_request, read_grant, token_call

BASE_URL = "https://{merchant}.retail.lightspeed.app"

# 300 for each register and 50 more: a store has one register at least
RETAILER = Quota(350, 300, Scope.MERCHANT)


class _Outlet(msgspec.Struct):
    id: str
    time_zone: str
    name: str = ""
    currency: str | None = None


_outlet = msgspec.json.Decoder(_Outlet)


def renew(application: Application, refresh_token: str) -> Conversation:
    """Renew a store's token; the answer holds the only pair that is good from then on."""
    fields = {
        "client_id": application.client_id,
        "client_secret": application.secret,
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
    }
    yield from token_call(form_request("/api/1.0/token", fields))


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
        try:
            outlet = _outlet.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise PermanentError("the outlet cannot be read") from None
        return LocationFacts(
            location_id=outlet.id,
            merchant=place.merchant,
            name=outlet.name or outlet.id,
            timezone=outlet.time_zone,
            currency=outlet.currency,
        )
    return None


ACCESS = Access(
    base_url=BASE_URL,
    headers={"accept": "application/json", "user-agent": "tillstream"},
    limits={"default": (RETAILER,), BUDGET: (RETAILER,), "oauth": (Budget(1),)},
    tokens=Renewal(ask=renew, read=read_grant, margin_s=1800),
    probe=probe,
    located=located,
)
