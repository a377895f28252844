"""Purchase orders: what a shop orders of its vendors, and what moves between its shops."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

MOST = 10**9
"""Pieces of a line, or minor units of a cost: more is a mistake."""

ORDER_DRAFT = "order-draft"
"""Resource of the raw event that hands an order in."""

ORDER_DRAFTS = "order-drafts/"
"""What begins the name of a resource that is not asked for but written: an order in JSON."""

ShortText = Annotated[str, Meta(max_length=255)]


class OrderKind(StrEnum):
    """Where the goods come from, or go: a vendor, another shop of the merchant, back."""

    SUPPLIER = "supplier"
    TRANSFER = "transfer"
    SUPPLIER_RETURN = "supplier_return"


class OrderStatus(StrEnum):
    """How far it is; RECEIVED ones may still be worked on, CLOSED ones are done."""

    OPEN = "open"
    SENT = "sent"
    RECEIVED = "received"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class OrderedLine(msgspec.Struct, frozen=True, kw_only=True):
    """
    One line of a purchase order.

    Args:
        quantity: ordered, in pieces; `received` is how many of them came.
        unit_cost: of one piece, minor units of the order's currency, with the decimals that a
            cost price has; None where nobody says.
    """

    line_id: str
    pos_product_id: str
    quantity: Decimal
    received: Decimal = Decimal(0)
    unit_cost: Decimal | None = None


class CustomField(msgspec.Struct, frozen=True, kw_only=True):
    """A field that the merchant made up; `field_id` is the POS's id of it."""

    field_id: str
    name: str
    value: str


class PurchaseOrder(msgspec.Struct, frozen=True, kw_only=True):
    """
    A purchase order or transfer as the POS has it: the row of `pos.purchase-orders`.

    It moves no stock: what a POS has on hand it says itself, receipts included.

    Args:
        order_id: the POS's id of it; the key is `account_id/order_id`.
        version: grows with each change at the provider; the newest wins.
        location_id: where the goods go; `source_location_id` where a transfer comes from.
        reference: the number that people, or we, gave it.
        goods_total: quantity x unit cost over all lines, rounded once, in minor units; None
            where a cost is not said.
    """

    tenant_id: str
    account_id: str
    order_id: str
    version: int
    kind: OrderKind
    status: OrderStatus
    vendor_id: str | None = None
    vendor_name: str | None = None
    location_id: str | None = None
    source_location_id: str | None = None
    reference: str | None = None
    ordered_at: datetime | None = None
    expected_at: datetime | None = None
    received_at: datetime | None = None
    changed_at: datetime | None = None
    currency: str | None = None
    goods_total: int | None = None
    lines: tuple[OrderedLine, ...] = ()
    custom_fields: tuple[CustomField, ...] = ()


class DraftLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line to order: pieces, and the cost of one in minor units of the account's currency."""

    pos_product_id: Annotated[str, Meta(min_length=1, max_length=64)]
    quantity: Decimal
    unit_cost: Decimal

    def __post_init__(self) -> None:
        if not (self.quantity.is_finite() and 0 < self.quantity <= MOST):
            raise ValueError(f"quantity is more than 0 and at most {MOST}")
        if not (self.unit_cost.is_finite() and 0 <= self.unit_cost <= MOST):
            raise ValueError(f"unit_cost is 0 to {MOST}, in minor units")


class OrderDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A purchase order that we want a POS to have.

    Args:
        reference: our number of it; an order of this reference is never made twice.
        vendor_id: the POS's id of the vendor.
        ordered_at: when it was sent to the vendor; without it the order stays open.
        custom_fields: values by the POS's ids of the fields.
    """

    reference: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._/#-]{0,39}$")]
    vendor_id: Annotated[str, Meta(min_length=1, max_length=64)]
    lines: Annotated[tuple[DraftLine, ...], Meta(min_length=1, max_length=500)]
    ordered_at: Annotated[datetime, Meta(tz=True)] | None = None
    expected_at: Annotated[datetime, Meta(tz=True)] | None = None
    custom_fields: dict[Annotated[str, Meta(min_length=1, max_length=64)], ShortText] = {}
