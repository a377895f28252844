"""How much changed hands: an exact decimal with its unit."""

from __future__ import annotations

from decimal import Decimal

import msgspec

EACH = "each"


class UnitMismatchError(ValueError):
    """Two quantities of different units were to be added."""


class Quantity(msgspec.Struct, frozen=True):
    """`Quantity(Decimal("0.385"), "kg")`; units are "each" or a lower-case symbol."""

    amount: Decimal
    unit: str = EACH

    def __add__(self, other: Quantity) -> Quantity:
        if other.unit != self.unit:
            raise UnitMismatchError(f"cannot add {other.unit} to {self.unit}")
        return Quantity(self.amount + other.amount, self.unit)

    def __neg__(self) -> Quantity:
        return Quantity(-self.amount, self.unit)


def plain(amount: Decimal) -> Decimal:
    """Return the same number in its one plain form: no exponent, no trailing zeros."""
    if amount == amount.to_integral_value():
        return amount.quantize(Decimal(1))
    return amount.normalize()
