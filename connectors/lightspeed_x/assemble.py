"""Transactions out of parts: an X-Series sale is one part, and one transaction."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.contract import Shop
from connectors.lightspeed_x.content import BILL
from schemas.identity import transaction_id
from schemas.part import Part
from schemas.transaction import Transaction

PROVIDER = "lightspeed-x"
SALE_PART = "sale"


def sale_key(sale_id: str) -> str:
    """Return the key of a sale's transaction."""
    return f"sale:{sale_id}"


def assemble(key: str, parts: Mapping[str, Part], shop: Shop) -> tuple[Transaction, ...]:
    """Return the transaction of a sale; the day it was completed on is its business day."""
    part = parts.get(SALE_PART)
    if part is None:
        return ()
    bill = BILL.decode(part.content)
    day_of = bill.closed_at or bill.occurred_at
    return (
        Transaction(
            transaction_id=transaction_id(shop.account_id, PROVIDER, key),
            tenant_id=shop.tenant_id,
            account_id=shop.account_id,
            location_id=shop.location_id,
            provider=PROVIDER,
            provider_ids=bill.ids,
            kind=bill.kind,
            status=bill.status,
            occurred_at=bill.occurred_at,
            closed_at=bill.closed_at,
            business_day=shop.calendar.day_of(day_of),
            local_hour=shop.calendar.local(day_of).hour,
            currency=bill.currency,
            lines=bill.lines,
            discounts=bill.discounts,
            taxes=bill.taxes,
            service_charges=bill.service_charges,
            tips=bill.tips,
            tenders=bill.tenders,
            totals=bill.totals,
            register=bill.register,
            cashier=bill.cashier,
            receipt_number=bill.receipt_number,
            customer=bill.customer,
            source_refs=(f"{part.part_id}@{part.version}",),
        ),
    )
