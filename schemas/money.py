"""Exact amounts of money in whole minor units of one ISO 4217 currency."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal

import msgspec

_EXPONENTS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies were to be added or compared."""

    def __init__(self, one: Money, other: Money) -> None:
        super().__init__(f"cannot combine {one.currency} with {other.currency}")


class InexactAmountError(ValueError):
    """A decimal amount has more digits than its currency has minor units."""


def exponent(currency: str) -> int:
    """Return how many decimals a currency has (ISO 4217): EUR 2, JPY 0, KWD 3."""
    return _EXPONENTS.get(currency, 2)


class Money(msgspec.Struct, frozen=True):
    """An exact amount: `Money(1250, "EUR")` is 12.50 euros; `minor` may be negative."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, text: str | Decimal, currency: str) -> Money:
        """
        Read a decimal amount of major units, "12.50" or Decimal("12.50").

        Raises:
            InexactAmountError: more decimals than the currency has, or not a number.
        """
        try:
            scaled = Decimal(text).scaleb(exponent(currency))
        except ArithmeticError as error:
            raise InexactAmountError("not a decimal number") from error
        if not scaled.is_finite() or scaled != scaled.to_integral_value():
            raise InexactAmountError(f"an amount in {currency} has too many decimals")
        return cls(int(scaled), currency)

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise CurrencyMismatchError(self, other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return self + -other

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __str__(self) -> str:
        digits = exponent(self.currency)
        return f"{Decimal(self.minor).scaleb(-digits):.{digits}f} {self.currency}"


def total(amounts: Iterable[Money], currency: str) -> Money:
    """Add amounts up; nothing is zero of `currency`."""
    result = Money(0, currency)
    for amount in amounts:
        result = result + amount
    return result


def round_minor(exact: Decimal) -> int:
    """Round an exact number of minor units half to even, as Square documents for its API."""
    return int(exact.to_integral_value(ROUND_HALF_EVEN))


def allocate(minor: int, weights: Sequence[int]) -> list[int]:
    """
    Split an amount over weights so that the shares sum to it exactly (largest remainder).

    Weights may be zero; when all are, the first share takes the whole amount.
    """
    whole = sum(weights)
    if not weights:
        return []
    if whole == 0:
        return [minor, *[0] * (len(weights) - 1)]
    shares = [minor * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(minor * weights[i] % whole), i))
    for i in by_remainder[: minor - sum(shares)]:
        shares[i] += 1
    return shares
