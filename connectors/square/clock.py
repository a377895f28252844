"""Square's times as instants we can count with."""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.troubles import UnreadableError

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
