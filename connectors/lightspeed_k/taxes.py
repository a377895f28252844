"""The taxes of a sale, summed by code and rate."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from connectors.lightspeed_k.amounts import fine, number
from connectors.lightspeed_k.wire import SaleLine
from schemas.money import allocate
from schemas.quantity import plain
from schemas.transaction import Tax


class Taxes:
    """Collects taxes of lines; the order is that in which each was first met."""

    def __init__(self) -> None:
        self._named: dict[tuple[str, str | None, bool], int] = {}

    def add(self, line: SaleLine, amount: int, *, included: bool, digits: int) -> None:
        """Add a line's tax, split over its tax lines in proportion to what they say."""
        if not amount:
            return
        kinds = list(_kinds(line, digits))
        shares = allocate(amount, [weight for _, _, weight in kinds])
        for (name, rate, _), share in zip(kinds, shares, strict=True):
            key = (name, rate, included)
            self._named[key] = self._named.get(key, 0) + share

    def taxes(self) -> tuple[Tax, ...]:
        """Return the taxes that are not nothing."""
        return tuple(
            Tax(name=name, amount=amount, included=included, rate_percent=rate)
            for (name, rate, included), amount in self._named.items()
            if amount
        )


def _kinds(line: SaleLine, digits: int) -> Iterator[tuple[str, str | None, int]]:
    """Yield name, rate in per cent and weight of each tax of a line."""
    if not line.tax_lines:
        rate = line.tax_rate_percentage
        text = None if rate is None else str(plain(number(rate)))
        yield line.tax_code or "Tax", text, 1
        return
    for one in line.tax_lines:
        percent = None if one.tax_rate is None else (number(one.tax_rate) - 1) * Decimal(100)
        text = None if percent is None else str(plain(percent))
        weight = int(abs(fine(one.tax_amount, digits)) * 10**6)
        yield one.tax_code or line.tax_code or "Tax", text, weight
