"""Accounts: connect a POS location, look at it, change it, disconnect it."""

from __future__ import annotations

from datetime import datetime

import msgspec
import structlog
from fastapi import APIRouter
from msgspec.structs import replace
from starlette.responses import Response

from connectors.access import Place, PlaceError
from connectors.catalogue import logs_in
from connectors.contract import CredentialsError, PermanentError, TransientError
from schemas.account import Account, AccountStatus, Tenant
from schemas.businessday import UnknownZoneError, zone_named
from schemas.identity import derived_id
from streams.credentials import Credentials, sealed
from streams.http.answers import json_answer, listed, many, one
from streams.http.auth import AccountId, CallerDep, ServicesDep, account_of
from streams.http.forms import PAGE, AccountChange, Cursor, Limit, NewAccount
from streams.http.paging import page_of_list, question_of
from streams.http.problems import ProblemError, not_found, unavailable
from streams.http.push import told_location
from streams.http.services import LocationInfo, Services

logger = structlog.get_logger(__name__)
router = APIRouter(prefix="/api/v1/pos/accounts", tags=["accounts"])


class AccountView(msgspec.Struct, kw_only=True):
    """An account without its credentials; times in UTC."""

    account_id: str
    provider: str
    merchant: str
    location_id: str
    location_name: str
    timezone: str
    cut_off_hour: int
    currency: str | None
    status: AccountStatus
    sync_interval_s: int
    created_at: datetime
    updated_at: datetime


class Disconnected(AccountView, kw_only=True):
    """An account that was disconnected, and whether its webhooks are still at the provider."""

    webhooks_left: bool


def shown(account: Account) -> AccountView:
    """Return what of an account its tenant sees."""
    return msgspec.convert(account, AccountView, from_attributes=True)


@router.post("", responses=one(AccountView, 201, 200), response_class=Response)
async def connect(form: NewAccount, services: ServicesDep, caller: CallerDep) -> Response:
    """
    Connect a location: 201 new, 200 when it was known and has new credentials now.

    What its webhooks had brought before is taken over.
    """
    if form.provider not in services.connectors:
        raise ProblemError(422, "no connector for this provider")
    told = told_location(services, caller, form)
    if told is None and form.access_token is None and not logs_in(form.provider):
        raise ProblemError(422, "this provider needs an access_token")
    if logs_in(form.provider):
        refuse_unless_owned(services, caller.tenant, form)
    credentials = Credentials(
        access_token=form.access_token.get_secret_value() if form.access_token else "",
        refresh_token=form.refresh_token.get_secret_value() if form.refresh_token else None,
    )
    location = told or await _probed(services, form, credentials)
    account, known = account_at(services, caller.tenant, form, location, credentials)
    await put_connected(services, account, known=known)
    return json_answer(shown(account), 200 if known else 201)


def refuse_unless_owned(services: Services, tenant: Tenant, form: NewAccount) -> None:
    """
    Let a tenant connect only what the operator says is its own.

    Where our application logs in by itself, that it may look into a location proves nothing
    about who asks; so it is not even said whether there is such a location.

    Raises:
        ProblemError: 403.
    """
    found = services.settings.provider(form.provider)
    owned = None if found is None else found.owned()
    if owned is None and len(services.directory.tenants()) == 1:
        return
    if owned is None or (tenant.tenant_id, form.location_id.lower()) not in owned:
        raise ProblemError(
            403,
            "the operator has to name this location as yours first "
            f"(TILLSTREAM_{form.provider.upper()}__RESTAURANTS)",
        )


async def put_connected(services: Services, account: Account, *, known: bool) -> None:
    """Write a connected account and take over what its webhooks had brought before."""
    await services.directory.put_account(account)
    await services.ingest.claim(account)
    await services.directory.settle_account(account.account_id)
    logger.info("account_connected", account_id=account.account_id, known=known)


