"""
The simulator's own sums, made from what it decided to sell and not from what it then said.

The figures obey the laws of `schemas.transaction`: only completed bills count; a refund is
negative and counts on its own day; gross is as priced, inclusive tax in it; discounts are
positive; net = gross - discount - tax_included; gift cards sold are in `total` and
`gift_cards`, in no other figure; a gratuity that the house adds is a tip.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

import msgspec


class Moved(msgspec.Struct, frozen=True, gc=False):
    """
    One line of a bill; what comes back is negative throughout.

    Args:
        key: the variation's id, or "custom:" and the name as typed in, in lower case.
    """

    key: str
    units: Decimal
    gross: int
    discount: int
    tax: int
    tax_included: int
    gift_card: bool = False

    @property
    def net(self) -> int:
        """Return the sales figure of the line."""
        return self.gross - self.discount - self.tax_included


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one completed bill, refund or exchange adds to its day.

    Args:
        at: when it counts; stock moves at that time, too.
        kind: sale | refund | exchange.
        tax: all of it, that of service charges too.
        tenders: what was paid by method, tips included, change taken off.
    """

    location_id: str
    day: date
    at: datetime
    kind: str
    lines: tuple[Moved, ...]
    service_charge: int
    tax: int
    tip: int
    total: int
    tenders: dict[str, int]


class Product(msgspec.Struct, kw_only=True):
    """What one product sold on one day."""

    units: Decimal = Decimal(0)
    gross: int = 0
    discount: int = 0
    tax: int = 0
    net: int = 0


class Day(msgspec.Struct, kw_only=True):
    """The sums of one business day of one location; amounts in minor units of `currency`."""

    location_id: str
    business_day: date
    currency: str
    gross: int = 0
    discount: int = 0
    tax: int = 0
    tax_included: int = 0
    net: int = 0
    service_charge: int = 0
    tip: int = 0
    gift_cards: int = 0
    total: int = 0
    refunded: int = 0
    transactions: int = 0
    sales: int = 0
    refunds: int = 0
    exchanges: int = 0
    tenders: dict[str, int] = msgspec.field(default_factory=dict)
    products: dict[str, Product] = msgspec.field(default_factory=dict)

    def add(self, bill: Figures) -> None:
        """Add one bill."""
        for line in bill.lines:
            self._line(line)
        self.tax += bill.tax
        self.service_charge += bill.service_charge
        self.tip += bill.tip
        self.total += bill.total
        for method, amount in bill.tenders.items():
            self.tenders[method] = self.tenders.get(method, 0) + amount
        self.transactions += 1
        self.sales += bill.kind == "sale"
        self.exchanges += bill.kind == "exchange"
        if bill.kind == "refund":
            self.refunds += 1
            self.refunded += bill.total

    def _line(self, line: Moved) -> None:
        if line.gift_card:
            self.gift_cards += line.gross
            return
        self.gross += line.gross
        self.discount += line.discount
        self.tax_included += line.tax_included
        self.net += line.net
        sold = self.products.setdefault(line.key, Product())
        sold.units += line.units
        sold.gross += line.gross
        sold.discount += line.discount
        sold.tax += line.tax
        sold.net += line.net


class Totals(msgspec.Struct, kw_only=True):
    """
    All sums of what has been released so far, and is final.

    Args:
        stock: on hand by location and variation, after everything released.
    """

    days: list[Day]
    stock: dict[str, dict[str, Decimal]]

    def of(self, location_id: str) -> dict[date, Day]:
        """Return the days of one location."""
        return {one.business_day: one for one in self.days if one.location_id == location_id}


def summed(bills: Iterable[Figures], currencies: dict[str, str]) -> list[Day]:
    """Return the days that these bills make, by location and day."""
    days: dict[tuple[str, date], Day] = {}
    for bill in bills:
        key = bill.location_id, bill.day
        if key not in days:
            days[key] = Day(
                location_id=bill.location_id,
                business_day=bill.day,
                currency=currencies[bill.location_id],
            )
        days[key].add(bill)
    return [days[key] for key in sorted(days)]
