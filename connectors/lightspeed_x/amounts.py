"""
The values of the X-Series: texts, ids, versions, times.

Amounts are kept at five decimals and more; a sale is rounded to the currency once, half up.

Source: x-series-api.lightspeedhq.com/docs/dates_and_times, .../docs/webhooks_example_payloads;
recorded sales (877.40 + 65.805 of tax, 943.21 paid)
"""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.amounts import number
from connectors.instants import instant as in_utc
from connectors.instants import written
from connectors.troubles import UnreadableError

_LONGEST = 100


def text(given: object) -> str:
    """Return a text; nothing said is empty."""
    return given.strip()[:_LONGEST] if isinstance(given, str) else ""


def identity(given: object) -> str | None:
    """Return an id; numbers are ids too, nothing said is none."""
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    return text(given) or None


def version(given: object) -> int:
    """
    Return a version; 0 where none is said.

    Raises:
        UnreadableError: it is no whole number of a sane size.
    """
    value = number(given, "version")
    if value != value.to_integral_value() or not value >= 0:
        raise UnreadableError("version is not a whole number")
    return int(value)


def instant(given: object) -> datetime | None:
    """
    Return the instant in UTC; None where nothing is said.

    Times without a zone, as webhooks have some, are UTC too.

    Raises:
        UnreadableError: it is no time, or no till has ever seen that year.
    """
    at = written(given)
    if at is not None and at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return in_utc(at)
