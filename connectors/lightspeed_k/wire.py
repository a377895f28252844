"""
The fields of K-Series' payloads that we read, typed; everything else is skipped while parsing.

Amounts are decimal texts; ids are texts in one place and numbers in another. Names and
addresses of people are never taken out of a body.

Source: api-docs.lsk.lightspeed.app (Financial, Financial V2, Items, Order and Pay: Webhook)
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field
from msgspec.json import Decoder

When = Annotated[datetime, Meta(tz=True)]
Text = Annotated[str, Meta(max_length=1000)]
Id = Annotated[str, Meta(min_length=1, max_length=255)]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Wire(Struct, frozen=True, gc=False, kw_only=True, rename="camel"):
    """Base of all structs here: immutable, field names in camel case."""


class TaxLine(Wire, frozen=True, gc=False, kw_only=True):
    """One tax of a line; `tax_rate` 1.2 is a multiplier: 20 per cent."""

    tax_code: Text | None = None
    tax_rate: Decimal | None = None
    tax_amount: Decimal | None = None
    tax_included: bool | None = None


class AccountingGroup(Wire, frozen=True, gc=False, kw_only=True):
    """Where an item's revenue is booked."""

    name: Text | None = None


class SaleLine(Wire, frozen=True, gc=False, kw_only=True):
    """
    A line of a sale; its totals are what discounts leave.

    Args:
        total_net_amount_with_tax: only of businesses whose prices include tax.
        service_charge: APPORTIONED, it is inside the totals and taxed as they are.
    """

    id: Id | None = None
    total_net_amount_with_tax: Decimal | None = None
    total_net_amount_without_tax: Decimal | None = None
    menu_list_price: Decimal | None = None
    service_charge: Decimal | None = None
    service_charge_type: str | None = None
    discount_amount: Decimal | None = None
    discount_name: Text | None = None
    account_discount_amount: Decimal | None = None
    account_discount_name: Text | None = None
    total_discount_amount: Decimal | None = None
    tax_code: Text | None = None
    tax_amount: Decimal | None = None
    tax_rate_percentage: Decimal | None = None
    tax_lines: tuple[TaxLine, ...] | None = None
    sku: Text | None = None
    name: Text | None = None
    name_override: Text | None = None
    statistic_group: Text | None = None
    accounting_group: AccountingGroup | None = None
    quantity: Decimal | None = None
    currency: Text | None = None
    void_reason: Text | None = None


class Consumer(Wire, frozen=True, gc=False, kw_only=True):
    """The guest, where known."""

    id: Text | None = None
    customer_id: int | str | None = None


class Payment(Wire, frozen=True, gc=False, kw_only=True):
    """A payment; whether tip and surcharge are inside `net_amount_with_tax` is not told."""

    code: Text | None = None
    description: Text | None = None
    net_amount_with_tax: Decimal
    tip: Decimal | None = None
    surcharge: Decimal | None = None
    rounding_amount: Decimal | None = None
    currency: Text | None = None
    type: str | None = None
    fisc_id: Text | None = None
    uuid: Text | None = None
    consumer: Consumer | None = None


class Source(Wire, frozen=True, gc=False, kw_only=True):
    """The accounts that this one goes back to."""

    initial_account_id: Text | None = None
    previous_account_id: Text | None = None


class Sale(Wire, frozen=True, gc=False, kw_only=True):
    """An account that was closed, by any of the names that V1 and V2 give its times."""

    account_fisc_id: Id
    receipt_id: Text | None = None
    type: str = "SALE"
    cancelled: bool | None = None
    source: Source | None = None
    sales_lines: tuple[SaleLine, ...] | None = None
    payments: tuple[Payment, ...] | None = None
    time_of_opening: When | None = None
    time_closed: When | None = None
    time_of_close_and_paid: When | None = None
    old_opening: When | None = field(default=None, name="timeofOpening")
    old_closed: When | None = field(default=None, name="timeofCloseAndPaid")
    owner_id: int | str | None = None
    device_id: int | str | None = None


class Price(Wire, frozen=True, gc=False, kw_only=True):
    """A price of an item."""

    amount: Decimal | None = None


class Item(Wire, frozen=True, gc=False, kw_only=True):
    """Something on the menu; sales know it by its SKU."""

    id: int | str | None = None
    sku: Text | None = None
    name: Text | None = None
    active: bool | None = None
    accounting_group: AccountingGroup | None = None
    prices: tuple[Price, ...] | None = None


class Availability(Wire, frozen=True, gc=False, kw_only=True):
    """How much is left of an item, as a webhook or a list says it."""

    sku: Id
    count: Decimal | None = None
    status: str | None = None
    count_updated_at: When | None = None
    updated_at: When | None = None


class Probe(Wire, frozen=True, gc=False, kw_only=True):
    """Just enough of any body to see what it is, and the lists that pages hold."""

    type: str | None = None
    status: Raw | UnsetType = UNSET
    business_location_id: int | str | None = None
    account_fisc_id: Raw | UnsetType = UNSET
    sales: list[Raw] | None = None
    data: list[Raw] | None = None
    sku: Raw | UnsetType = UNSET
    name: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET
    message: Raw | UnsetType = UNSET
    next_page_token: str | None = None


PROBE = Decoder(Probe)
LIST = Decoder(list[Raw])
SALE = Decoder(Sale)
ITEM = Decoder(Item)
AVAILABILITY = Decoder(Availability)