async def _probed(
    services: Services, form: NewAccount, credentials: Credentials
) -> LocationInfo:
    """Ask the provider for the location: so nobody connects what is not theirs."""
    try:
        place = Place(merchant=form.merchant or "", location_id=form.location_id)
        location = await services.probe(form.provider, credentials, place)
    except CredentialsError:
        raise ProblemError(422, "the provider does not accept these credentials") from None
    except PlaceError:
        raise ProblemError(422, "name the merchant by the provider's own id of it") from None
    except PermanentError:
        raise ProblemError(502, "the provider refuses to tell of the location") from None
    except TransientError:
        raise unavailable("the provider cannot be reached; try again") from None
    if location is None:
        raise ProblemError(422, "these credentials know no such location")
    if not location.timezone and form.timezone is not None:
        location = replace(location, timezone=form.timezone)
    if form.merchant is not None and form.merchant != location.merchant:
        raise ProblemError(422, "the location belongs to another merchant")
    try:
        zone_named(location.timezone)
    except UnknownZoneError:
        raise ProblemError(502, "the provider names an unknown time zone") from None
    return location


def account_at(
    services: Services,
    tenant: Tenant,
    form: NewAccount,
    location: LocationInfo,
    credentials: Credentials,
) -> tuple[Account, bool]:
    """Return the account as it is to be, and whether it was known."""
    account_id = derived_id("account", tenant.tenant_id, form.provider, location.location_id)
    known = services.directory.account(account_id)
    now = services.clock()
    interval = known.sync_interval_s if known else services.settings.sync_interval_s
    cut_off = form.cut_off_hour
    if cut_off is None:
        cut_off = known.cut_off_hour if known else location.cut_off_hour or 0
    account = Account(
        account_id=account_id,
        tenant_id=tenant.tenant_id,
        provider=form.provider,
        merchant=location.merchant,
        location_id=location.location_id,
        location_name=location.name,
        timezone=location.timezone,
        cut_off_hour=cut_off,
        currency=location.currency or form.currency or (known.currency if known else None),
        credentials=sealed(credentials, services.sealer, tenant, account_id),
        sync_interval_s=form.sync_interval_s or interval,
        created_at=known.created_at if known else now,
        updated_at=now,
    )
    return account, known is not None


@router.get("", responses=many(AccountView), response_class=Response)
async def list_accounts(
    services: ServicesDep, caller: CallerDep, limit: Limit = PAGE, cursor: Cursor = None
) -> Response:
    """List the tenant's accounts, those that were disconnected included."""
    tenant = caller.tenant.tenant_id
    accounts, following = page_of_list(
        services.directory.accounts_of(tenant),
        lambda account: account.account_id,
        limit=limit,
        question=question_of("accounts", tenant),
        cursor=cursor,
    )
    return listed([shown(account) for account in accounts], following)


@router.get("/{account_id}", responses=one(AccountView), response_class=Response)
async def get_account(
    account_id: AccountId, services: ServicesDep, caller: CallerDep
) -> Response:
    """Return one account."""
    return json_answer(shown(account_of(services, caller, account_id)))


@router.patch("/{account_id}", responses=one(AccountView), response_class=Response)
async def change_account(
    account_id: AccountId, form: AccountChange, services: ServicesDep, caller: CallerDep
) -> Response:
    """Change how often an account is polled."""
    account = account_of(services, caller, account_id)
    changed = await services.directory.change_account(
        account.account_id, lambda known: replace(known, sync_interval_s=form.sync_interval_s)
    )
    if changed is None:
        raise not_found("account")
    return json_answer(shown(changed))


@router.delete("/{account_id}", responses=one(Disconnected), response_class=Response)
async def disconnect(
    account_id: AccountId, services: ServicesDep, caller: CallerDep
) -> Response:
    """
    Disconnect an account: no polls, no webhooks; the credentials are forgotten.

    All its data stays and can be read; connecting the location again goes on with it. Webhooks
    that it alone lives by are taken away at the provider, which has ten seconds for it;
    `webhooks_left` says that it did not.
    """
    account = account_of(services, caller, account_id)
    changed = await services.directory.change_account(
        account.account_id,
        lambda known: replace(known, status=AccountStatus.DISCONNECTED, credentials=b""),
    )
    if changed is None:
        raise not_found("account")
    logger.info("account_disconnected", account_id=account.account_id)
    gone = services.directory.connected_beside(account) or await services.subscriber.farewell(
        account
    )
    view = msgspec.structs.asdict(shown(changed))
    return json_answer(Disconnected(**view, webhooks_left=not gone))
