"""
The documented form of a transaction that is handed in; what is not in it is refused.

It is the canonical form, with everything optional that follows from the rest. A field that we
do not know may be a discount with a typing error, so it is never skipped.

Source: docs/push.md, which shows the JSON Schema of these structs.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from schemas.transaction import Kind, LineKind, Method, Status

AMOUNT_MAX = 10**13
ITEMS_MAX = 500
LINES_MAX = 2000
FEW = 100

_MONEY = "Whole minor units (1250 with EUR is 12.50); of a refund negative."
_NO_CONTROL = r"^[^\x00-\x1f]+$"

Amount = Annotated[int, Meta(ge=-AMOUNT_MAX, le=AMOUNT_MAX, description=_MONEY)]
Price = Annotated[int, Meta(ge=0, le=AMOUNT_MAX, description="Minor units, never negative.")]
Id = Annotated[str, Meta(min_length=1, max_length=192, pattern=_NO_CONTROL)]
Name = Annotated[str, Meta(min_length=1, max_length=256, pattern=_NO_CONTROL)]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339, with its offset.")]
Percent = Annotated[str, Meta(pattern=r"^\d{1,3}(\.\d{1,4})?$")]
Number = Annotated[
    Decimal,
    Meta(
        description="A decimal number, as text or as a number.",
        extra_json_schema={"type": ["string", "number"]},
    ),
]


class Pushed(
    Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Base of all structs here: immutable, and strict."""


class PushedModifier(Pushed, frozen=True, kw_only=True, gc=False):
    """A change to one unit of its line; `amount` is for one unit of the line."""

    name: Name
    amount: Amount = 0
    quantity: Number = Decimal(1)
    pos_modifier_id: Id | None = None


class PushedLine(Pushed, frozen=True, kw_only=True, gc=False):
    """
    One line of the bill; goods that come back have a negative quantity and gross.

    `unit_price` or `gross` must be there. `tax` is all tax of the line, `tax_included` the part
    of it that is inside the price; `discount` is the line's share of all discounts.
    """

    name: Name
    quantity: Number = Decimal(1)
    unit: Annotated[str, Meta(min_length=1, max_length=32, pattern=_NO_CONTROL)] = "each"
    unit_price: Price | None = None
    gross: Amount | None = None
    discount: Amount = 0
    tax: Amount = 0
    tax_included: Amount = 0
    net: Amount | None = None
    modifiers: Annotated[tuple[PushedModifier, ...], Meta(max_length=FEW)] = ()
    pos_product_id: Id | None = None
    sku: Name | None = None
    category: Name | None = None
    line_id: Id | None = None
    kind: LineKind | None = None


class PushedDiscount(Pushed, frozen=True, kw_only=True, gc=False):
    """A discount by name, summed over its lines; positive is money off."""

    name: Name
    amount: Amount


class PushedTax(Pushed, frozen=True, kw_only=True, gc=False):
    """A tax by name; `included` in the prices or on top of them."""

    name: Name
    amount: Amount
    included: bool
    rate_percent: Percent | None = None


class PushedCharge(Pushed, frozen=True, kw_only=True, gc=False):
    """A fee or surcharge, without its tax."""

    name: Name
    amount: Amount
    tax: Amount = 0


class PushedTip(Pushed, frozen=True, kw_only=True, gc=False):
    """A tip; without a list of them, the tips of the tenders are taken."""

    source: Name = "tender"
    amount: Amount


class PushedTender(Pushed, frozen=True, kw_only=True, gc=False):
    """A payment; `amount` is what it paid of the total, tip included and change taken off."""

    method: Method
    amount: Amount
    tip: Amount = 0
    change: Amount = 0
    brand: Name | None = None
    last_four: Annotated[str, Meta(pattern=r"^\d{4}$")] | None = None
    tender_id: Id | None = None


class PushedTotals(Pushed, frozen=True, kw_only=True, gc=False):
    """What the till says the sums are; each that is given is checked against the rest."""

    gross: Amount | None = None
    discount: Amount | None = None
    tax: Amount | None = None
    tax_included: Amount | None = None
    net: Amount | None = None
    service_charge: Amount | None = None
    tip: Amount | None = None
    total: Amount | None = None
    rounding: Amount = 0
    unpaid: Amount | None = None


class PushedTransaction(Pushed, frozen=True, kw_only=True, gc=False):
    """
    One bill, refund or exchange.

    The same `id` with a higher `version` replaces what was said before; the same `id` and
    `version` again are the same fact and change nothing.
    """

    id: Id
    version: Annotated[int, Meta(ge=0, le=2**53 - 1)] = 1
    occurred_at: Instant
    closed_at: Instant | None = None
    business_day: date | None = None
    status: Status = Status.COMPLETED
    kind: Kind | None = None
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")] | None = None
    lines: Annotated[tuple[PushedLine, ...], Meta(max_length=LINES_MAX)] = ()
    discounts: Annotated[tuple[PushedDiscount, ...], Meta(max_length=FEW)] | None = None
    taxes: Annotated[tuple[PushedTax, ...], Meta(max_length=FEW)] | None = None
    service_charges: Annotated[tuple[PushedCharge, ...], Meta(max_length=FEW)] = ()
    tips: Annotated[tuple[PushedTip, ...], Meta(max_length=FEW)] | None = None
    tenders: Annotated[tuple[PushedTender, ...], Meta(max_length=FEW)] = ()
    totals: PushedTotals = PushedTotals()
    register: Name | None = None
    cashier: Name | None = None
    receipt_number: Name | None = None
    customer: Id | None = None
