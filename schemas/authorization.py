"""A merchant lets us in by the browser: how far one such attempt has got."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class AuthorizationStep(StrEnum):
    """
    How an attempt stands; each step follows the one before it.

    `CLAIMED`: the browser came back, and one process has the sole right to go on. `GRANTED`:
    the provider's tokens are here, and which location is meant is to be chosen.
    """

    STARTED = "started"
    CLAIMED = "claimed"
    GRANTED = "granted"
    CONNECTED = "connected"
    FAILED = "failed"


class Authorization(msgspec.Struct, frozen=True, kw_only=True):
    """
    One attempt to be let in: a whole row of `pos.authorizations` at each step.

    Args:
        account_id: the account to be connected again; None for a new one.
        location_id: the location that was asked for; None leaves it to be chosen.
        return_to: where the browser goes afterwards; one of the operator's URLs.
        verifier: of PKCE, sealed with the tenant's key.
        claimed_by: names the one who went on with the browser's return.
        credentials: sealed with the tenant's key; empty before and after `GRANTED`.
        connected: the accounts that came of it.
        problem: why it failed, for people.
        expires_at: what is not done by then is never done.
    """

    authorization_id: str
    tenant_id: str
    provider: str
    step: AuthorizationStep
    requested_by: str
    account_id: str | None = None
    location_id: str | None = None
    return_to: str | None = None
    verifier: bytes = b""
    claimed_by: str = ""
    merchant: str = ""
    credentials: bytes = b""
    connected: tuple[str, ...] = ()
    problem: str | None = None
    started_at: datetime
    expires_at: datetime


_BEFORE = {
    AuthorizationStep.CLAIMED: {AuthorizationStep.STARTED},
    AuthorizationStep.GRANTED: {AuthorizationStep.CLAIMED, AuthorizationStep.GRANTED},
    AuthorizationStep.CONNECTED: {AuthorizationStep.GRANTED, AuthorizationStep.CONNECTED},
    AuthorizationStep.FAILED: {AuthorizationStep.CLAIMED, AuthorizationStep.GRANTED},
}


def following(known: Authorization | None, told: Authorization) -> Authorization | None:
    """
    Return how an attempt stands after a further row of the log.

    The first claim wins, whoever else claims, and only who won is heard from then on: so what
    the browser brings is used once, however many processes it is brought to.
    """
    if told.step is AuthorizationStep.STARTED:
        return told if known is None else known
    if known is None or known.step not in _BEFORE[told.step]:
        return known
    claims = told.step is AuthorizationStep.CLAIMED
    return told if claims or told.claimed_by == known.claimed_by else known
