"""
The fields of the X-Series that we read, in the three shapes in which they come.

Webhooks bring objects of API 1.0 (`register_sale_products`, amounts as texts), API 2.0 has
`line_items` with flat amounts, and the versions by date nest them (`pricing`, `tax`, `totals`).
Everything else is skipped while parsing.

Source: x-series-api.lightspeedhq.com/reference (API 2.0 and 2026-07), .../docs/webhooks,
.../docs/webhooks_example_payloads
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar

from msgspec import UNSET, Raw, Struct, field
from msgspec.json import Decoder

T = TypeVar("T")
ABSENT = Raw()


class Wire(Struct, frozen=True, kw_only=True, gc=False):
    """Base of all structs here."""


class Named(Wire, frozen=True, kw_only=True, gc=False):
    """Something with an id and a name: a payment type, a product type, a category."""

    id: Any = None
    name: Any = None


class Pricing(Wire, frozen=True, kw_only=True, gc=False):
    """Amounts of a line (versions by date)."""

    price: Any = None
    discount: Any = None
    total: Any = None


class LineTax(Wire, frozen=True, kw_only=True, gc=False):
    """Tax of a line (versions by date)."""

    total: Any = None


class Component(Wire, frozen=True, kw_only=True, gc=False):
    """A share of one tax."""

    total_tax: Any = None


class LineItem(Wire, frozen=True, kw_only=True, gc=False):
    """A line; `tax` is an amount of one unit, or an object in the versions by date."""

    id: Any = None
    product_id: Any = None
    product: Named | None = None
    name: Any = None
    sku: Any = None
    quantity: Any = None
    price: Any = None
    discount: Any = None
    price_total: Any = None
    tax_total: Any = None
    tax: Raw = ABSENT
    pricing: Pricing | None = None
    gift_card_number: Any = None


class Payment(Wire, frozen=True, kw_only=True, gc=False):
    """A payment."""

    id: Any = None
    amount: Any = None
    currency: Any = None
    payment_type_id: Any = None
    name: Any = None
    retailer_payment_type: Named | None = None
    type: Named | None = None
    deleted_at: Any = None


class Adjustment(Wire, frozen=True, kw_only=True, gc=False):
    """A fee, tip or discount of the whole sale."""

    type: Any = None
    adjustment_type: Any = None
    name: Any = None
    value: Any = None
    total: Any = None
    tax_components: list[Component] | None = None


class Charge(Wire, frozen=True, kw_only=True, gc=False):
    """Charges of the web shop, without tax and with it."""

    total: Any = None
    total_tax: Any = None


class SaleTotals(Wire, frozen=True, kw_only=True, gc=False):
    """Totals, as webhooks name them and as the versions by date do."""

    total_price: Any = None
    total_tax: Any = None
    price: Any = None
    tax: Any = None
    price_incl_tax: Any = None
    surcharge: Any = None


class SaleReturn(Wire, frozen=True, kw_only=True, gc=False):
    """What a sale returns (versions by date)."""

    original_sale_id: Any = None


class Source(Wire, frozen=True, kw_only=True, gc=False):
    """Where a sale was made (versions by date)."""

    outlet_id: Any = None
    register_id: Any = None
    author: Named | None = None


class Metadata(Wire, frozen=True, kw_only=True, gc=False):
    """What the versions by date say of a record."""

    version: Any = None


class Sale(Wire, frozen=True, kw_only=True, gc=False):
    """A sale or a return, in any of the three shapes."""

    id: Any = None
    outlet_id: Any = None
    register_id: Any = None
    user_id: Any = None
    customer_id: Any = None
    source: Raw = ABSENT
    invoice_number: Any = None
    receipt_number: Any = None
    status: Any = None
    state: Any = None
    attributes: Raw = ABSENT
    return_for: Any = None
    returned: SaleReturn | None = field(name="return", default=None)
    created_at: Any = None
    updated_at: Any = None
    deleted_at: Any = None
    sale_date: Any = None
    date: Any = None
    total_price: Any = None
    total_tax: Any = None
    total_price_incl: Any = None
    total_surcharge: Any = None
    totals: SaleTotals | None = None
    line_items: list[LineItem] | None = None
    register_sale_products: list[LineItem] | None = None
    payments: list[Payment] | None = None
    register_sale_payments: list[Payment] | None = None
    adjustments: list[Adjustment] | None = None
    ecom_custom_charges: Raw = ABSENT
    version: Any = None
    metadata: Metadata | None = field(name="_metadata", default=None)


class Product(Wire, frozen=True, kw_only=True, gc=False):
    """A product; each variant is one."""

    id: Any = None
    name: Any = None
    variant_name: Any = None
    sku: Any = None
    type: Named | None = None
    product_type: Named | None = None
    price_excluding_tax: Any = None
    active: Any = None
    is_active: Any = None
    deleted_at: Any = None
    version: Any = None


class Stock(Wire, frozen=True, kw_only=True, gc=False):
    """What an outlet has of a product; webhooks name it `count`."""

    id: Any = None
    product_id: Any = None
    outlet_id: Any = None
    inventory_level: Any = None
    current_amount: Any = None
    count: Any = None
    version: Any = None


class Consignment(Wire, frozen=True, kw_only=True, gc=False):
    """Goods on their way: from a supplier, between outlets, back; or a stocktake."""

    id: Any = None
    type: Any = None
    status: Any = None
    outlet_id: Any = None
    source_outlet_id: Any = None
    supplier_id: Any = None
    name: Any = None
    reference: Any = None
    due_at: Any = None
    received_at: Any = None
    updated_at: Any = None
    deleted_at: Any = None
    version: Any = None


class ConsignmentProduct(Wire, frozen=True, kw_only=True, gc=False):
    """A product of a consignment: expected (`count`), received, and the cost of one."""

    product_id: Any = None
    count: Any = None
    received: Any = None
    cost: Any = None
    deleted_at: Any = None
    version: Any = None


class Consigned(Wire, frozen=True, kw_only=True, gc=False):
    """A consignment, its products and its supplier, as a poll puts the answers together."""

    consignment: Consignment
    products: list[ConsignmentProduct]
    supplier: Named | None = None


class Probe(Wire, frozen=True, kw_only=True, gc=False):
    """What tells the kinds of bodies apart."""

    data: Raw = ABSENT
    register_sale: Raw = ABSENT
    register_sales: Raw = ABSENT
    consignment: Raw = ABSENT
    error: Raw = ABSENT
    errors: Raw = ABSENT
    id: Any = None
    outlet_id: Any = None
    line_items: Any = UNSET
    register_sale_products: Any = UNSET
    invoice_number: Any = UNSET
    total_price: Any = UNSET
    totals: Any = UNSET
    handle: Any = UNSET
    sku: Any = UNSET
    inventory_level: Any = UNSET
    current_amount: Any = UNSET
    count: Any = UNSET
    consignment_date: Any = UNSET
    version: Any = None


def _decoder(kind: type[T]) -> Decoder[T]:
    return Decoder(kind, float_hook=Decimal)


PROBE = _decoder(Probe)
SALE = _decoder(Sale)
PRODUCT = _decoder(Product)
STOCK = _decoder(Stock)
CONSIGNED = _decoder(Consigned)
LINE_TAX = _decoder(LineTax)
SOURCE = _decoder(Source)
CHARGE, CHARGES = _decoder(Charge), _decoder(list[Charge])
WORDS = _decoder(list[Any])
RAWS = _decoder(list[Raw])
