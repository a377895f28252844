"""What people are told of an account."""

from __future__ import annotations

from datetime import datetime

from schemas.account import Account
from schemas.events import ErrorType, PosError


def error_of(
    account: Account,
    error_type: ErrorType,
    *,
    event_id: str,
    message: str,
    at: datetime,
    failures: int = 0,
    action: str | None = None,
) -> PosError:
    """
    Return the event that says what is wrong with an account, or is well again.

    Args:
        event_id: the same for the same trouble, however often it is met.
        failures: how often in a row it has failed, where it does.
        action: what a person must do; None: nothing.
    """
    return PosError(
        event_id=event_id,
        tenant_id=account.tenant_id,
        pos_account_id=account.account_id,
        pos_provider=account.provider,
        location_name=account.location_name,
        error_type=error_type,
        error_message=message,
        consecutive_failures=failures,
        action_required=action,
        timestamp=at,
    )
