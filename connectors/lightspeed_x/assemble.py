"""Transactions out of parts: an X-Series sale is one part, and one transaction."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.contract import Shop
from connectors.whole import transactions_of
from schemas.part import Part
from schemas.transaction import Transaction

PROVIDER = "lightspeed-x"


def assemble(key: str, parts: Mapping[str, Part], shop: Shop) -> tuple[Transaction, ...]:
    """Return the transaction of a sale."""
    return transactions_of(PROVIDER, key, parts, shop)
