"""
How Toast writes ids, amounts, times and references.

Source: doc.toasttab.com/openapi/orders (guids, decimals of the restaurant's currency, dates)
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

from connectors.simulation.answers import Json
from connectors.simulation.chance import Chance
from connectors.toast.api import stamp
from schemas.quantity import plain

NEVER = "1970-01-01T00:00:00.000+0000"


@lru_cache(maxsize=200_000)
def guid(*names: object) -> str:
    """Return the id of what these names, the seed first, stand for."""
    return Chance(*names).uuid()


def amount(minor: int) -> Decimal:
    """Write minor units as dollars or euros; all of Toast's countries have two decimals."""
    return plain(Decimal(minor).scaleb(-2))


def when(instant: datetime | None) -> str | None:
    """Write an instant, or none."""
    return None if instant is None else stamp(instant)


def told_at(instant: datetime) -> str:
    """Write the time of a webhook or of stock: with a Z, unlike all dates of orders."""
    return f"{instant.astimezone(UTC).isoformat(timespec='milliseconds')[:23]}Z"


def day_number(day: date) -> int:
    """Write a business date: 20190224."""
    return day.year * 10_000 + day.month * 100 + day.day


def ref(name: str, kind: str) -> Json:
    """Point at something that is configured elsewhere."""
    return {"guid": name, "entityType": kind, "externalId": None}
