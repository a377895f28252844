"""What is on the shelves of a simulated shop."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec


class Stock(msgspec.Struct, frozen=True, kw_only=True):
    """
    A word about stock.

    Args:
        key: the product, as the provider names what is on a shelf.
        counted: the shelf holds exactly this; else `moved` went in (negative: out).
    """

    key: str
    at: datetime
    counted: Decimal | None = None
    moved: Decimal = Decimal(0)


class Shelf:
    """
    Stock of one location: the last count by its own time, and what moved after it.

    A movement that becomes known late and is older than the last count is in that count.
    """

    def __init__(self) -> None:
        self._counted_at: dict[str, datetime] = {}
        self._told_at: dict[str, datetime] = {}
        self.on_hand: dict[str, Decimal] = {}

    def take(self, word: Stock, told_at: datetime) -> None:
        """Take a count or a movement in."""
        name, base = word.key, self._counted_at.get(word.key)
        if word.counted is not None:
            if base is None or word.at >= base:
                self._counted_at[name] = word.at
                self.on_hand[name] = word.counted
        elif base is not None and word.at > base:
            self.on_hand[name] += word.moved
        self._told_at[name] = max(told_at, self._told_at.get(name, told_at))

    def calculated(self, name: str) -> tuple[Decimal, datetime] | None:
        """Return what is there and as of when; None for what was never counted."""
        if name not in self.on_hand:
            return None
        return self.on_hand[name], self._told_at[name]
