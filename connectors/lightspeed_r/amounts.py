"""
The values of the R-Series, which are texts: amounts, flags, ids, times.

Lines carry up to seven decimals and sales are rounded to the currency's, so that an amount of
a line is its share of the sale's, as near to its own as whole minor units allow.

Source: developers.lightspeedhq.com/retail/introduction/parameters, .../endpoints/Sale
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from connectors.troubles import UnbalancedError, UnreadableError
from schemas.quantity import plain

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST_YEAR, _LAST_YEAR = 2000, 2199

# Ten powers of major units: beyond any till, and below the noise of any division.
_LARGEST, _SMALLEST = 12, -12
_HALF = Decimal("0.5")
_LONGEST = 100


def number(given: object, name: str) -> Decimal:
    """
    Return a number; nothing said is 0.

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
    if not value.is_finite() or (value and not _SMALLEST <= value.adjusted() <= _LARGEST):
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


def identity(given: object) -> str | None:
    """Return an id; "0" means that there is none."""
    said = text(given)
    return said if said not in {"", "0"} else None


def text(given: object) -> str:
    """Return a text; nothing said is empty."""
    return str(given).strip()[:_LONGEST] if isinstance(given, str | int) else ""


def flag(given: object) -> bool:
    """Return whether it says "true"."""
    return given is True or given == "true"


def instant(given: object) -> datetime | None:
    """
    Return the instant in UTC; None where nothing is said.

    Raises:
        UnreadableError: it is no time with a zone, or no till has ever seen that year.
    """
    if given is None or given == "":
        return None
    if not isinstance(given, str):
        raise UnreadableError("a time cannot be read")
    try:
        at = datetime.fromisoformat(given)
    except ValueError as error:
        raise UnreadableError("a time cannot be read") from error
    if at.tzinfo is None or not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        raise UnreadableError("a time has no zone or is out of range")
    return at.astimezone(UTC)


def microseconds(given: datetime | None) -> int:
    """Return microseconds since the epoch, 0 where no time is given."""
    return 0 if given is None else (given - _EPOCH) // _MICROSECOND


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
    floors = [int(one.to_integral_value(ROUND_FLOOR)) for one in exact]
    order = sorted(range(len(exact)), key=lambda i: (floors[i] - exact[i], i))
    for i in order[: whole - sum(floors)]:
        floors[i] += 1
    return floors
