"""
A sale in one shape: what each of the three tells, under one set of names.

Source: x-series-api.lightspeedhq.com/reference (ListSales of API 2.0 and of 2026-07),
.../docs/webhooks_example_payloads, .../docs/sales_states_and_attributes
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Raw, Struct

from connectors.amounts import number, quantity
from connectors.lightspeed_x.amounts import identity, instant, text, version
from connectors.lightspeed_x.wire import (
    CHARGE,
    CHARGES,
    LINE_TAX,
    SOURCE,
    WORDS,
    Adjustment,
    LineItem,
    Payment,
    Sale,
    SaleTotals,
    Source,
)
from connectors.troubles import UnreadableError
from schemas.transaction import Status

_STATUS = {
    "SAVED": Status.OPEN,
    "OPEN": Status.OPEN,
    "LAYBY": Status.OPEN,
    "CLOSED": Status.COMPLETED,
    "LAYBY_CLOSED": Status.COMPLETED,
    "ONACCOUNT": Status.COMPLETED,
    "ONACCOUNT_CLOSED": Status.COMPLETED,
    "AWAITING_DISPATCH": Status.OPEN,
    "DISPATCHED_CLOSED": Status.COMPLETED,
    "AWAITING_PICKUP": Status.OPEN,
    "PICKED_UP_CLOSED": Status.COMPLETED,
    "SERVICE": Status.OPEN,
    "SERVICE_CLOSED": Status.COMPLETED,
    "VOIDED": Status.CANCELLED,
}
_STATE = {
    "parked": Status.OPEN,
    "pending": Status.OPEN,
    "closed": Status.COMPLETED,
    "voided": Status.CANCELLED,
}
_ON_ACCOUNT = "onaccount"


class ToldLine(Struct, frozen=True):
    """A line; amounts in major units, without tax; `price` is after `discount`, both of one."""

    line_id: str
    product: str | None
    name: str
    sku: str | None
    quantity: Decimal
    price: Decimal
    discount: Decimal
    total: Decimal
    tax: Decimal
    gift_card: bool


class ToldPayment(Struct, frozen=True):
    """A payment; `type_id` is Lightspeed's own number of the kind, where it says it."""

    payment_id: str
    amount: Decimal
    type_id: str
    type_name: str
    currency: str


class Extra(Struct, frozen=True):
    """A fee, tip or discount beside the lines; `tax` is on top of it."""

    kind: str
    name: str
    amount: Decimal
    tax: Decimal


class Told(Struct, frozen=True):
    """A sale; amounts in major units, `price` without tax."""

    sale_id: str
    version: int
    status: Status
    outlet: str | None
    register: str | None
    cashier: str | None
    customer: str | None
    number: str | None
    return_for: str | None
    created_at: datetime | None
    sold_at: datetime
    updated_at: datetime | None
    price: Decimal
    tax: Decimal
    including: Decimal | None
    lines: tuple[ToldLine, ...]
    payments: tuple[ToldPayment, ...]
    adjustments: tuple[Extra, ...]
    surcharge: Extra | None
    web_charge: Extra | None


def lines_in(sale: Sale) -> list[LineItem] | None:
    """Return the lines, by whichever name; None where they are left out."""
    return sale.line_items if sale.line_items is not None else sale.register_sale_products


def told(sale: Sale) -> Told:
    """
    Return what a sale tells.

    Raises:
        UnreadableError: it has no id, or a value is not what it should be.
    """
    sale_id, made = identity(sale.id), _source(sale)
    sold_at = instant(sale.sale_date or sale.date) or instant(sale.created_at)
    if sale_id is None or sold_at is None:
        raise UnreadableError("a sale without id or time")
    amounts = _amounts(sale)
    returned = sale.returned.original_sale_id if sale.returned is not None else None
    paid = sale.payments if sale.payments is not None else sale.register_sale_payments
    return Told(
        sale_id=sale_id,
        version=version_of(sale),
        status=_status(sale),
        outlet=identity(_first(sale.outlet_id, made.outlet_id)),
        register=identity(_first(sale.register_id, made.register_id)),
        cashier=identity(_first(sale.user_id, made.author.id if made.author else None)),
        customer=identity(sale.customer_id),
        number=text(_first(sale.receipt_number, sale.invoice_number)) or None,
        return_for=identity(_first(sale.return_for, returned)),
        created_at=instant(sale.created_at),
        sold_at=sold_at,
        updated_at=instant(sale.updated_at),
        price=number(amounts.price, "total_price"),
        tax=number(amounts.tax, "total_tax"),
        including=_told(amounts.price_incl_tax, "total_price_incl"),
        lines=tuple([_line(line, i) for i, line in enumerate(lines_in(sale) or (), 1)]),
        payments=tuple([_payment(one) for one in paid or () if not one.deleted_at]),
        adjustments=tuple([_adjustment(one) for one in sale.adjustments or ()]),
        surcharge=_extra("Surcharge", number(amounts.surcharge, "surcharge"), Decimal(0)),
        web_charge=_web_charge(sale.ecom_custom_charges),
    )


