"""What one chunk tells, added up once for all projections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec

from projections.names import Name, name_of
from schemas.catalogue import PosProduct, ProductMapping, StockCount
from schemas.transaction import (
    Line,
    LineKind,
    Transaction,
    TransactionChange,
    counts,
    product_key,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Product = tuple[str, str]
"""Account id and product key."""


class SalesDelta(msgspec.Struct):
    """What a chunk adds to one product's sales of one day; `bill` numbers the last one seen."""

    tenant_id: str
    currency: str
    units: Decimal = Decimal(0)
    gross: int = 0
    discount: int = 0
    tax: int = 0
    tax_included: int = 0
    net: int = 0
    refunds: int = 0
    names: dict[Name, int] = msgspec.field(default_factory=dict)
    bill: int = -1


class StockDelta(msgspec.Struct):
    """What a chunk moves of one product; `sold` by microseconds since the epoch."""

    tenant_id: str
    sold: dict[int, Decimal] = msgspec.field(default_factory=dict)
    names: dict[Name, int] = msgspec.field(default_factory=dict)
    counts: list[StockCount] = msgspec.field(default_factory=list)
    bill: int = -1


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """
    The news of one chunk; nothing in it depends on the order inside the chunk.

    Args:
        mappings: the newest row of every product whose mapping was written, None if deleted.
        catalogue: the newest catalogue row of every product that the POS told about.
    """

    changes: Sequence[TransactionChange] = ()
    counts: Sequence[StockCount] = ()
    mappings: Mapping[Product, ProductMapping | None] = {}
    catalogue: Mapping[Product, PosProduct] = {}
    sales: dict[tuple[str, date, str], SalesDelta] = {}
    stock: dict[Product, StockDelta] = {}

    def signed(self) -> Iterator[tuple[Transaction, int]]:
        """Yield every transaction that counts: -1 for what it was, +1 for what it is."""
        return signed(self.changes)


def gather(
    changes: Sequence[TransactionChange] = (),
    counts: Sequence[StockCount] = (),
    mappings: Mapping[Product, ProductMapping | None] | None = None,
    catalogue: Mapping[Product, PosProduct] | None = None,
) -> Facts:
    """Add a chunk up."""
    facts = Facts(
        changes=changes,
        counts=counts,
        mappings=mappings or {},
        catalogue=catalogue or {},
        sales={},
        stock={},
    )
    for bill, (tx, sign) in enumerate(signed(changes)):
        _add(facts, bill, tx, sign)
    for count in counts:
        product = (count.account_id, count.pos_product_id)
        delta = facts.stock.get(product)
        if delta is None:
            delta = facts.stock[product] = StockDelta(count.tenant_id)
        delta.counts.append(count)
    return facts


def signed(changes: Iterable[TransactionChange]) -> Iterator[tuple[Transaction, int]]:
    """Yield every transaction that counts: -1 for what it was, +1 for what it is."""
    for change in changes:
        if change.before is not None and counts(change.before):
            yield change.before, -1
        if change.after is not None and counts(change.after):
            yield change.after, 1


def microseconds(instant: datetime) -> int:
    """Return an aware instant as microseconds since the epoch."""
    return (instant - _EPOCH) // _MICROSECOND


def moved_at(tx: Transaction) -> datetime:
    """Return when goods left or came back: when the bill was closed."""
    return tx.closed_at or tx.occurred_at


def _add(facts: Facts, bill: int, tx: Transaction, sign: int) -> None:
    at_us = microseconds(moved_at(tx))
    account, day = tx.account_id, tx.business_day
    for line in tx.lines:
        kind = line.kind
        if kind is LineKind.GIFT_CARD:
            continue
        product = product_key(line)
        key = (account, day, product)
        delta = facts.sales.get(key)
        if delta is None:
            delta = facts.sales[key] = SalesDelta(tx.tenant_id, tx.currency)
        _sell(delta, bill, line, sign)
        if kind is LineKind.ITEM and line.pos_product_id is not None:
            stock = facts.stock.get((account, product))
            if stock is None:
                stock = facts.stock[account, product] = StockDelta(tx.tenant_id)
            _move(stock, bill, line, sign, at_us)


def _sell(delta: SalesDelta, bill: int, line: Line, sign: int) -> None:
    if delta.bill != bill:
        delta.bill = bill
        name = name_of(line)
        delta.names[name] = delta.names.get(name, 0) + sign
    net = line.net
    if sign > 0:
        delta.units += line.quantity
        delta.gross += line.gross
        delta.discount += line.discount
        delta.tax += line.tax
        delta.tax_included += line.tax_included
        delta.net += net
        if net < 0:
            delta.refunds += net
    else:
        delta.units -= line.quantity
        delta.gross -= line.gross
        delta.discount -= line.discount
        delta.tax -= line.tax
        delta.tax_included -= line.tax_included
        delta.net -= net
        if net < 0:
            delta.refunds -= net


def _move(delta: StockDelta, bill: int, line: Line, sign: int, at_us: int) -> None:
    if delta.bill != bill:
        delta.bill = bill
        name = name_of(line)
        delta.names[name] = delta.names.get(name, 0) + sign
    sold = line.quantity if sign > 0 else -line.quantity
    delta.sold[at_us] = delta.sold[at_us] + sold if at_us in delta.sold else sold
