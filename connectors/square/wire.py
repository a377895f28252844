"""
The fields of Square's payloads that we read, typed; everything else is skipped while parsing.

Amounts are JSON integers of minor units, times carry a zone: anything else is a wrong type, and
a wrong type is a body that cannot be believed.

Source: developer.squareup.com/reference/square (Order, Payment, PaymentRefund,
InventoryCount)
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

# Beyond any till, and small enough that sums of a whole bill stay within 64 bits.
LARGEST_AMOUNT = 10**15

Amount = Annotated[int, Meta(ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT)]
Version = Annotated[int, Meta(ge=0, le=2**62)]
When = Annotated[datetime, Meta(tz=True)]
Id = Annotated[str, Meta(min_length=1, max_length=255)]


class Wire(Struct, frozen=True, gc=False, kw_only=True):
    """Base of all structs here: immutable and without cycles."""


class Money(Wire, frozen=True, gc=False, kw_only=True):
    """`{"amount": 1250, "currency": "EUR"}`; a few payloads leave the currency out."""

    amount: Amount
    currency: str | None = None


class AppliedTax(Wire, frozen=True, gc=False, kw_only=True):
    """The share of one tax in a line or a service charge."""

    tax_uid: str | None = None
    applied_money: Money | None = None


class AppliedMoney(Wire, frozen=True, gc=False, kw_only=True):
    """The share of one discount or service charge in a line."""

    applied_money: Money | None = None


class CustomUnit(Wire, frozen=True, gc=False, kw_only=True):
    """A unit that the seller named."""

    abbreviation: str | None = None


class MeasurementUnit(Wire, frozen=True, gc=False, kw_only=True):
    """Exactly one of these is given."""

    custom_unit: CustomUnit | None = None
    area_unit: str | None = None
    length_unit: str | None = None
    volume_unit: str | None = None
    weight_unit: str | None = None
    generic_unit: str | None = None
    time_unit: str | None = None


class QuantityUnit(Wire, frozen=True, gc=False, kw_only=True):
    """What a quantity is measured in."""

    measurement_unit: MeasurementUnit | None = None


class ModifierItem(Wire, frozen=True, gc=False, kw_only=True):
    """`total_price_money` is for the whole line, `base_price_money` for one."""

    catalog_object_id: str | None = None
    name: str | None = None
    quantity: str | None = None
    base_price_money: Money | None = None
    total_price_money: Money | None = None


class LineItem(Wire, frozen=True, gc=False, kw_only=True):
    """A line of a sale, or of a return: the fields differ only in two names."""

    uid: str | None = None
    name: str | None = None
    quantity: str
    quantity_unit: QuantityUnit | None = None
    catalog_object_id: str | None = None
    variation_name: str | None = None
    item_type: str | None = None
    modifiers: list[ModifierItem] | None = None
    return_modifiers: list[ModifierItem] | None = None
    applied_taxes: list[AppliedTax] | None = None
    applied_discounts: list[AppliedMoney] | None = None
    base_price_money: Money | None = None
    variation_total_price_money: Money | None = None
    gross_sales_money: Money | None = None
    gross_return_money: Money | None = None
    total_tax_money: Money | None = None
    total_discount_money: Money | None = None
    total_money: Money | None = None
    total_service_charge_money: Money | None = None


class TaxItem(Wire, frozen=True, gc=False, kw_only=True):
    """A tax of the bill with what it came to."""

    uid: str | None = None
    name: str | None = None
    type: str | None = None
    percentage: str | None = None
    applied_money: Money | None = None


class DiscountItem(Wire, frozen=True, gc=False, kw_only=True):
    """A discount of the bill with what it came to."""

    name: str | None = None
    applied_money: Money | None = None


class ChargeItem(Wire, frozen=True, gc=False, kw_only=True):
    """A service charge; `applied_money` has inclusive tax inside, never additive tax."""

    name: str | None = None
    type: str | None = None
    treatment_type: str | None = None
    amount_money: Money | None = None
    applied_money: Money | None = None
    total_money: Money | None = None
    total_tax_money: Money | None = None
    applied_taxes: list[AppliedTax] | None = None


class TipItem(Wire, frozen=True, gc=False, kw_only=True):
    """A tip given back."""

    applied_money: Money | None = None
    source_tender_id: str | None = None


class Rounding(Wire, frozen=True, gc=False, kw_only=True):
    """What Square itself rounded, mostly to the smallest coin."""

    amount_money: Money | None = None


class MoneyAmounts(Wire, frozen=True, gc=False, kw_only=True):
    """The roll-up of one side of an order."""

    total_money: Money | None = None
    tax_money: Money | None = None
    discount_money: Money | None = None
    tip_money: Money | None = None
    service_charge_money: Money | None = None


class OrderReturn(Wire, frozen=True, gc=False, kw_only=True):
    """What comes back of one earlier order; all amounts positive."""

    source_order_id: str | None = None
    return_line_items: list[LineItem] | None = None
    return_service_charges: list[ChargeItem] | None = None
    return_taxes: list[TaxItem] | None = None
    return_discounts: list[DiscountItem] | None = None
    return_tips: list[TipItem] | None = None
    rounding_adjustment: Rounding | None = None
    return_amounts: MoneyAmounts | None = None


class Card(Wire, frozen=True, gc=False, kw_only=True):
    """What may be kept of a card."""

    card_brand: str | None = None
    last_4: str | None = None


class Timeline(Wire, frozen=True, gc=False, kw_only=True):
    """When a card payment was captured."""

    captured_at: When | None = None


class CardDetails(Wire, frozen=True, gc=False, kw_only=True):
    """`status` AUTHORIZED, CAPTURED, VOIDED or FAILED."""

    status: str | None = None
    card: Card | None = None
    card_payment_timeline: Timeline | None = None


class CashDetails(Wire, frozen=True, gc=False, kw_only=True):
    """What went back over the counter."""

    change_back_money: Money | None = None


class ExternalDetails(Wire, frozen=True, gc=False, kw_only=True):
    """A payment that Square only took note of."""

    type: str | None = None


class BrandDetails(Wire, frozen=True, gc=False, kw_only=True):
    """A wallet or a pay-later company; a payment and a tender name the field differently."""

    brand: str | None = None
    buy_now_pay_later_brand: str | None = None


class TenderItem(Wire, frozen=True, gc=False, kw_only=True):
    """A payment as the order knows it; `amount_money` includes the tip."""

    id: str | None = None
    payment_id: str | None = None
    type: str | None = None
    amount_money: Money | None = None
    tip_money: Money | None = None
    customer_id: str | None = None
    card_details: CardDetails | None = None
    cash_details: CashDetails | None = None
    buy_now_pay_later_details: BrandDetails | None = None


class DestinationDetails(Wire, frozen=True, gc=False, kw_only=True):
    """Where a refund went."""

    card_details: CardDetails | None = None
    external_details: ExternalDetails | None = None


class Refund(Wire, frozen=True, gc=False, kw_only=True):
    """A PaymentRefund, or the shorter Refund inside an order (`tender_id`, status APPROVED)."""

    id: str | None = None
    status: str | None = None
    location_id: str | None = None
    amount_money: Money | None = None
    payment_id: str | None = None
    tender_id: str | None = None
    order_id: str | None = None
    destination_type: str | None = None
    destination_details: DestinationDetails | None = None
    team_member_id: str | None = None
    created_at: When | None = None
    updated_at: When | None = None


class Device(Wire, frozen=True, gc=False, kw_only=True):
    """The till that took a payment."""

    device_id: str | None = None
    device_installation_id: str | None = None


class Payment(Wire, frozen=True, gc=False, kw_only=True):
    """A Payment; `amount_money` is without the tip, `total_money` with it."""

    id: Id
    status: str | None = None
    location_id: str | None = None
    order_id: str | None = None
    source_type: str | None = None
    amount_money: Money | None = None
    tip_money: Money | None = None
    total_money: Money | None = None
    card_details: CardDetails | None = None
    cash_details: CashDetails | None = None
    external_details: ExternalDetails | None = None
    wallet_details: BrandDetails | None = None
    buy_now_pay_later_details: BrandDetails | None = None
    customer_id: str | None = None
    team_member_id: str | None = None
    employee_id: str | None = None
    receipt_number: str | None = None
    device_details: Device | None = None
    created_at: When
    updated_at: When | None = None


class Order(Wire, frozen=True, gc=False, kw_only=True):
    """An Order: a sale, a return (`returns` only), or an exchange (both)."""

    id: str | None = None
    location_id: str | None = None
    customer_id: str | None = None
    state: str | None = None
    version: Version | None = None
    created_at: When | None = None
    updated_at: When | None = None
    closed_at: When | None = None
    line_items: list[LineItem] | None = None
    taxes: list[TaxItem] | None = None
    discounts: list[DiscountItem] | None = None
    service_charges: list[ChargeItem] | None = None
    returns: list[OrderReturn] | None = None
    return_amounts: MoneyAmounts | None = None
    net_amounts: MoneyAmounts | None = None
    rounding_adjustment: Rounding | None = None
    tenders: list[TenderItem] | None = None
    refunds: list[Refund] | None = None
    total_money: Money | None = None
    total_tax_money: Money | None = None
    total_discount_money: Money | None = None
    total_tip_money: Money | None = None
    total_service_charge_money: Money | None = None


class OrderStub(Wire, frozen=True, gc=False, kw_only=True):
    """All that an order webhook says."""

    order_id: Id
    version: Version | None = None
    location_id: str | None = None
    created_at: When | None = None
    updated_at: When | None = None


class InventoryCount(Wire, frozen=True, gc=False, kw_only=True):
    """How much Square believes is there, after all it knows."""

    catalog_object_id: Id
    catalog_object_type: str | None = None
    state: str | None = None
    location_id: str | None = None
    quantity: str
    calculated_at: When
