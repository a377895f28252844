"""What of an account a connector may know, and where the account is at its provider."""

from __future__ import annotations

from connectors.access import Place
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


def place_of(account: Account) -> Place:
    """Return where the account is at its provider."""
    return Place(merchant=account.merchant, location_id=account.location_id)
