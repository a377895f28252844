"""How much changed hands: an exact decimal with its unit."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation

import msgspec

EACH = "each"

_ONE = Decimal(1)
_EXACT = Context(prec=28, traps=[InvalidOperation, Inexact])


class UnitMismatchError(ValueError):
    """Two quantities of different units were to be added."""


class Quantity(msgspec.Struct, frozen=True):
    """`Quantity(Decimal("0.385"), "kg")`; units are "each" or a lower-case symbol."""

    amount: Decimal
    unit: str = EACH

    def __add__(self, other: Quantity) -> Quantity:
        if other.unit != self.unit:
            raise UnitMismatchError(f"cannot add {other.unit} to {self.unit}")
        return Quantity(_EXACT.add(self.amount, other.amount), self.unit)

    def __sub__(self, other: Quantity) -> Quantity:
        return self + -other

    def __neg__(self) -> Quantity:
        return Quantity(_EXACT.minus(self.amount), self.unit)


def plain(amount: Decimal) -> Decimal:
    """
    Return the same number in its one plain form: 3 for 3.00 and 3E0, 0 for -0, 0.5 for 0.50.

    Raises:
        ArithmeticError: it is not finite or needs more than 28 digits.
    """
    if amount == amount.to_integral_value():
        return +amount.quantize(_ONE, context=_EXACT)
    if amount.is_nan():
        raise InvalidOperation("not a number")
    return amount.normalize(_EXACT)
