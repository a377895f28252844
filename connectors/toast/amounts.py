"""Toast's numbers, days and times as values we can count with."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from connectors.troubles import UnreadableError
from schemas.money import round_minor
from schemas.quantity import plain

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST_YEAR, _LAST_YEAR = 2000, 2199

# Ten powers of major units, or of pieces: beyond any till.
_LARGEST = 10
_SMALLEST = -12


def minor(amount: Decimal | None, digits: int) -> int:
    """
    Return whole minor units of a decimal amount; nothing is 0.

    Args:
        digits: decimals of the currency; Toast writes major units as JSON numbers.

    Raises:
        UnreadableError: not a number of that many decimals.

    Source: doc.toasttab.com/openapi/orders (amounts are JSON numbers of major units)
    """
    if amount is None or not amount:
        return 0
    _sane(amount)
    whole = int(amount.scaleb(digits))
    if Decimal(whole).scaleb(-digits) != amount:
        raise UnreadableError(f"an amount has more than {digits} decimals")
    return whole


def nearly_minor(amount: Decimal | None, digits: int) -> int:
    """
    Return minor units rounded half to even, for what no sum rests on (a price by weight).

    Raises:
        UnreadableError: no till has ever seen that number.
    """
    if amount is None or not amount:
        return 0
    _sane(amount)
    return round_minor(amount.scaleb(digits))


def fine_minor(amount: Decimal | None, digits: int) -> Decimal:
    """
    Return minor units with all decimals, for shares that are rounded together.

    Raises:
        UnreadableError: no till has ever seen that number.
    """
    if amount is None or not amount:
        return Decimal(0)
    _sane(amount)
    return amount.scaleb(digits)


def number(amount: Decimal) -> Decimal:
    """
    Return a quantity in its plain form.

    Raises:
        UnreadableError: no till has ever seen that number.
    """
    if not amount:
        return Decimal(0)
    _sane(amount)
    return plain(amount)


def _sane(amount: Decimal) -> None:
    if not amount.is_finite() or not _SMALLEST <= amount.adjusted() <= _LARGEST:
        raise UnreadableError("a number is out of range")


def instant(given: datetime | None) -> datetime | None:
    """
    Return the same instant in UTC; None for none, and for the epoch by which Toast says "not".

    Raises:
        UnreadableError: it has no zone, or no till has ever seen that year.

    Source: doc.toasttab.com/openapi/orders (deletedDate is the epoch where nothing is deleted)
    """
    if given is None or given == _EPOCH:
        return None
    if not _FIRST_YEAR <= given.year <= _LAST_YEAR:
        raise UnreadableError("a time is out of range")
    return given.astimezone(UTC)


def microseconds(given: datetime | None) -> int:
    """Return microseconds since the epoch, 0 where no time is given."""
    return 0 if given is None else (given - _EPOCH) // _MICROSECOND


def business_date(given: int | None) -> date | None:
    """
    Return the day that Toast writes as 20190224; None for none.

    Raises:
        UnreadableError: there is no such day.

    Source: doc.toasttab.com/openapi/orders (businessDate is yyyyMMdd)
    """
    if given is None:
        return None
    year, rest = divmod(given, 10_000)
    month, day = divmod(rest, 100)
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise UnreadableError("a business date is out of range")
    try:
        return date(year, month, day)
    except ValueError as error:
        raise UnreadableError("a business date is no day of the calendar") from error
