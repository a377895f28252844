"""Exact amounts of money in whole minor units of one ISO 4217 currency."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation, Overflow

import msgspec

_EXPONENTS = {
    **dict.fromkeys(["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"], 0),
    **dict.fromkeys(["UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"], 0),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
_MINOR_MAX = 2**63 - 1
_EXACT = Context(prec=60, traps=[InvalidOperation, Inexact, Overflow])


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies were to be added or compared."""

    def __init__(self, one: Money, other: Money) -> None:
        super().__init__(f"cannot combine {one.currency} with {other.currency}")


class InexactAmountError(ValueError):
    """A text is no decimal number, too large, or has more decimals than its currency."""


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
            InexactAmountError: more decimals than the currency has, not a number, or too large.
        """
        try:
            scaled = Decimal(text).scaleb(exponent(currency), _EXACT)
            whole = scaled.to_integral_exact(context=_EXACT)
        except Inexact:
            raise InexactAmountError(f"an amount in {currency} has too many decimals") from None
        except ArithmeticError:
            raise InexactAmountError("not a decimal number") from None
        if not whole.is_finite() or abs(whole) > _MINOR_MAX:
            raise InexactAmountError(f"an amount in {currency} is not a number or too large")
        return cls(int(whole), currency)

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

    Weights may be zero; when their sum is, the first share takes the whole amount. Taking a
    negative amount apart mirrors the positive one, so that a refund undoes its sale.
    """
    if minor < 0:
        return [-share for share in allocate(-minor, weights)]
    whole = sum(weights)
    if not weights:
        return []
    if whole == 0:
        return [minor, *[0] * (len(weights) - 1)]
    shares = [minor * weight // whole for weight in weights]
    by_remainder = sorted(
        range(len(weights)), key=lambda i: (-abs(minor * weights[i] % whole), i)
    )
    for i in by_remainder[: minor - sum(shares)]:
        shares[i] += 1
    return shares
