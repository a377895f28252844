"""What of an account a connector may know."""

from __future__ import annotations

from connectors.contract import Shop
from schemas.account import Account


def shop_of(account: Account) -> Shop:
    """Return the account as connectors see it: no credentials, no status."""
    return Shop(
        tenant_id=account.tenant_id,
        account_id=account.account_id,
        location_id=account.location_id,
        calendar=account.calendar,
        currency=account.currency,
    )
