"""Square's times as instants we can count with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connectors.troubles import UnreadableError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# Square was founded in 2009; anything far outside is a broken clock, not a sale.
_FIRST_YEAR, _LAST_YEAR = 2000, 2199


def instant(given: datetime) -> datetime:
    """
    Return the same instant in UTC.

    Raises:
        UnreadableError: no till has ever seen that year.
    """
    if not _FIRST_YEAR <= given.year <= _LAST_YEAR:
        raise UnreadableError("a time is out of range")
    return given if given.tzinfo is UTC else given.astimezone(UTC)


def microseconds(given: datetime | None) -> int:
    """Return microseconds since the epoch, 0 where no time is given."""
    return 0 if given is None else (given - _EPOCH) // _MICROSECOND
