"""
Every change that the X-Series comes to know, with its version.

Versions grow over all resources and all retailers, so between two changes of one store lie
those of others.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import msgspec

from connectors.lightspeed_x.simulator.consignments import SUPPLIERS, Clerk, Consignment
from connectors.lightspeed_x.simulator.writing import Writer
from connectors.simulation.answers import Json
from connectors.simulation.bills import Bill, Item
from connectors.simulation.books import Books
from connectors.simulation.chance import Chance
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.counter import Habits, items_of
from connectors.simulation.shelves import Stock

FIRST_VERSION = 10**10
OTHERS = 5_000
"""Changes of other stores between two of ours, at the most."""


class Change(msgspec.Struct, frozen=True):
    """One new version of one thing, as API 2.0 has it from then on."""

    at: datetime
    version: int
    resource: str
    place: int
    id: str
    body: Json


def counted(config: SimulatorConfig, habits: Habits, writer: Writer) -> list[tuple[int, Stock]]:
    """Return what was on the shelves before the first sale."""
    at = config.now - timedelta(days=config.days + 2)
    found = []
    for place, shop in enumerate(config.shops):
        throw = Chance(config.seed, "stock", place)
        for item in items_of(shop, config.products, habits):
            level = Decimal(throw.randrange(300, 900))
            word = Stock(key=writer.product_id(item), at=at, counted=level)
            found.append((place, word))
    return found


class Ledger:
    """All changes, oldest first; what is released of them is known."""

    def __init__(
        self,
        config: SimulatorConfig,
        writer: Writer,
        books: Books,
        shelves: Sequence[tuple[int, Stock]],
        moving: Sequence[Consignment] = (),
    ) -> None:
        self._writer, self._clerk = writer, Clerk(config, writer)
        self._throw = Chance(config.seed, "versions")
        self._version = FIRST_VERSION
        self._levels = {
            (place, word.key): word.counted or Decimal(0) for place, word in shelves
        }
        self._moved: set[tuple[int, int]] = set()
        opened = config.now - timedelta(days=config.days + 2)
        self.changes = [
            change
            for place, trade in enumerate(books.trades)
            for item in trade.items
            for change in self._goods(place, item, opened)
        ]
        for place in range(len(config.shops)):
            self.changes += self._suppliers(place, opened)
        events: list[tuple[datetime, Callable[[], Iterator[Change]]]] = [
            *((bill.known_at, partial(self._sold, bill)) for bill in books.told),
            *((one.sent_at, partial(self._sent, one)) for one in moving),
            *(
                (one.received_at, partial(self._arrived, one, one.received_at))
                for one in moving
                if one.received_at is not None
            ),
        ]
        for _, told in sorted(events, key=lambda event: event[0]):
            self.changes += told()
        self._times = [change.at for change in self.changes]

    def known(self, until: datetime) -> Sequence[Change]:
        """Return the changes up to a time, oldest first."""
        return self.changes[: bisect_right(self._times, until)]

    def _goods(self, place: int, item: Item, at: datetime) -> Iterator[Change]:
        name, version = self._writer.product_id(item), self._next()
        product = self._writer.product(item, version, at)
        yield Change(at, version, "products", place, name, product)
        yield self._stock(place, item, at)

    def _sold(self, bill: Bill) -> Iterator[Change]:
        version, sale_id = self._next(), self._writer.sale_id(bill.place, bill.number)
        sale = self._writer.sale(bill, version)
        yield Change(bill.known_at, version, "sales", bill.place, sale_id, sale)
        key = (bill.place, bill.number)
        if (bill.status == "completed") == (key in self._moved):
            return
        sign = 1 if key in self._moved else -1
        self._moved ^= {key}
        for line in bill.counted:
            if line.item is not None:
                name = self._writer.product_id(line.item)
                self._levels[bill.place, name] += sign * line.units
                yield self._stock(bill.place, line.item, bill.known_at)

    def _suppliers(self, place: int, at: datetime) -> Iterator[Change]:
        for number in range(len(SUPPLIERS)):
            version = self._next()
            supplier = self._clerk.supplier(number, version)
            yield Change(at, version, "suppliers", place, str(supplier["id"]), supplier)

    def _sent(self, one: Consignment) -> Iterator[Change]:
        yield from self._consigned(one, one.sent_at)
        if one.moved_at == one.sent_at:
            yield from self._received(one, one.sent_at)

    def _arrived(self, one: Consignment, at: datetime) -> Iterator[Change]:
        yield from self._consigned(one, at)
        yield from self._received(one, at)

    def _consigned(self, one: Consignment, at: datetime) -> Iterator[Change]:
        name = self._clerk.id_of(one)
        for item in one.items:
            version = self._next()
            row = self._clerk.product(one, item, at, version)
            yield Change(at, version, f"products of {name}", one.place, f"{item.number}", row)
        version = self._next()
        body = self._clerk.consignment(one, at, version)
        yield Change(at, version, "consignments", one.place, name, body)

    def _received(self, one: Consignment, at: datetime) -> Iterator[Change]:
        for item in one.items:
            self._levels[one.place, self._writer.product_id(item)] += one.moved
            yield self._stock(one.place, item, at)

    def _stock(self, place: int, item: Item, at: datetime) -> Change:
        level, version = self._levels[place, self._writer.product_id(item)], self._next()
        body = self._writer.stock(place, item, level, version)
        return Change(at, version, "inventory", place, str(body["id"]), body)

    def _next(self) -> int:
        self._version += self._throw.randint(1, OTHERS)
        return self._version
