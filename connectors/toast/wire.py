"""
The fields of Toast's payloads that we read, typed; everything else is skipped while parsing.

Names, addresses, telephone numbers and notes are never taken out of a body.

Source: doc.toasttab.com/openapi/orders (Order, Check, Selection, Payment), .../openapi/stock,
.../openapi/menus, and the platform guide's pages of the webhooks
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from msgspec.json import Decoder

When = Annotated[datetime, Meta(tz=True)]
Id = Annotated[str, Meta(min_length=1, max_length=255)]
Name = Annotated[str, Meta(max_length=1000)]


class Wire(Struct, frozen=True, gc=False, kw_only=True, rename="camel"):
    """Base of all structs here: immutable, field names in camel case."""


class Reference(Wire, frozen=True, gc=False, kw_only=True):
    """A pointer to something that is configured elsewhere."""

    guid: Id | None = None


class Device(Wire, frozen=True, gc=False, kw_only=True):
    """A till."""

    id: Id | None = None


class AppliedTax(Wire, frozen=True, gc=False, kw_only=True):
    """One tax of a selection or service charge; `rate` 0.0625 is 6.25 per cent."""

    name: Name | None = None
    rate: Decimal | None = None
    tax_amount: Decimal | None = None
    type: str | None = None


class AppliedDiscount(Wire, frozen=True, gc=False, kw_only=True):
    """`non_tax_discount_amount` leaves out what it takes off a tax inside the price."""

    name: Name | None = None
    discount_amount: Decimal | None = None
    non_tax_discount_amount: Decimal | None = None
    processing_state: str | None = None


class RefundDetails(Wire, frozen=True, gc=False, kw_only=True):
    """What of an item or charge was refunded; `refund_amount` without tax."""

    refund_amount: Decimal | None = None
    tax_refund_amount: Decimal | None = None
    refund_transaction: Reference | None = None


class Selection(Wire, frozen=True, gc=False, kw_only=True):
    """
    A line of a check, or a modifier of one.

    Args:
        receipt_line_price: of one, without modifiers, with the tax that is inside the price.
        pre_discount_price: of all of it, without tax; `price` is what discounts leave of it.
    """

    guid: Id
    item: Reference | None = None
    display_name: Name | None = None
    plu: Name | None = None
    quantity: Decimal = Decimal(1)
    unit_of_measure: str | None = None
    selection_type: str | None = None
    deferred: bool | None = None
    voided: bool | None = None
    receipt_line_price: Decimal | None = None
    pre_discount_price: Decimal | None = None
    price: Decimal | None = None
    tax: Decimal | None = None
    tax_inclusion: str | None = None
    applied_taxes: tuple[AppliedTax, ...] | None = None
    applied_discounts: tuple[AppliedDiscount, ...] | None = None
    modifiers: tuple[Selection, ...] | None = None
    refund_details: RefundDetails | None = None
    modified_date: When | None = None


class Charge(Wire, frozen=True, gc=False, kw_only=True):
    """A service charge; `charge_amount` without tax."""

    name: Name | None = None
    charge_amount: Decimal | None = None
    gratuity: bool | None = None
    taxable: bool | None = None
    service_charge_category: str | None = None
    applied_taxes: tuple[AppliedTax, ...] | None = None
    refund_details: RefundDetails | None = None


class Refund(Wire, frozen=True, gc=False, kw_only=True):
    """What of a payment was given back; `refund_amount` without the tip."""

    refund_amount: Decimal | None = None
    tip_refund_amount: Decimal | None = None
    refund_date: When | None = None
    refund_business_date: int | None = None
    refund_transaction: Reference | None = None


class VoidInfo(Wire, frozen=True, gc=False, kw_only=True):
    """That a payment was voided, and when."""

    void_date: When | None = None


class Payment(Wire, frozen=True, gc=False, kw_only=True):
    """A payment; `amount` without the tip."""

    guid: Id
    type: str | None = None
    amount: Decimal
    tip_amount: Decimal | None = None
    amount_tendered: Decimal | None = None
    card_type: str | None = None
    last4_digits: str | None = None
    payment_status: str | None = None
    void_info: VoidInfo | None = None
    refund_status: str | None = None
    refund: Refund | None = None
    paid_date: When | None = None
    order_guid: Id | None = None
    check_guid: Id | None = None


class Check(Wire, frozen=True, gc=False, kw_only=True):
    """
    A bill.

    Args:
        amount: discounts and service charges included, tax and tips not.
        total_amount: with tax; a refund does not change it.
    """

    guid: Id
    display_number: Name | None = None
    opened_date: When | None = None
    closed_date: When | None = None
    paid_date: When | None = None
    void_date: When | None = None
    deleted_date: When | None = None
    modified_date: When | None = None
    voided: bool | None = None
    deleted: bool | None = None
    payment_status: str | None = None
    amount: Decimal | None = None
    tax_amount: Decimal | None = None
    total_amount: Decimal | None = None
    selections: tuple[Selection, ...] | None = None
    applied_discounts: tuple[AppliedDiscount, ...] | None = None
    applied_service_charges: tuple[Charge, ...] | None = None
    payments: tuple[Payment, ...] | None = None
    customer: Reference | None = None
    created_device: Device | None = None


class Order(Wire, frozen=True, gc=False, kw_only=True):
    """What a party of guests ordered; it may be paid with several checks."""

    guid: Id
    checks: tuple[Check, ...]
    business_date: int | None = None
    opened_date: When | None = None
    created_date: When | None = None
    modified_date: When | None = None
    voided: bool | None = None
    deleted: bool | None = None
    guest_order_status: str | None = None
    created_in_test_mode: bool | None = None
    excess_food: bool | None = None
    server: Reference | None = None
    created_device: Device | None = None


class Stock(Wire, frozen=True, gc=False, kw_only=True):
    """What is left of one menu item; webhooks call its id `itemGuid`."""

    guid: Id | None = None
    item_guid: Id | None = None
    item_guid_validity: str | None = None
    restaurant_guid: Id | None = None
    status: str
    quantity: Decimal | None = None


class MenuItem(Wire, frozen=True, gc=False, kw_only=True):
    """Something on a menu."""

    guid: Id | None = None
    name: Name | None = None
    plu: Name | None = None
    sku: Name | None = None
    price: Decimal | None = None


class MenuGroup(Wire, frozen=True, gc=False, kw_only=True):
    """A page of a menu; groups have groups."""

    name: Name | None = None
    menu_groups: tuple[MenuGroup, ...] | None = None
    menu_items: tuple[MenuItem, ...] | None = None


class Menus(Wire, frozen=True, gc=False, kw_only=True):
    """All that a restaurant sells."""

    restaurant_guid: Id | None = None
    last_updated: When
    menus: tuple[MenuGroup, ...]


class OrderDetails(Wire, frozen=True, gc=False, kw_only=True):
    """What an order webhook brings."""

    order: Order


class Envelope(Wire, frozen=True, gc=False, kw_only=True):
    """A webhook; `guid` is the same at every attempt to deliver it."""

    timestamp: str
    event_type: str
    event_category: str | None = None
    guid: Id | None = None
    details: Raw


class Whereabouts(Wire, frozen=True, gc=False, kw_only=True):
    """Whom a webhook is about."""

    restaurant_guid: Id | None = None
    order: Raw | UnsetType = UNSET


class Probe(Wire, frozen=True, gc=False, kw_only=True):
    """Just enough of any body to see what it is."""

    entity_type: str | None = None
    event_type: Raw | UnsetType = UNSET
    details: Raw | UnsetType = UNSET
    checks: Raw | UnsetType = UNSET
    menus: Raw | UnsetType = UNSET
    last_updated: Raw | UnsetType = UNSET
    amount: Raw | UnsetType = UNSET
    order_guid: Raw | UnsetType = UNSET
    status: Raw | UnsetType = UNSET
    item_guid: Raw | UnsetType = UNSET
    multi_location_id: Raw | UnsetType = UNSET
    item_guid_validity: Raw | UnsetType = UNSET
    message: Raw | UnsetType = UNSET


PROBE = Decoder(Probe)
LIST = Decoder(list[Raw])
ENVELOPE = Decoder(Envelope)
WHEREABOUTS = Decoder(Whereabouts)
ORDER = Decoder(Order)
ORDER_DETAILS = Decoder(OrderDetails)
PAYMENT = Decoder(Payment)
STOCK = Decoder(Stock)
MENUS = Decoder(Menus)
INSTANT = Decoder(When)
