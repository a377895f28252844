"""Events for people and services downstream, with the field names that they know."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from schemas.money import Money


class ErrorType(StrEnum):
    """Closed set of what can go wrong with an account."""

    AUTHORIZATION_REVOKED = "authorization_revoked"
    AUTHENTICATION_FAILED = "authentication_failed"
    RATE_LIMITED = "rate_limited"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    PROVIDER_REFUSED = "provider_refused"
    INVALID_DATA = "invalid_data"
    INTERNAL = "internal"
    CIRCUIT_OPEN = "circuit_open"
    RECOVERED = "recovered"
    RECONCILIATION_DIFFERENCE = "reconciliation_difference"
    RECONCILIATION_SETTLED = "reconciliation_settled"
    WEBHOOKS_SILENT = "webhooks_silent"
    WEBHOOKS_HEARD = "webhooks_heard"
    SCOPE_MISSING = "scope_missing"
    SCOPE_GRANTED = "scope_granted"

    @property
    def is_good_news(self) -> bool:
        """Say whether it tells that a trouble is over."""
        return self in {
            ErrorType.RECOVERED,
            ErrorType.RECONCILIATION_SETTLED,
            ErrorType.WEBHOOKS_HEARD,
            ErrorType.SCOPE_GRANTED,
        }


class SyncCompleted(msgspec.Struct, frozen=True, kw_only=True):
    """
    A sync run ended and everything it brought has been processed.

    Args:
        command_id: of the command that asked for the run; None for a regular one.
    """

    event_type: str = "pos.sync.completed"
    event_id: str
    tenant_id: str
    pos_account_id: str
    pos_provider: str
    location_name: str
    sync_id: str
    status: str
    transactions_processed: int
    transactions_failed: int
    transactions_new: int
    transactions_updated: int
    duplicates: int
    new_products_discovered: int
    sync_duration_seconds: float
    timestamp: datetime
    command_id: str | None = None


class UnmappedSample(msgspec.Struct, frozen=True, kw_only=True):
    """One unmapped product as a person would recognise it."""

    pos_product_id: str
    name: str
    sku: str | None = None
    category: str | None = None
    transaction_count: int = 0
    revenue: int = 0


class MappingNeeded(msgspec.Struct, frozen=True, kw_only=True):
    """
    Products were sold that are mapped to nothing.

    Args:
        unmapped_products_count: all of the account at this moment.
        new_products: those that had not been reported before; matching works on them.
        sample_unmapped_products: at most ten, by revenue.
    """

    event_type: str = "pos.mapping.needed"
    event_id: str
    tenant_id: str
    pos_account_id: str
    pos_provider: str
    location_name: str
    unmapped_products_count: int
    unmapped_revenue: Money
    sample_unmapped_products: tuple[UnmappedSample, ...]
    new_products: tuple[UnmappedSample, ...]
    timestamp: datetime


class PosError(msgspec.Struct, frozen=True, kw_only=True):
    """Something is wrong with an account; `action_required` says what a person must do."""

    event_type: str = "pos.error"
    event_id: str
    tenant_id: str
    pos_account_id: str
    pos_provider: str
    location_name: str
    error_type: ErrorType
    error_message: str
    consecutive_failures: int
    action_required: str | None
    timestamp: datetime
