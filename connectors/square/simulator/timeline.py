"""What happens at a simulated Square, in the order in which Square comes to know of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from connectors.simulation.shelves import Shelf, Stock
from connectors.simulation.truth import Figures


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """
    One new version of one thing.

    Args:
        at: when Square learns of it, which is the thing's updated_at.
        kind: order | payment | refund | item | change (of stock).
        body: the thing as the API tells it from then on.
        events: webhooks that go out for it.
        figures: of a bill that is complete; None while it is not.
        count_of: the variation whose stock an inventory event is about.
        state, version: what a stub of an order tells.
    """

    at: datetime
    kind: str
    id: str
    place: int
    merchant_id: str
    location_id: str
    created_at: datetime
    body: bytes
    events: tuple[str, ...] = ()
    figures: Figures | None = None
    stock: Stock | None = None
    count_of: str = ""
    state: str = ""
    version: int = 0
    deleted: bool = False


class Store:
    """
    What Square knows so far: the newest version of everything released.

    Args:
        happenings: all that will ever happen, oldest first.
    """

    def __init__(self, happenings: list[Happening]) -> None:
        self.happenings = happenings
        self.forget()

    def forget(self) -> None:
        """Know nothing yet."""
        self.released = 0
        self.known: dict[str, dict[str, Happening]] = {}
        self.bills: dict[str, Figures] = {}
        self.shelves: dict[int, Shelf] = {}

    def release(self, until: datetime) -> None:
        """Make known what happens up to a time, that time included."""
        while (
            self.released < len(self.happenings) and self.happenings[self.released].at <= until
        ):
            self._learn(self.happenings[self.released])
            self.released += 1

    def all_of(self, kind: str) -> Iterator[Happening]:
        """Yield the newest version of everything of a kind."""
        yield from self.known.get(kind, {}).values()

    def one(self, kind: str, name: str) -> Happening | None:
        """Return one thing."""
        return self.known.get(kind, {}).get(name)

    def shelf(self, place: int) -> Shelf:
        """Return the stock of a location."""
        return self.shelves.setdefault(place, Shelf())

    def _learn(self, news: Happening) -> None:
        self.known.setdefault(news.kind, {})[news.id] = news
        if news.stock is not None:
            self.shelf(news.place).take(news.stock, news.at)
        if news.figures is None:
            return
        first = news.id not in self.bills
        self.bills[news.id] = news.figures
        for line in news.figures.lines if first else ():
            if not line.gift_card and not line.key.startswith("custom:"):
                word = Stock(key=line.key, at=news.figures.at, moved=-line.units)
                self.shelf(news.place).take(word, news.at)
