"""
Connecting a location by its merchant's consent, in the browser.

A tenant's backend asks for a link and gives it to the merchant's browser. The link is ours: it
sets a cookie and leads to the provider, which sends the browser back to the callback. There the
cookie must fit the state, and the state is good once.
"""

from __future__ import annotations

import re
from datetime import datetime
from secrets import token_urlsafe
from typing import Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
import structlog
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from connectors.access import LocationFacts
from connectors.contract import ConnectorError, TransientError
from schemas.account import Account, Tenant
from schemas.authorization import Authorization, AuthorizationStep
from schemas.businessday import UnknownZoneError, zone_named
from streams.consents import ConsentError, NoConsentError
from streams.directory import Caller
from streams.http.accounts import account_at, put_connected
from streams.http.answers import json_answer, one
from streams.http.auth import AccountId, CallerDep, ServicesDep, account_of
from streams.http.forms import Authorize, Choice, NewAccount, Reconnect
from streams.http.pages import page, sent_to
from streams.http.problems import ProblemError, not_found, unavailable
from streams.http.services import Services
from streams.log import LogUnavailableError

logger = structlog.get_logger(__name__)
router = APIRouter(prefix="/api/v1/pos", tags=["connecting"])

COOKIE = "tillstream-oauth"
COOKIE_LIVES_S = 900
QUERY_MAX = 20
TITLE_FAILED = "Not connected"
TITLE_DONE = "Connected"

_SESSION = re.compile(r"[A-Za-z0-9_-]{43}")

Provider = Annotated[str, Path(max_length=64)]
AttemptId = Annotated[str, Path(max_length=64)]


class Link(msgspec.Struct, kw_only=True):
    """A link for the merchant's browser; it is good once and for a short time."""

    attempt_id: str
    authorize_url: str
    expires_at: datetime


class Place(msgspec.Struct, kw_only=True):
    """A location that the merchant's consent opens."""

    location_id: str
    merchant: str
    name: str
    timezone: str
    currency: str | None


class Attempt(msgspec.Struct, kw_only=True):
    """How an attempt stands; `locations` can be chosen from while it is `granted`."""

    attempt_id: str
    provider: str
    status: AuthorizationStep
    merchant: str
    locations: list[Place]
    account_ids: list[str]
    problem: str | None
    expires_at: datetime


# -- what a tenant's backend asks --------------------------------------------------------------


@router.post(
    "/oauth/{provider}/authorize",
    responses=one(Link, 201),
    response_class=Response,
    status_code=201,
)
async def authorize(
    provider: Provider, form: Authorize, services: ServicesDep, caller: CallerDep
) -> Response:
    """Ask for a link by which a merchant lets us in; open it in the merchant's browser."""
    if form.account_id is None:
        return await _link(services, caller, provider, form)
    account = account_of(services, caller, form.account_id)
    if account.provider != provider:
        raise ProblemError(422, "the account is at another provider")
    return await _link(services, caller, provider, form)


@router.post(
    "/accounts/{account_id}/reconnect",
    responses=one(Link, 201),
    response_class=Response,
    status_code=201,
)
async def reconnect(
    account_id: AccountId, form: Reconnect, services: ServicesDep, caller: CallerDep
) -> Response:
    """Ask for a link by which the same merchant lets us in again."""
    account = account_of(services, caller, account_id)
    again = Authorize(account_id=account.account_id, redirect_to=form.redirect_to)
    return await _link(services, caller, account.provider, again)


async def _link(services: Services, caller: Caller, provider: str, form: Authorize) -> Response:
    if form.redirect_to is not None and not services.settings.may_return_to(form.redirect_to):
        raise ProblemError(422, "redirect_to is none of TILLSTREAM_RETURN_URLS")
    try:
        begun = await services.consents.start(
            caller,
            provider,
            account_id=form.account_id,
            location_id=form.location_id,
            return_to=form.redirect_to,
        )
    except NoConsentError as error:
        raise ProblemError(422, str(error)) from None
    base = f"{services.settings.public_url}/api/v1/pos/oauth/{provider}"
    link = Link(
        attempt_id=begun.authorization_id,
        authorize_url=f"{base}/start?attempt={begun.authorization_id}",
        expires_at=begun.expires_at,
    )
    return json_answer(link, 201, {"cache-control": "no-store"})


