"""Credentials of an account at its provider: sealed in the log, opened only to call out."""

from __future__ import annotations

from datetime import datetime

import msgspec

from schemas.account import Account, Tenant
from schemas.sealing import Sealer


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a provider wants to see; never log it.

    Args:
        expires_at: None is unknown or never; from `renew_at` on the token is to be renewed.
    """

    access_token: str
    refresh_token: str | None = None
    expires_at: datetime | None = None
    renew_at: datetime | None = None

    def __repr__(self) -> str:
        return "Credentials([hidden])"

    __str__ = __repr__


def sealed(credentials: Credentials, sealer: Sealer, tenant: Tenant, account_id: str) -> bytes:
    """Return the form that `Account.credentials` keeps, bound to tenant and account."""
    return sealer.seal(
        msgspec.json.encode(credentials),
        tenant.data_key,
        tenant=tenant.tenant_id,
        record=_record(account_id),
    )


def opened(account: Account, sealer: Sealer) -> Credentials:
    """
    Open an account's credentials.

    Raises:
        SealBrokenError: they were tampered with or belong to another account.
    """
    return opened_box(account.credentials, sealer, account.tenant_id, account.account_id)


def opened_box(box: bytes, sealer: Sealer, tenant_id: str, owner: str) -> Credentials:
    """
    Open what `sealed` made for an account, or for an attempt to connect one.

    Raises:
        SealBrokenError: it was tampered with or belongs to another.
    """
    plain = sealer.open(box, tenant=tenant_id, record=_record(owner))
    return msgspec.json.decode(plain, type=Credentials)


def _record(account_id: str) -> str:
    return f"credentials:{account_id}"
