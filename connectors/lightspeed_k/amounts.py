"""K-Series' decimal texts as values we can count with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal

from connectors.troubles import UnreadableError
from schemas.money import round_minor
from schemas.quantity import plain

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST_YEAR, _LAST_YEAR = 2000, 2199

# Powers of ten of major units, or of pieces: beyond any till.
_LARGEST, _SMALLEST = 10, -12


def fine(amount: Decimal | None, digits: int) -> Decimal:
    """
    Return minor units with all decimals: lines have up to six, and only their sum is money.

    Raises:
        UnreadableError: no till has ever seen that number.

    Source: api-docs.lsk.lightspeed.app, Financial V2, schema Line ("precise up to six decimal
    places")
    """
    return number(amount).scaleb(digits)


def number(amount: Decimal | None) -> Decimal:
    """
    Return the number in its plain form; nothing is 0.

    Raises:
        UnreadableError: no till has ever seen that number.
    """
    if amount is None or amount == 0:
        return Decimal(0)
    if not amount.is_finite() or not _SMALLEST <= amount.adjusted() <= _LARGEST:
        raise UnreadableError("a number is out of range")
    return plain(amount)


def minor(amount: Decimal | None, digits: int) -> int:
    """
    Return whole minor units of what the provider has rounded to them.

    Raises:
        UnreadableError: it has more decimals than the currency.

    Source: Financial V2, schema Payment ("precise up to two decimal places")
    """
    exact = fine(amount, digits)
    whole = int(exact)
    if whole != exact:
        raise UnreadableError(f"a payment has more than {digits} decimals")
    return whole


def spread(amounts: Sequence[Decimal]) -> list[int]:
    """Round amounts so that they sum to their rounded sum (largest remainder)."""
    whole = round_minor(sum(amounts, start=Decimal(0)))
    floors = [int(amount.to_integral_value(ROUND_FLOOR)) for amount in amounts]
    rests = [amount - floor for amount, floor in zip(amounts, floors, strict=True)]
    for at in sorted(range(len(amounts)), key=lambda i: (-rests[i], i))[: whole - sum(floors)]:
        floors[at] += 1
    return floors


def instant(given: datetime | None) -> datetime | None:
    """
    Return the same instant in UTC; None for none.

    Raises:
        UnreadableError: no till has ever seen that year.
    """
    if given is None:
        return None
    if not _FIRST_YEAR <= given.year <= _LAST_YEAR:
        raise UnreadableError("a time is out of range")
    return given.astimezone(UTC)


def microseconds(given: datetime) -> int:
    """Return microseconds since the epoch."""
    return (given - _EPOCH) // _MICROSECOND