@router.get("/oauth/attempts/{attempt_id}", responses=one(Attempt), response_class=Response)
async def attempt(attempt_id: AttemptId, services: ServicesDep, caller: CallerDep) -> Response:
    """Say how an attempt stands; while a location is to be chosen, which there are."""
    found = _attempt_of(services, caller, attempt_id)
    places: list[LocationFacts] = []
    if _may_choose(services, found):
        places = await _places(services, found)
    return json_answer(_shown(found, places))


@router.post(
    "/oauth/attempts/{attempt_id}/connect", responses=one(Attempt), response_class=Response
)
async def choose(
    attempt_id: AttemptId, form: Choice, services: ServicesDep, caller: CallerDep
) -> Response:
    """Connect the locations that were chosen, once the merchant has let us in."""
    found = _attempt_of(services, caller, attempt_id)
    if not _may_choose(services, found):
        raise ProblemError(409, f"nothing is to be chosen: the attempt is {found.step.value}")
    if len(set(form.location_ids)) > 1 and not services.consents.shared(found.provider):
        raise ProblemError(
            422, "of this provider each location needs a link of its own: choose one"
        )
    places = {one.location_id: one for one in await _places(services, found)}
    if any(name not in places for name in form.location_ids):
        raise ProblemError(422, "the merchant has no such location")
    chosen = [places[name] for name in dict.fromkeys(form.location_ids)]
    done = await _connect(services, caller.tenant, found, chosen)
    return json_answer(_shown(done, []))


def _attempt_of(services: Services, caller: Caller, attempt_id: str) -> Authorization:
    found = services.consents.get(caller, attempt_id)
    if found is None:
        raise not_found("attempt")
    return found


def _may_choose(services: Services, attempt: Authorization) -> bool:
    granted = attempt.step is AuthorizationStep.GRANTED
    return granted and attempt.account_id is None and services.clock() < attempt.expires_at


async def _places(services: Services, attempt: Authorization) -> list[LocationFacts]:
    try:
        return await services.consents.locations(attempt)
    except TransientError:
        raise unavailable("the provider cannot be reached; try again") from None
    except ConnectorError:
        raise ProblemError(502, "the provider refuses to tell of the locations") from None


def _shown(attempt: Authorization, places: list[LocationFacts]) -> Attempt:
    return Attempt(
        attempt_id=attempt.authorization_id,
        provider=attempt.provider,
        status=attempt.step,
        merchant=attempt.merchant,
        locations=[msgspec.convert(one, Place, from_attributes=True) for one in places],
        account_ids=list(attempt.connected),
        problem=attempt.problem,
        expires_at=attempt.expires_at,
    )


# -- what the browser asks ---------------------------------------------------------------------


@router.get("/oauth/{provider}/start", response_class=Response, status_code=303)
async def start(
    provider: Provider,
    attempt: Annotated[str, Query(max_length=64)],
    request: Request,
    services: ServicesDep,
) -> Response:
    """Set the cookie that ties this browser to the link, and lead it to the provider."""
    session = _session(services, request) or token_urlsafe(32)
    try:
        url = await services.consents.leave(attempt, provider, session)
    except (ConsentError, NoConsentError) as error:
        return page(400, TITLE_FAILED, str(error))
    answer = sent_to(url)
    secure = _is_secure(services)
    answer.set_cookie(
        _cookie(services),
        session,
        max_age=COOKIE_LIVES_S,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )
    return answer


