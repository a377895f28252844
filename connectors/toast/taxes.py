"""The taxes of a bill, summed by name and rate."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.toast.amounts import number
from connectors.toast.wire import AppliedTax
from schemas.quantity import plain
from schemas.transaction import Tax


class Taxes:
    """Collects pieces of taxes; the order is that in which each was first met."""

    def __init__(self) -> None:
        self.amount = 0
        self._named: dict[tuple[str, str | None, bool], int] = {}

    def add(self, pieces: Sequence[tuple[AppliedTax, int]], *, included: bool) -> None:
        """Add the pieces of one line or service charge."""
        for tax, amount in pieces:
            key = (tax.name or "Tax", _percent(tax), included)
            self._named[key] = self._named.get(key, 0) + amount
            self.amount += amount

    def taxes(self) -> tuple[Tax, ...]:
        """Return the taxes that are not nothing."""
        return tuple(
            Tax(name=name, amount=amount, included=included, rate_percent=rate)
            for (name, rate, included), amount in self._named.items()
            if amount
        )


def _percent(tax: AppliedTax) -> str | None:
    """
    Return "6.25" of 0.0625; a tax of a fixed amount has no rate.

    Source: doc.toasttab.com/openapi/orders/tag/Data-definitions/schema/AppliedTaxRate
    """
    if tax.rate is None or tax.type not in {"PERCENT", None}:
        return None
    return str(plain(number(tax.rate) * 100))
