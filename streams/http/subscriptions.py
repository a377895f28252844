"""Webhooks about one account, where its own authorisation sets them up at the provider."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from connectors.access import Subscribed, Target
from connectors.contract import CredentialsError, PermanentError, TransientError
from schemas.account import Account, AccountStatus
from streams.directory import Caller
from streams.http.answers import json_answer, listed, many, one
from streams.http.auth import AccountId, CallerDep, ServicesDep, account_of
from streams.http.problems import ProblemError, unavailable
from streams.http.services import Services

router = APIRouter(prefix="/api/v1/pos/accounts/{account_id}/webhooks", tags=["accounts"])

T = TypeVar("T")


class SubscribedView(msgspec.Struct, kw_only=True):
    """What the provider sends somewhere; `ours` leads here."""

    subscription_id: str
    url: str
    on: bool
    ours: bool
    about: tuple[str, ...]


class Changed(msgspec.Struct, kw_only=True):
    """How many things were changed at the provider; 0: all was so before."""

    changed: int


@router.get("", responses=many(SubscribedView), response_class=Response)
async def known(account_id: AccountId, services: ServicesDep, caller: CallerDep) -> Response:
    """
    List what the account's authorisation has the provider send, as far as it tells.

    Nothing where no account can do that: there the operator sets webhooks up for all.
    """
    if not services.subscriber.can(account_of(services, caller, account_id).provider):
        return listed([], None)
    account, target = _asked_of(services, caller, account_id)
    found = await _answered(services.subscriber.known(account, target))
    return listed([_shown(one, target) for one in found], None)


@router.put("", responses=one(Changed), response_class=Response)
async def ensure(account_id: AccountId, services: ServicesDep, caller: CallerDep) -> Response:
    """Have the provider send its webhooks here; what is right already is left alone."""
    account, target = _asked_of(services, caller, account_id)
    changed = await _answered(services.subscriber.ensure(account, target))
    return json_answer(Changed(changed=changed))


@router.delete("", responses=one(Changed), response_class=Response)
async def remove(account_id: AccountId, services: ServicesDep, caller: CallerDep) -> Response:
    """
    Have the provider send nothing here any more; what leads elsewhere stays.

    409 while the worker asks for webhooks: it would put them right within a day.
    """
    account, target = _asked_of(services, caller, account_id)
    if services.settings.ask_for_webhooks:
        raise ProblemError(
            409,
            "the worker would ask for them again within a day; set "
            "TILLSTREAM_ASK_FOR_WEBHOOKS=false and restart, or disconnect the account",
        )
    others = services.directory.connected_beside(account)
    if any(other.tenant_id != account.tenant_id for other in others):
        raise ProblemError(409, "another tenant's account lives by the same webhooks")
    changed = await _answered(services.subscriber.remove(account, target))
    return json_answer(Changed(changed=changed))


def _asked_of(services: Services, caller: Caller, account_id: str) -> tuple[Account, Target]:
    account = account_of(services, caller, account_id)
    if not services.subscriber.can(account.provider):
        raise ProblemError(
            409,
            "no account sets up webhooks at this provider; `tillstream webhooks ls --provider "
            f"{account.provider}` says who does",
        )
    if account.status is not AccountStatus.CONNECTED:
        raise ProblemError(409, f"the account is {account.status.value}; connect it again")
    target = services.subscriber.target(account.provider)
    if target is None:
        raise ProblemError(409, "TILLSTREAM_PUBLIC_URL is no https URL; set it and restart")
    return account, target


def _shown(one: Subscribed, target: Target) -> SubscribedView:
    return SubscribedView(
        subscription_id=one.subscription_id,
        url=one.url,
        on=one.on,
        ours=one.url == target.url,
        about=one.about,
    )


async def _answered(asking: Awaitable[T]) -> T:
    try:
        return await asking
    except CredentialsError:
        raise ProblemError(
            409,
            "the provider does not accept the token: let the account be polled, which renews "
            "it, and try again; if the scope for webhooks lacks, reconnect the account",
        ) from None
    except PermanentError as error:
        raise ProblemError(502, f"the provider refuses: {error}"[:300]) from None
    except TransientError:
        raise unavailable("the provider cannot be reached; try again") from None
