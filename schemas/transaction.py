"""The canonical transaction, the same for every provider, and the laws it obeys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What happened: goods out, goods back, both, or a provider's record of a void."""

    SALE = "sale"
    REFUND = "refund"
    EXCHANGE = "exchange"
    VOID = "void"


class Status(StrEnum):
    """Where it stands; only completed ones count in any projection."""

    OPEN = "open"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class LineKind(StrEnum):
    """Gift cards sold are a liability: in the total, never in sales."""

    ITEM = "item"
    CUSTOM_AMOUNT = "custom_amount"
    GIFT_CARD = "gift_card"


class Method(StrEnum):
    """How a tender paid."""

    CASH = "cash"
    CARD = "card"
    GIFT_CARD = "gift_card"
    WALLET = "wallet"
    BANK = "bank"
    HOUSE_ACCOUNT = "house_account"
    COUPON = "coupon"
    OTHER = "other"


class Value(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """
    Base of the value objects below.

    All amounts are whole minor units of the transaction's currency, from the shop's side: a
    sale is positive, a refund negative, in lines, totals and tenders alike.
    """


class Modifier(Value, frozen=True, kw_only=True, gc=False):
    """A change to one unit of its line ("oat milk"); `amount` is for one unit of the line."""

    name: str
    amount: int
    quantity: Decimal = Decimal(1)
    pos_modifier_id: str | None = None


class Line(Value, frozen=True, kw_only=True, gc=False):
    """
    One line of the bill.

    Args:
        name: as the bill has it; empty where it names no product of the catalogue, whose name
            is in the catalogue then.
        quantity: negative where goods come back; `unit` "each" or a symbol ("kg").
        unit_price: of one unit without modifiers, always as printed (not negative).
        gross: quantity x (unit price + modifiers) as priced.
        discount: its share of all discounts; positive is money off.
        tax: all tax of the line; `tax_included` is the part that is inside the price.
        net: gross - discount - tax_included.
        product_id: the tenant's product when this was written, if it was mapped then.
    """

    line_id: str
    kind: LineKind
    pos_product_id: str | None
    name: str
    sku: str | None = None
    category: str | None = None
    quantity: Decimal
    unit: str = "each"
    unit_price: int
    gross: int
    discount: int
    tax: int
    tax_included: int
    net: int
    modifiers: tuple[Modifier, ...] = ()
    product_id: str | None = None


class Discount(Value, frozen=True, kw_only=True, gc=False):
    """One discount of the bill, summed over its lines; positive is money off."""

    name: str
    amount: int


class Tax(Value, frozen=True, kw_only=True, gc=False):
    """One tax of the bill; `rate_percent` as decimal text, `included` in the prices or not."""

    name: str
    amount: int
    included: bool
    rate_percent: str | None = None


class ServiceCharge(Value, frozen=True, kw_only=True, gc=False):
    """A fee or surcharge that is revenue, without its tax (that is in the taxes)."""

    name: str
    amount: int
    tax: int = 0


class Tip(Value, frozen=True, kw_only=True, gc=False):
    """A tip given with a tender, or a mandatory gratuity of the bill (`source` says which)."""

    source: str
    amount: int


class Tender(Value, frozen=True, kw_only=True, gc=False):
    """
    One payment.

    Args:
        amount: what it paid of the total: tip included, change taken off.
        change: cash given back; what the buyer handed over is amount + change.
    """

    tender_id: str
    method: Method
    amount: int
    tip: int = 0
    change: int = 0
    brand: str | None = None
    last_four: str | None = None


class Totals(Value, frozen=True, kw_only=True, gc=False):
    """
    Sums of the bill.

    Laws: net = gross - discount - tax_included;
    total = gross - discount + (tax - tax_included) + service_charge + tip + rounding;
    unpaid = total - sum of tender amounts.
    """

    gross: int
    discount: int
    tax: int
    tax_included: int
    net: int
    service_charge: int
    tip: int
    total: int
    rounding: int = 0
    unpaid: int = 0


class Transaction(Value, frozen=True, kw_only=True, gc=False):
    """
    One bill, refund or exchange.

    Args:
        provider_ids: the provider's own ids by kind ({"order": …, "payment": …}).
        occurred_at: when it began; `closed_at` when it was completed or cancelled.
        local_hour: 0..23, the shop's clock at the instant that decided `business_day`.
        customer: the provider's customer id, sealed with the tenant's key.
        source_refs: the parts it was made of, "part@version", sorted.
        revision: 1, 2, … in the order in which this log learnt of its changes.
    """

    transaction_id: str
    tenant_id: str
    account_id: str
    location_id: str
    provider: str
    provider_ids: dict[str, str]
    kind: Kind
    status: Status
    occurred_at: datetime
    closed_at: datetime | None
    business_day: date
    currency: str
    lines: tuple[Line, ...]
    discounts: tuple[Discount, ...]
    taxes: tuple[Tax, ...]
    service_charges: tuple[ServiceCharge, ...]
    tips: tuple[Tip, ...]
    tenders: tuple[Tender, ...]
    totals: Totals
    register: str | None = None
    local_hour: int | None = None
    cashier: str | None = None
    receipt_number: str | None = None
    customer: str | None = None
    source_refs: tuple[str, ...] = ()
    revision: int = 0


class Cause(Value, frozen=True, kw_only=True, gc=False):
    """Why a transaction changed: the raw event, how it came, and the provider's word for it."""

    raw_id: str
    channel: str
    resource: str


class TransactionChange(Value, frozen=True, kw_only=True, gc=False):
    """
    What every consumer needs to keep its own sums right: take `before` back, add `after`.

    `before` is None for a new transaction; `after` None for one that proved to be none.
    """

    change_id: str
    tenant_id: str
    account_id: str
    transaction_id: str
    revision: int
    before: Transaction | None
    after: Transaction | None
    cause: Cause


def product_key(line: Line) -> str:
    """
    Return what names a line's product in mappings and rows.

    Lines without a catalogue product (typed-in amounts) are known by their name.
    """
    return line.pos_product_id or f"custom:{' '.join(line.name.casefold().split())}"


def counts(transaction: Transaction | None) -> bool:
    """Say whether a transaction takes part in any sum: completed, and not a void."""
    return (
        transaction is not None
        and transaction.status is Status.COMPLETED
        and transaction.kind is not Kind.VOID
    )


def broken_laws(tx: Transaction) -> Iterator[str]:
    """Yield each law that does not hold, with the difference in minor units."""
    sums = tx.totals
    pairs = (
        ("gross", sum(line.gross for line in tx.lines), sums.gross),
        ("discount", sum(line.discount for line in tx.lines), sums.discount),
        ("net", sums.gross - sums.discount - sums.tax_included, sums.net),
        ("tip", sum(tip.amount for tip in tx.tips), sums.tip),
        ("service_charge", sum(fee.amount for fee in tx.service_charges), sums.service_charge),
        ("tax", sum(tax.amount for tax in tx.taxes), sums.tax),
        (
            "line tax",
            sum(line.tax for line in tx.lines) + sum(fee.tax for fee in tx.service_charges),
            sums.tax,
        ),
        ("tax_included", sum(line.tax_included for line in tx.lines), sums.tax_included),
        (
            "total",
            sums.gross
            - sums.discount
            + (sums.tax - sums.tax_included)
            + sums.service_charge
            + sums.tip
            + sums.rounding,
            sums.total,
        ),
        ("unpaid", sums.total - sum(tender.amount for tender in tx.tenders), sums.unpaid),
    )
    for name, parts, whole in pairs:
        if parts != whole:
            yield f"{name}: parts make {parts}, total says {whole}, difference {whole - parts}"
    for line in tx.lines:
        if line.net != line.gross - line.discount - line.tax_included:
            yield f"line {line.line_id}: net {line.net} is not gross - discount - tax_included"
