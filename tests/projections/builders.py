"""Transactions, changes, counts and mappings, as short as tests need them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from schemas.catalogue import CountKind, MappingType, PosProduct, ProductMapping, StockCount
from schemas.transaction import (
    Cause,
    Kind,
    Line,
    LineKind,
    Method,
    Status,
    Tender,
    Totals,
    Transaction,
    TransactionChange,
)

TENANT = "t1"
ACCOUNT = "a1"
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def at(hours: float = 0, minutes: int = 0, *, micro: int = 0) -> datetime:
    """Return an instant after Monday's midnight."""
    return MONDAY + timedelta(hours=hours, minutes=minutes, microseconds=micro)


def a_line(
    product: str | None = "p1",
    net: int = 100,
    quantity: str = "1",
    *,
    name: str | None = None,
    kind: LineKind = LineKind.ITEM,
    tax: int = 0,
    tax_included: int = 0,
    discount: int = 0,
    sku: str | None = None,
    category: str | None = None,
    unit: str = "each",
) -> Line:
    """Return a line that obeys the laws, with this net."""
    return Line(
        line_id="l",
        kind=kind,
        pos_product_id=product,
        name=name if name is not None else f"name of {product}",
        sku=sku,
        category=category,
        quantity=Decimal(quantity),
        unit=unit,
        unit_price=abs(net),
        gross=net + discount + tax_included,
        discount=discount,
        tax=tax,
        tax_included=tax_included,
        net=net,
    )


def sums_of(lines: Sequence[Line], tip: int = 0, unpaid: int = 0) -> Totals:
    """Return the totals of a bill of these lines."""
    gross, discount = sum(x.gross for x in lines), sum(x.discount for x in lines)
    tax, included = sum(x.tax for x in lines), sum(x.tax_included for x in lines)
    return Totals(
        gross=gross,
        discount=discount,
        tax=tax,
        tax_included=included,
        net=gross - discount - included,
        service_charge=0,
        tip=tip,
        total=gross - discount + tax - included + tip,
        unpaid=unpaid,
    )


def a_bill(
    number: str = "1",
    *lines: Line,
    when: datetime = MONDAY + timedelta(hours=9),
    day: date | None = None,
    kind: Kind = Kind.SALE,
    status: Status = Status.COMPLETED,
    account: str = ACCOUNT,
    method: Method = Method.CARD,
    tip: int = 0,
    local_hour: int | None = None,
    currency: str = "EUR",
    unpaid: int = 0,
) -> Transaction:
    """Return a bill whose totals and tender follow from its lines."""
    lines = lines or (a_line(),)
    totals = sums_of(lines, tip, unpaid)
    paid = totals.total - unpaid
    return Transaction(
        transaction_id=f"tx-{account}-{number}",
        tenant_id=TENANT,
        account_id=account,
        location_id="L",
        provider="square",
        provider_ids={},
        kind=kind,
        status=status,
        occurred_at=when,
        closed_at=when,
        business_day=day or when.date(),
        currency=currency,
        lines=tuple(lines),
        discounts=(),
        taxes=(),
        service_charges=(),
        tips=(),
        tenders=(Tender(tender_id="x", method=method, amount=paid, tip=tip),),
        totals=totals,
        local_hour=local_hour,
    )


def a_change(
    before: Transaction | None, after: Transaction | None, revision: int = 1
) -> TransactionChange:
    """Return the change from one to the other."""
    either = after or before
    assert either is not None
    return TransactionChange(
        change_id=f"{either.transaction_id}@{revision}",
        tenant_id=either.tenant_id,
        account_id=either.account_id,
        transaction_id=either.transaction_id,
        revision=revision,
        before=before,
        after=after,
        cause=Cause(raw_id="r", channel="webhook", resource="order"),
    )


def new(*bills: Transaction) -> list[TransactionChange]:
    """Return the changes by which bills become known."""
    return [a_change(None, bill) for bill in bills]


def history(versions: Sequence[Transaction | None]) -> list[TransactionChange]:
    """Return the changes of one transaction through its versions."""
    known = [None, *versions]
    return [
        a_change(before, after, number)
        for number, (before, after) in enumerate(zip(known, versions, strict=False), 1)
        if before is not None or after is not None
    ]


def a_mapping(
    product: str,
    to: str | None,
    *,
    account: str = ACCOUNT,
    suggested: str | None = None,
) -> ProductMapping:
    """Return a mapping row."""
    return ProductMapping(
        tenant_id=TENANT,
        account_id=account,
        pos_product_id=product,
        product_id=to,
        type=MappingType.MANUAL if to else MappingType.AUTO,
        confidence=1.0,
        mapped_by="key",
        mapped_at=MONDAY,
        suggested_product_id=suggested,
        suggested_confidence=0.7 if suggested else None,
    )


def a_count(
    quantity: str,
    when: datetime,
    product: str = "p1",
    *,
    kind: CountKind = CountKind.COUNT,
    count_id: str | None = None,
    account: str = ACCOUNT,
) -> StockCount:
    """Return a statement about stock."""
    return StockCount(
        count_id=count_id or f"{account}-{kind}-{product}-{when.isoformat()}-{quantity}",
        tenant_id=TENANT,
        account_id=account,
        pos_product_id=product,
        kind=kind,
        quantity=quantity,
        counted_at=when,
    )


def a_pos_product(product: str, name: str, account: str = ACCOUNT) -> PosProduct:
    """Return a row of the POS's catalogue."""
    return PosProduct(
        tenant_id=TENANT, account_id=account, pos_product_id=product, name=name, version=1
    )


def split(items: Sequence[object], cuts: Iterable[int]) -> list[Sequence[object]]:
    """Cut a sequence at these positions."""
    marks = [0, *sorted({cut for cut in cuts if 0 < cut < len(items)}), len(items)]
    return [items[a:b] for a, b in pairwise(marks)]
