"""How Square writes amounts and instants."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec


class Money(msgspec.Struct, frozen=True, gc=False):
    """As Square writes it."""

    amount: int
    currency: str


def stamp(instant: datetime) -> str:
    """Write an instant as Square does: UTC with milliseconds."""
    return f"{instant.astimezone(UTC).isoformat(timespec='milliseconds')[:23]}Z"