@router.get("/oauth/{provider}/callback", response_class=Response)
async def callback(provider: Provider, request: Request, services: ServicesDep) -> Response:
    """Take the browser back from the provider: once, and only the one that was sent there."""
    pairs = parse_qsl(request.url.query, keep_blank_values=True)[:QUERY_MAX]
    query = dict(pairs)
    if len(query) < len(pairs):
        return page(400, TITLE_FAILED, "this link is not known; ask for a new one")
    session = _session(services, request) or ""
    try:
        granted = await services.consents.come_back(provider, query, session)
        return await _settled(services, granted)
    except ConsentError as error:
        over = error.authorization
        return _ended(services, over, TITLE_FAILED, str(error), "failed", 400)
    except NoConsentError as error:
        return page(400, TITLE_FAILED, str(error))
    except LogUnavailableError:
        return page(503, TITLE_FAILED, "we cannot write at the moment; ask for a new link")


async def _settled(services: Services, granted: Authorization) -> Response:
    """Connect what was asked for, or leave the choice to whoever asked."""
    tenant = services.directory.tenant(granted.tenant_id)
    if tenant is None:
        raise await services.consents.failed(granted, "this link is not known any more")
    try:
        places = await services.consents.locations(granted)
    except ConnectorError:
        why = "the point of sale does not tell of its locations; ask for a new link"
        raise await services.consents.failed(granted, why) from None
    here = _meant(services, granted, places)
    if here is None:
        if granted.account_id is not None:
            why = "this is another merchant than the account has; sign in as that one"
            raise await services.consents.failed(granted, why)
        if granted.location_id is not None or not places:
            why = "the merchant who signed in has no such location"
            raise await services.consents.failed(granted, why)
        text = "You have let us in. Choose the location where you came from."
        return _ended(services, granted, TITLE_DONE, text, "choose", 200)
    try:
        done = await _connect(services, tenant, granted, [here])
    except ProblemError as error:
        raise await services.consents.failed(granted, error.detail) from None
    text = f"{here.name} is connected. You may close this window."
    return _ended(services, done, TITLE_DONE, text, "connected", 200)


def _meant(
    services: Services, granted: Authorization, places: list[LocationFacts]
) -> LocationFacts | None:
    """Return the location that is meant, where there is no doubt."""
    if granted.account_id is not None:
        account = services.directory.account(granted.account_id)
        same = [
            one
            for one in places
            if account is not None
            and (one.merchant, one.location_id) == (account.merchant, account.location_id)
        ]
        return same[0] if same else None
    if granted.location_id is not None:
        asked = [one for one in places if one.location_id == granted.location_id]
        return asked[0] if asked else None
    return places[0] if len(places) == 1 else None


async def _connect(
    services: Services, tenant: Tenant, granted: Authorization, places: list[LocationFacts]
) -> Authorization:
    """
    Connect these locations; their credentials are copies of what was granted.

    Raises:
        ProblemError: the provider names a time zone that nobody knows.
    """
    accounts: list[tuple[Account, bool]] = []
    credentials = services.consents.credentials(granted)
    for place in places:
        try:
            zone_named(place.timezone)
        except UnknownZoneError:
            raise ProblemError(502, "the provider names an unknown time zone") from None
        form = NewAccount(provider=granted.provider, location_id=place.location_id)
        accounts.append(account_at(services, tenant, form, place, credentials))
    for account, known in accounts:
        await put_connected(services, account, known=known)
    names = tuple(account.account_id for account, _ in accounts)
    return await services.consents.connected(granted, names)


def _ended(
    services: Services,
    attempt: Authorization | None,
    title: str,
    text: str,
    outcome: str,
    status: int,
) -> Response:
    """Send the browser back to where it came from, or tell it here how it ended."""
    back = attempt.return_to if attempt is not None else None
    if attempt is None or back is None or not services.settings.may_return_to(back):
        return page(status, title, text)
    more = urlencode({"attempt": attempt.authorization_id, "outcome": outcome})
    return sent_to(f"{back}{'&' if urlsplit(back).query else '?'}{more}")


def _is_secure(services: Services) -> bool:
    return (services.settings.public_url or "").startswith("https://")


def _cookie(services: Services) -> str:
    """Return the cookie's name; with the prefix no other host can set it (RFC 6265bis)."""
    return f"__Host-{COOKIE}" if _is_secure(services) else COOKIE


def _session(services: Services, request: Request) -> str | None:
    value = request.cookies.get(_cookie(services), "")
    return value if _SESSION.fullmatch(value) else None
