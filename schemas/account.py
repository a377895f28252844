"""Tenants and their POS accounts: one account is one location at one provider."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from schemas.businessday import BusinessCalendar


class AccountStatus(StrEnum):
    """`REVOKED`: the merchant withdrew our authorisation at the provider."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    REVOKED = "revoked"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """
    One POS location: the row of `pos.accounts`.

    Args:
        merchant: the provider's id of the merchant; with `location_id` it routes webhooks.
        currency: None until the provider has told.
        credentials: sealed with the tenant's key; opened only to call the provider.
    """

    account_id: str
    tenant_id: str
    provider: str
    merchant: str
    location_id: str
    location_name: str
    timezone: str
    cut_off_hour: int = 0
    currency: str | None = None
    status: AccountStatus = AccountStatus.CONNECTED
    credentials: bytes = b""
    sync_interval_s: int = 900
    created_at: datetime
    updated_at: datetime

    @property
    def calendar(self) -> BusinessCalendar:
        """Return when this shop's days end."""
        return BusinessCalendar(self.timezone, self.cut_off_hour)


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a tenant: only its SHA-256 is kept; `prefix` lets a person tell keys apart."""

    name: str
    prefix: str
    sha256: str
    created_at: datetime


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """
    A customer: the row of `pos.tenants`.

    Args:
        data_key: the key that seals this tenant's data, itself wrapped by the key ring.
    """

    tenant_id: str
    name: str
    api_keys: tuple[ApiKey, ...] = ()
    data_key: bytes = b""
    created_at: datetime
