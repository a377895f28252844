"""
The values of columns: numbers, amounts, times, whichever way a database client wrote them.

Source: CORE-POS/IS4C fannie/classlib2.0/data/models/trans/DTransactionsModel.php (types)
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from connectors.instants import EPOCH
from connectors.troubles import UnreadableError
from schemas.businessday import BusinessCalendar, zone_named
from schemas.quantity import plain

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# The anonymised log that ships with CORE-POS counts its days from 1900.
_FIRST_YEAR, _LAST_YEAR = 1900, 2199

# Ten powers: beyond any column of money or weight, and below the noise of a DOUBLE.
_LARGEST = 10
_NEVER = "0000-00-00"
_QUANTITY_STEP = Decimal("0.000001")
_LONGEST = 100


def text(given: object) -> str:
    """Return a text without the blanks that fixed-width columns leave; NULL is empty."""
    if given is None:
        return ""
    if isinstance(given, str):
        return given.strip()[:_LONGEST]
    return str(number(given, "a text"))


def code(given: object) -> str:
    """Return a type, subtype or status; old rows write none as blank or 0."""
    said = text(given)
    return "" if said == "0" else said


def number(given: object, name: str) -> Decimal:
    """
    Return a number; NULL and empty are 0.

    Raises:
        UnreadableError: it is none, or beyond what the column can hold.
    """
    if given is None or given == "":
        return Decimal(0)
    if not isinstance(given, str | int | Decimal):
        raise UnreadableError(f"{name} is not a number")
    try:
        value = Decimal(given)
    except ArithmeticError as error:
        raise UnreadableError(f"{name} is not a number") from error
    if not value.is_finite() or (value and value.adjusted() > _LARGEST):
        raise UnreadableError(f"{name} is out of range")
    return value


def whole(given: object, name: str) -> int:
    """
    Return a whole number; NULL and empty are 0.

    Raises:
        UnreadableError: it is none.
    """
    value = number(text(given) if isinstance(given, str) else given, name)
    if value != value.to_integral_value():
        raise UnreadableError(f"{name} is not a whole number")
    return int(value)


def minor(given: object, digits: int, name: str) -> int:
    """
    Return whole minor units of a DECIMAL(10,2) of major units.

    Raises:
        UnreadableError: it has more decimals than the currency.
    """
    scaled = number(given, name).scaleb(digits)
    if scaled != scaled.to_integral_value():
        raise UnreadableError(f"{name} has more than {digits} decimals")
    return int(scaled)


def quantity(given: object, name: str) -> Decimal:
    """
    Return how much, in its plain form; the column is a DOUBLE, its noise is rounded away.

    Raises:
        UnreadableError: it is no number.
    """
    return plain(number(given, name).quantize(_QUANTITY_STEP))


def local_time(given: object, calendar: BusinessCalendar) -> datetime:
    """
    Return the instant of a wall-clock time without a zone, on the shop's clock.

    Raises:
        UnreadableError: it is no time.

    Source: facts of a running system: lane rows carry the lane's own clock and zone
    """
    if not isinstance(given, str):
        raise UnreadableError("a row without a time")
    try:
        wall = datetime.fromisoformat(given.strip())
    except ValueError as error:
        raise UnreadableError("a time cannot be read") from error
    if not _FIRST_YEAR <= wall.year <= _LAST_YEAR:
        raise UnreadableError("a time is out of range")
    if wall.tzinfo is None:
        wall = wall.replace(tzinfo=zone_named(calendar.timezone))
    return wall.astimezone(UTC)


def time_of_change(given: object, calendar: BusinessCalendar) -> datetime | None:
    """
    Return when a row was changed; None where nothing is said, or a time before all tills.

    Raises:
        UnreadableError: it is no time.
    """
    if given is None or text(given).startswith(_NEVER):
        return None
    changed_at = local_time(given, calendar)
    return changed_at if changed_at >= EPOCH else None


def microseconds(given: datetime) -> int:
    """Return microseconds since the epoch."""
    return (given - _EPOCH) // _MICROSECOND
