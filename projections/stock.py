"""
Movements of one product by hour, so that a count may arrive at any time and still be exact.

A count sets the stock at its own time. Only movements after the newest count matter, and counts
are never withdrawn, so what is not after it is dropped for good. What is after it is kept one
by one, because a later count may fall between any two of them. So a product keeps the movements
since its last count, in rows of one hour, on disk; memory holds the hours that a chunk touches,
and all hours of a product only while a newer count is taken in.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from schemas.quantity import plain

HOUR_US = 3_600_000_000


class Moved(msgspec.Struct, frozen=True):
    """A movement that the POS stated (receipt, waste): microseconds since the epoch."""

    at_us: int
    quantity: Decimal


class Hour(msgspec.Struct):
    """
    Movements of one hour.

    Args:
        sold: what went out with sales, by microseconds since the epoch; never zero.
        moved: what the POS stated, by its id, so that stating it twice moves nothing.
    """

    sold: dict[int, Decimal] = msgspec.field(default_factory=dict)
    moved: dict[str, Moved] = msgspec.field(default_factory=dict)

    def sell(self, at_us: int, quantity: Decimal) -> None:
        """Add to what went out at an instant; sums of zero leave no trace."""
        quantity = plain(quantity + self.sold.get(at_us, Decimal(0)))
        if quantity:
            self.sold[at_us] = quantity
        else:
            self.sold.pop(at_us, None)

    def move(self, count_id: str, at_us: int, quantity: Decimal) -> bool:
        """Keep a stated movement; False if it is known."""
        if count_id in self.moved:
            return False
        self.moved[count_id] = Moved(at_us, quantity)
        return True

    def keep_after(self, at_us: int) -> None:
        """Drop what is not after this instant."""
        self.sold = {at: sold for at, sold in self.sold.items() if at > at_us}
        self.moved = {name: one for name, one in self.moved.items() if one.at_us > at_us}

    def tidied(self) -> Hour | None:
        """Return the same movements in their one order; None when there are none."""
        if not self.sold and not self.moved:
            return None
        return Hour(dict(sorted(self.sold.items())), dict(sorted(self.moved.items())))


def sums(hours: Iterator[Hour]) -> tuple[Decimal, Decimal]:
    """Return what was sold and what was moved in these hours."""
    sold = moved = Decimal(0)
    for hour in hours:
        sold += sum(hour.sold.values(), Decimal(0))
        moved += sum((one.quantity for one in hour.moved.values()), Decimal(0))
    return sold, moved
