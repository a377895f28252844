"""
A part that holds whole sales: what is kept of them, and the transactions which that makes.

A bill waits for the account to say its business day; a draft already has all but its owner.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder
from msgspec.structs import replace

from connectors.contract import Shop
from schemas.identity import transaction_id
from schemas.part import Part
from schemas.transaction import (
    Discount,
    Kind,
    Line,
    ServiceCharge,
    Status,
    Tax,
    Tender,
    Tip,
    Totals,
    Transaction,
)

SALE_PART = "sale"


class Bill(Struct, frozen=True, array_like=True, gc=False):
    """A sale without what the account says of it; amounts in minor units of `currency`."""

    sale_id: str
    ids: dict[str, str]
    kind: Kind
    status: Status
    currency: str
    occurred_at: datetime
    closed_at: datetime | None
    lines: tuple[Line, ...]
    discounts: tuple[Discount, ...]
    taxes: tuple[Tax, ...]
    service_charges: tuple[ServiceCharge, ...]
    tips: tuple[Tip, ...]
    tenders: tuple[Tender, ...]
    totals: Totals
    register: str | None
    cashier: str | None
    receipt_number: str | None
    customer: str | None


_pack = Encoder()
_bill = Decoder(Bill)


def sale_key(sale_id: str) -> str:
    """Return the key of a sale's transaction."""
    return f"sale:{sale_id}"


def part_of(bill: Bill, version: int, updated_at_us: int) -> Part:
    """Return the part that is the whole of a sale; `updated_at_us` in microseconds."""
    key = sale_key(bill.sale_id)
    return Part(key, SALE_PART, version, updated_at_us, _pack.encode(bill))


def transactions_of(
    provider: str, key: str, parts: Mapping[str, Part], shop: Shop
) -> tuple[Transaction, ...]:
    """Return the transaction of a sale; the day it was completed on is its business day."""
    part = parts.get(SALE_PART)
    if part is None:
        return ()
    bill = _bill.decode(part.content)
    day_of = bill.closed_at or bill.occurred_at
    return (
        Transaction(
            transaction_id=transaction_id(shop.account_id, provider, key),
            tenant_id=shop.tenant_id,
            account_id=shop.account_id,
            location_id=shop.location_id,
            provider=provider,
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


def owned(draft: Transaction, shop: Shop, refs: tuple[str, ...]) -> Transaction:
    """
    Return a draft as the transaction of its account.

    Args:
        draft: whose `transaction_id` is the provider's key of it.
        refs: the parts it was made of, `part@version`.
    """
    return replace(
        draft,
        transaction_id=transaction_id(shop.account_id, draft.provider, draft.transaction_id),
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        location_id=shop.location_id,
        source_refs=refs,
    )
