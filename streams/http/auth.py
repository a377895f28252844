"""Who asks: tenants by API key, operators by the admin key."""

from __future__ import annotations

import hmac
from typing import Annotated

import structlog
from fastapi import Depends, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from schemas.account import Account
from streams.directory import Caller
from streams.http.problems import ProblemError, not_found
from streams.http.services import Services

_BEARER = HTTPBearer(auto_error=False, scheme_name="API key", description="`ts_…`")
_ADMIN = HTTPBearer(auto_error=False, scheme_name="Admin key")
_CHALLENGE = {"www-authenticate": 'Bearer realm="tillstream"'}

Given = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
GivenByAdmin = Annotated[HTTPAuthorizationCredentials | None, Security(_ADMIN)]


async def services_of(request: Request) -> Services:
    """Return what the application works with; async, or it would run in a thread."""
    services = request.app.state.services
    if not isinstance(services, Services):
        raise TypeError("the application was made without services")
    return services


ServicesDep = Annotated[Services, Depends(services_of)]


async def caller_of(services: ServicesDep, given: Given) -> Caller:
    """
    Return the tenant whose key it is.

    Raises:
        ProblemError: 401, the same for no key, a wrong one and a withdrawn one.
    """
    caller = services.directory.caller(given.credentials) if given is not None else None
    if caller is None:
        raise ProblemError(401, "give a valid API key as bearer token", headers=_CHALLENGE)
    structlog.contextvars.bind_contextvars(tenant_id=caller.tenant.tenant_id)
    return caller


async def admin_of(services: ServicesDep, given: GivenByAdmin) -> None:
    """
    Let the operator through.

    Raises:
        ProblemError: 401; also while no admin key is set.
    """
    key = services.settings.admin_key
    expected = b"" if key is None else key.get_secret_value().encode()
    shown = b"" if given is None else given.credentials.encode("utf-8", "replace")
    if not expected or not hmac.compare_digest(expected, shown):
        raise ProblemError(401, "give the admin key as bearer token", headers=_CHALLENGE)


CallerDep = Annotated[Caller, Depends(caller_of)]
AccountId = Annotated[str, Path(max_length=192)]


def account_of(services: Services, caller: Caller, account_id: str) -> Account:
    """
    Return the caller's account.

    Raises:
        ProblemError: 404, the same for another tenant's account and for none.
    """
    account = services.directory.account(account_id)
    if account is None or account.tenant_id != caller.tenant.tenant_id:
        raise not_found("account")
    structlog.contextvars.bind_contextvars(account_id=account.account_id)
    return account
