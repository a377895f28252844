"""Times as providers write them, as instants we can count with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from connectors.troubles import UnreadableError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# Anything outside is a broken clock, not a sale.
FIRST_YEAR, LAST_YEAR = 2000, 2199


def instant(given: datetime | None) -> datetime | None:
    """
    Return the same instant in UTC; None for none.

    Raises:
        UnreadableError: no till has ever seen that year.
    """
    if given is None:
        return None
    if not FIRST_YEAR <= given.year <= LAST_YEAR:
        raise UnreadableError("a time is out of range")
    return given.astimezone(UTC)


def written(given: object) -> datetime | None:
    """
    Return the time that an ISO 8601 text says, in its own zone or in none.

    Nothing said is None.

    Raises:
        UnreadableError: it is no time.
    """
    if given is None or given == "":
        return None
    if not isinstance(given, str):
        raise UnreadableError("a time cannot be read")
    try:
        return datetime.fromisoformat(given)
    except ValueError as error:
        raise UnreadableError("a time cannot be read") from error


def microseconds(given: datetime | None) -> int:
    """Return microseconds since the epoch, 0 where no time is given."""
    return 0 if given is None else (given - EPOCH) // _MICROSECOND


def http_date(text: str) -> datetime | None:
    """Read the time of a header (RFC 9110, 5.6.7); None where there is none."""
    try:
        told = parsedate_to_datetime(text)
    except ValueError:
        return None
    return told.replace(tzinfo=told.tzinfo or UTC)
