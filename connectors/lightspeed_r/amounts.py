"""
The values of the R-Series, which are texts: flags, ids, times.

Source: developers.lightspeedhq.com/retail/introduction/parameters, .../endpoints/Sale
"""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.instants import FIRST_YEAR, LAST_YEAR, written
from connectors.troubles import UnreadableError

_LONGEST = 100


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
    at = written(given)
    if at is None:
        return None
    if at.tzinfo is None or not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise UnreadableError("a time has no zone or is out of range")
    return at.astimezone(UTC)