def _amounts(sale: Sale) -> SaleTotals:
    """Return the totals under the names of the versions by date."""
    told_ = sale.totals or SaleTotals()
    return SaleTotals(
        price=_first(sale.total_price, told_.total_price, told_.price),
        tax=_first(sale.total_tax, told_.total_tax, told_.tax),
        price_incl_tax=_first(sale.total_price_incl, told_.price_incl_tax),
        surcharge=_first(sale.total_surcharge, told_.surcharge),
    )


def _told(given: object, name: str) -> Decimal | None:
    return None if given is None else number(given, name)


def version_of(sale: Sale) -> int:
    """Return a sale's version; every change anywhere at Lightspeed makes a greater one."""
    return version(_first(sale.version, sale.metadata.version if sale.metadata else None))


def outlet_of(sale: Sale) -> str | None:
    """Return the outlet where it was made."""
    return identity(_first(sale.outlet_id, _source(sale).outlet_id))


def _first(*given: object) -> object:
    return next((one for one in given if one is not None), None)


def _source(sale: Sale) -> Source:
    """Return where it was made; API 2.0 has a word of another meaning in that field."""
    is_object = bytes(sale.source).lstrip()[:1] == b"{"
    return SOURCE.decode(sale.source) if is_object else Source()


def _status(sale: Sale) -> Status:
    """Return where it stands; goods sold on account have left the shop, put aside have not."""
    if sale.deleted_at:
        return Status.CANCELLED
    said = text(sale.status).upper()
    if said in _STATUS:
        return _STATUS[said]
    state = text(sale.state).lower()
    if state == "pending" and _ON_ACCOUNT in _attributes(sale.attributes):
        return Status.COMPLETED
    return _STATE.get(state, Status.OPEN)


def _attributes(given: Raw) -> Sequence[object]:
    return WORDS.decode(given) if bytes(given).lstrip()[:1] == b"[" else ()


def _line(line: LineItem, place: int) -> ToldLine:
    by_date = line.pricing
    amount = quantity(line.quantity, "quantity")
    price = number(by_date.price if by_date else line.price, "price")
    total = by_date.total if by_date else line.price_total
    product = line.product.id if line.product is not None else line.product_id
    return ToldLine(
        line_id=identity(line.id) or str(place),
        product=identity(product),
        name=text(line.name),
        sku=text(line.sku) or None,
        quantity=amount,
        price=price,
        discount=number(by_date.discount if by_date else line.discount, "discount"),
        total=price * amount if total is None else number(total, "price_total"),
        tax=_tax(line, amount),
        gift_card=bool(text(line.gift_card_number)),
    )


def _tax(line: LineItem, amount: Decimal) -> Decimal:
    """Return a line's tax; that of one unit where no total is told."""
    if line.tax_total is not None:
        return number(line.tax_total, "tax_total")
    if bytes(line.tax).lstrip()[:1] == b"{":
        return number(LINE_TAX.decode(line.tax).total, "tax.total")
    if not line.tax:
        return Decimal(0)
    return number(WORDS.decode(b"[" + bytes(line.tax) + b"]")[0], "tax") * amount


def _payment(payment: Payment) -> ToldPayment:
    named = payment.type or payment.retailer_payment_type
    type_id = payment.payment_type_id
    if type_id is None and payment.type is not None:
        type_id = payment.type.id
    return ToldPayment(
        payment_id=identity(payment.id) or "payment",
        amount=number(payment.amount, "amount"),
        type_id=identity(type_id) or "",
        type_name=text(_first(payment.name, named.name if named else None)),
        currency=text(payment.currency),
    )


def _adjustment(one: Adjustment) -> Extra:
    tax = sum([number(each.total_tax, "tax") for each in one.tax_components or ()], Decimal(0))
    kind = text(_first(one.type, one.adjustment_type)).upper()
    amount = number(_first(one.value, one.total), "adjustment")
    return Extra(kind, text(one.name) or kind.capitalize() or "Adjustment", amount, tax)


def _extra(name: str, amount: Decimal, tax: Decimal) -> Extra | None:
    return Extra("FEE", name, amount, tax) if amount or tax else None


def _web_charge(given: Raw) -> Extra | None:
    match bytes(given).lstrip()[:1]:
        case b"{":
            charges = [CHARGE.decode(given)]
        case b"[":
            charges = CHARGES.decode(given)
        case _:
            return None
    total = sum([number(one.total, "charge") for one in charges], Decimal(0))
    tax = sum([number(one.total_tax, "charge") for one in charges], Decimal(0))
    return _extra("Web shop charges", total, tax)
