"""
How the R-Series is called.

Source: developers.lightspeedhq.com/retail/authentication (a renewal kills the pair before it),
.../introduction/ratelimits, .../endpoints/Shop
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

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
    Whose,
)
from connectors.consent import code_fields
from connectors.contract import Conversation, Page, PermanentError, Request
from connectors.lightspeed_r.poll import BUDGET, ORDER_SCOPE, ask
from connectors.limits import WHOLE, Bucket, Budget
from connectors.oauth import form_request, read_grant, token_call

BASE_URL = "https://api.lightspeedapp.com/API/V3/Account/{merchant}"
TOKEN_URL = "https://cloud.lightspeedapp.com"  # noqa: S105

SIZE, DRIP = 90, 1
"""Of the bucket of an account with one register; each further one adds to both."""

RELATION_COST = 2 * WHOLE // 10
"""Thousandths, of one relation; lists pay it twice."""


class _Shop(msgspec.Struct, rename="camel"):
    shop_id: str = msgspec.field(name="shopID")
    time_zone: str
    name: str = ""


class _Answer(msgspec.Struct, rename="pascal"):
    shop: _Shop


class _Answers(msgspec.Struct, rename="pascal"):
    shop: list[_Shop] | _Shop | None = None


class _Account(msgspec.Struct):
    account_id: str = msgspec.field(name="accountID")


class _Accounts(msgspec.Struct, rename="pascal"):
    account: _Account


_answer = msgspec.json.Decoder(_Answer)
_answers = msgspec.json.Decoder(_Answers)
_accounts = msgspec.json.Decoder(_Accounts)


def cost(request: Request) -> int:
    """Return what a read costs at most, in thousandths of a unit."""
    relations = next((text for name, text in request.query if name == "load_relations"), "")
    return WHOLE + 2 * RELATION_COST * (relations.count(",") + 1 if relations else 0)


def renew(application: Application, refresh_token: str) -> Conversation:
    """Renew a merchant's token; the answer holds the only pair that is good from then on."""
    fields = {
        "client_id": application.client_id,
        "client_secret": application.secret,
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
    }
    yield from token_call(form_request("/auth/oauth/token", fields))


def exchange_code(application: Application, code: Code) -> Conversation:
    """Exchange what the browser brought."""
    fields = code_fields(code, application)
    yield from token_call(form_request("/auth/oauth/token", fields))


def read_consented(body: bytes, now: datetime) -> Consented:
    """
    Read what the R-Series granted; whose it is has to be asked.

    Raises:
        PermanentError: it is nothing of the kind.
    """
    return Consented(grant=read_grant(body, now))


def whose() -> Conversation:
    """Ask which account the token opens, as one page of "account": `…/Account.json`."""
    answer = yield from ask(Request(method="GET", path=".json", budget=BUDGET))
    yield Page(resource="account", bodies=() if answer is None else (answer.body,))


def read_whose(pages: Sequence[Page]) -> str:
    """
    Read the account's id.

    Raises:
        PermanentError: there is none.
    """
    for body in (body for page in pages for body in page.bodies):
        try:
            return _accounts.decode(body).account.account_id
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            break
    raise PermanentError("the account cannot be read")


def shops() -> Conversation:
    """Ask for all shops of the account, as one page of "shops"."""
    query = (("limit", "100"),)
    answer = yield from ask(
        Request(method="GET", path="/Shop.json", query=query, budget=BUDGET)
    )
    yield Page(resource="shops", bodies=() if answer is None else (answer.body,))


def listed(pages: Sequence[Page], merchant: str) -> list[LocationFacts]:
    """
    Read the shops; a single one is an object, none is absent.

    Raises:
        PermanentError: they cannot be read.
    """
    found: list[_Shop] = []
    for body in (body for page in pages for body in page.bodies):
        try:
            told = _answers.decode(body).shop
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise PermanentError("the shops cannot be read") from None
        found += told if isinstance(told, list) else [told] if told is not None else []
    return [_facts(one, merchant) for one in found]


def _facts(shop: _Shop, merchant: str) -> LocationFacts:
    return LocationFacts(
        location_id=shop.shop_id,
        merchant=merchant,
        name=shop.name or shop.shop_id,
        timezone=shop.time_zone,
    )


def probe(place: Place) -> Conversation:
    """Ask for one shop, as one page of "shop"."""
    path = f"/Shop/{quote(place.location_id, safe='')}.json"
    answer = yield from ask(Request(method="GET", path=path, budget=BUDGET))
    yield Page(resource="shop", bodies=() if answer is None else (answer.body,))


def located(pages: Sequence[Page], place: Place) -> LocationFacts | None:
    """
    Read the shop; in which currency it sells the R-Series does not say.

    Raises:
        PermanentError: it cannot be read.
    """
    for body in (body for page in pages for body in page.bodies):
        try:
            shop = _answer.decode(body).shop
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise PermanentError("the shop cannot be read") from None
        return _facts(shop, place.merchant)
    return None


_BUCKET = Bucket(
    size=SIZE,
    drip=DRIP,
    level_header="x-ls-api-bucket-level",
    drip_header="x-ls-api-drip-rate",
    cost=cost,
)

CONSENT = Consent(
    path="/auth/oauth/authorize",
    scopes=("employee:register", "employee:inventory", ORDER_SCOPE),
    pkce=True,
    ask=exchange_code,
    read=read_consented,
    whose=Whose(ask=whose, read=read_whose),
    locations=shops,
    listed=listed,
)

ACCESS = Access(
    base_url=BASE_URL,
    token_url=TOKEN_URL,
    headers={"accept": "application/json"},
    limits={"default": (_BUCKET,), BUDGET: (_BUCKET,), "oauth": (Budget(1),)},
    tokens=Renewal(ask=renew, read=read_grant, margin_s=180),
    probe=probe,
    located=located,
    consent=CONSENT,
)
