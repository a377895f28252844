"""What is kept of a sale: the bill it makes, in the canonical language and checked."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder

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
)


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


PACK = Encoder()
BILL = Decoder(Bill)
