"""
What is kept of an order, a payment and a refund: the content of their parts.

An order is kept as the bill it makes, already in the canonical language and checked, because it
is read once and assembled at every change of one of its payments.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder

from schemas.transaction import Discount, Line, Method, ServiceCharge, Status, Tax


class Note(Struct, frozen=True, array_like=True, gc=False):
    """Base: compact, because every part of every bill is kept."""


class TenderNote(Note, frozen=True, array_like=True, gc=False):
    """
    A payment as its order tells it.

    Args:
        paid: True captured, False voided or failed, None only authorised so far.
        tip: inside `amount`.
    """

    payment_id: str
    method: Method
    amount: int
    tip: int
    change: int
    paid: bool | None
    brand: str | None
    last_four: str | None
    customer: str | None


class RefundNote(Note, frozen=True, array_like=True, gc=False):
    """Money given back, as its order or Square's refund tells it; `amount` is positive."""

    refund_id: str
    payment_id: str
    status: Status
    amount: int
    currency: str
    method: Method
    brand: str | None
    last_four: str | None
    cashier: str | None
    created_at: datetime | None


class TipNote(Note, frozen=True, array_like=True, gc=False):
    """A tip given back; `amount` is negative."""

    payment_id: str
    amount: int


class Bill(Note, frozen=True, array_like=True, gc=False):
    """
    An order in the canonical language, without its payments; a return has negative amounts.

    Args:
        order_tip: what the order itself says of tips; its tenders say it better.
        sold, returned: whether it has a side of goods out, of goods back.
    """

    order_id: str
    status: Status
    currency: str
    created_at: datetime
    closed_at: datetime | None
    customer: str | None
    sold: bool
    returned: bool
    source_orders: tuple[str, ...]
    lines: tuple[Line, ...]
    discounts: tuple[Discount, ...]
    taxes: tuple[Tax, ...]
    service_charges: tuple[ServiceCharge, ...]
    gratuity: int
    order_tip: int
    returned_tips: tuple[TipNote, ...]
    gross: int
    discount: int
    tax: int
    tax_included: int
    service_charge: int
    rounding: int
    tenders: tuple[TenderNote, ...]
    refunds: tuple[RefundNote, ...]


class PaymentNote(Note, frozen=True, array_like=True, gc=False):
    """A payment as Square's payments tell it; `tip` is inside `amount`."""

    payment_id: str
    status: Status
    method: Method
    amount: int
    tip: int
    change: int
    currency: str
    created_at: datetime
    captured_at: datetime | None
    brand: str | None
    last_four: str | None
    customer: str | None
    cashier: str | None
    register: str | None
    receipt_number: str | None


PACK = Encoder()
BILL = Decoder(Bill)
PAYMENT_NOTE = Decoder(PaymentNote)
REFUND_NOTE = Decoder(RefundNote)
