"""
Amounts of more decimals than the currency has, and whole minor units that still sum up.

A sale is rounded to the currency once, and an amount of a line is its share of the sale's, as
near to its own as whole minor units allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from connectors.troubles import UnbalancedError, UnreadableError
from schemas.quantity import plain

# Powers of ten of major units, or of pieces: beyond any till, and below the noise of any
# division. `number` reaches two powers further than `believable`.
_LARGEST, _LARGEST_SAID, _SMALLEST = 10, 12, -12
_HALF = Decimal("0.5")


def believable(amount: Decimal) -> Decimal:
    """
    Return the number, which is not 0, as it is.

    Raises:
        UnreadableError: no till has ever seen that number.
    """
    if not amount.is_finite() or not _SMALLEST <= amount.adjusted() <= _LARGEST:
        raise UnreadableError("a number is out of range")
    return amount


def number(given: object, name: str) -> Decimal:
    """
    Return a number, be it written as one or as a text; nothing said is 0.

    Raises:
        UnreadableError: it is none, or no till has ever seen it.
    """
    if given is None or given == "":
        return Decimal(0)
    if isinstance(given, bool) or not isinstance(given, str | int | Decimal):
        raise UnreadableError(f"{name} is not a number")
    try:
        value = Decimal(given)
    except ArithmeticError as error:
        raise UnreadableError(f"{name} is not a number") from error
    if not value.is_finite() or (value and not _SMALLEST <= value.adjusted() <= _LARGEST_SAID):
        raise UnreadableError(f"{name} is out of range")
    return value


def exact_minor(given: object, digits: int, name: str) -> Decimal:
    """Return minor units with all the decimals there are; raises as `number`."""
    return number(given, name).scaleb(digits)


def minor(given: object, digits: int, name: str) -> int:
    """Return whole minor units, rounded half up as a till does; raises as `number`."""
    return rounded(exact_minor(given, digits, name))


def rounded(exact: Decimal) -> int:
    """Round half away from zero."""
    return int(exact.to_integral_value(ROUND_HALF_UP))


def quantity(given: object, name: str) -> Decimal:
    """Return how much, in its plain form; raises as `number`."""
    return plain(number(given, name))


def spread(field: str, whole: int, exact: Sequence[Decimal]) -> list[int]:
    """
    Return whole minor units for each exact share, so that they sum to `whole`.

    Raises:
        UnbalancedError: rounding does not explain the difference, be it of the sum or of
            each share.
    """
    total = sum(exact, Decimal(0))
    if total < 0 or (not total and whole < 0):
        return [-share for share in spread(field, -whole, [-one for one in exact])]
    each = [rounded(one) for one in exact]
    if sum(each) == whole:
        return each
    if abs(total - whole) > _HALF or not exact:
        raise UnbalancedError(field, rounded(total), whole)
    return by_remainder(whole, exact)


def by_remainder(whole: int, exact: Sequence[Decimal]) -> list[int]:
    """Round shares so that they sum to `whole`, which their own sum rounds to."""
    floors = [int(one.to_integral_value(ROUND_FLOOR)) for one in exact]
    order = sorted(range(len(exact)), key=lambda i: (floors[i] - exact[i], i))
    for i in order[: whole - sum(floors)]:
        floors[i] += 1
    return floors
