"""Rows of the public views; amounts are minor units of `currency`, days are business days."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import msgspec


class Row(msgspec.Struct, kw_only=True):
    """Base of all rows; not frozen, because folds add to them in place."""

    tenant_id: str
    account_id: str


class NameCount(msgspec.Struct, frozen=True, kw_only=True):
    """
    A further name under which bills sold a product, and how many of them did.

    `name` is empty for the bills that say none.
    """

    name: str
    sku: str | None
    category: str | None
    unit: str
    transactions: int


class ProductRow(Row, kw_only=True):
    """
    Base of rows about one POS product.

    Args:
        name, sku, category, unit: as most of the row's bills have them; among equals the
            smallest. So they depend on the set of bills only, never on their order. Where no
            bill says a name: as the POS's catalogue has it now, else the POS's own id.
        transactions: bills in which the product was sold or returned.
        also_known: the other names, sorted; their bills are inside `transactions`.
    """

    pos_product_id: str
    name: str
    sku: str | None = None
    category: str | None = None
    unit: str = "each"
    transactions: int = 0
    also_known: list[NameCount] = msgspec.field(default_factory=list)


class SalesRow(ProductRow, kw_only=True):
    """
    What one POS product sold on one day: the row of `pos.sales`.

    Args:
        units: net of what came back, in `unit`.
        refunds: net amount of refunded lines, zero or negative; already inside the others.
    """

    business_day: date
    product_id: str | None
    currency: str
    units: Decimal = Decimal(0)
    gross: int = 0
    discount: int = 0
    tax: int = 0
    tax_included: int = 0
    net: int = 0
    refunds: int = 0


class HourTotals(msgspec.Struct):
    """Net sales and bills of one hour of the shop's clock."""

    net: int = 0
    transactions: int = 0


class SalesDayRow(Row, kw_only=True):
    """
    Totals of one day of one account: the row of `pos.sales-days`.

    Gift cards sold are in `total` and `gift_cards`, in no sales figure. `refunds` counts
    refund transactions, `refunded` is their total (negative).
    """

    business_day: date
    currency: str
    gross: int = 0
    discount: int = 0
    tax: int = 0
    tax_included: int = 0
    net: int = 0
    service_charge: int = 0
    tip: int = 0
    rounding: int = 0
    gift_cards: int = 0
    total: int = 0
    unpaid: int = 0
    refunded: int = 0
    transactions: int = 0
    sales: int = 0
    refunds: int = 0
    exchanges: int = 0
    hours: dict[str, HourTotals] = msgspec.field(default_factory=dict)
    tenders: dict[str, int] = msgspec.field(default_factory=dict)


class InventoryRow(ProductRow, kw_only=True):
    """
    What is left of one POS product: the row of `pos.inventory`.

    Args:
        on_hand: last count + movements after it; negative is shown as it is; None while
            nothing was ever counted (then `sold_since` still says what went out).
    """

    product_id: str | None
    on_hand: Decimal | None = None
    counted: Decimal | None = None
    counted_at: datetime | None = None
    sold_since: Decimal = Decimal(0)
    moved_since: Decimal = Decimal(0)


class UnmappedRow(ProductRow, kw_only=True):
    """
    Revenue of one POS product that no product of the tenant stands for: `pos.unmapped-revenue`.

    `net` is exactly what mapping it would move to the tenant's product.
    """

    currency: str
    net: int = 0
    units: Decimal = Decimal(0)
    first_day: date | None = None
    last_day: date | None = None
    suggested_product_id: str | None = None
    suggested_confidence: float | None = None
