"""What a simulated provider knows so far: the newest version of every bill it was told of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from connectors.simulation.bills import Bill, BillLine, figures
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.counter import Habits
from connectors.simulation.shelves import Shelf, Stock
from connectors.simulation.trade import Trade
from connectors.simulation.truth import Figures, Totals, summed

AFTERMATH = timedelta(minutes=1)
"""How long after the last customer of the live trade the last of its news may come."""

Key = Callable[[BillLine], str]


class Books:
    """
    All bills of all shops of one simulation.

    Args:
        config: its `shops` must be filled in.
        key: the provider's id of what a line sells, as our connector names it.
        name: the provider's id of a bill.
        stock: words about stock by shop, each with the time at which it is known.
    """

    def __init__(
        self,
        config: SimulatorConfig,
        habits: Habits,
        *,
        key: Key,
        name: Callable[[Bill], str],
        stock: Sequence[tuple[int, Stock]] = (),
    ) -> None:
        self.config, self.key, self.name = config, key, name
        self.trades = [Trade(config, place, habits) for place in range(len(config.shops))]
        told = [bill for trade in self.trades for bill in trade.bills()]
        self.told = sorted(told, key=lambda it: (it.known_at, it.place, it.number, it.version))
        self._stock = sorted(stock, key=lambda word: word[1].at)
        self.forget()
        self.release(config.now)

    @property
    def ends(self) -> datetime:
        """Return when everything of the live trade has happened."""
        return self.config.now + timedelta(seconds=self.config.live_seconds) + AFTERMATH

    def forget(self) -> None:
        """Know nothing yet."""
        self.known: dict[tuple[int, int], Bill] = {}
        self.shelves = [Shelf() for _ in self.config.shops]
        self._released = self._counted = 0
        self._moved: set[tuple[int, int]] = set()
        self._back: dict[tuple[int, int], set[int]] = {}

    def release(self, until: datetime) -> None:
        """Make known what happens up to a time, that time included; never past the end."""
        until = min(until, self.ends)
        while self._counted < len(self._stock) and self._stock[self._counted][1].at <= until:
            place, word = self._stock[self._counted]
            self.shelves[place].take(word, word.at)
            self._counted += 1
        while self._released < len(self.told) and self.told[self._released].known_at <= until:
            self._learn(self.told[self._released])
            self._released += 1

    def of(self, place: int) -> Iterator[Bill]:
        """Yield the newest known version of each bill of a shop, oldest bill first."""
        for (where, _), bill in sorted(self.known.items()):
            if where == place:
                yield bill

    def refunds_of(self, bill: Bill) -> list[Bill]:
        """Return what is known to have come back of a bill, in the order of its numbers."""
        numbers = sorted(self._back.get((bill.place, bill.number), ()))
        found = [self.known[bill.place, number] for number in numbers]
        return [one for one in found if one.status == "completed"]

    def bills(self) -> dict[str, Figures]:
        """Return the figures of each bill that is known and complete, by provider's id."""
        found: dict[str, Figures] = {}
        for bill in self.known.values():
            sums = figures(bill, self.config.shops[bill.place], self.key)
            if sums is not None:
                found[self.name(bill)] = sums
        return found

    def totals(self) -> Totals:
        """Return the sums of all that is known and complete."""
        shops = self.config.shops
        return Totals(
            days=summed(self.bills().values(), {it.location_id: it.currency for it in shops}),
            stock={
                shop.location_id: dict(sorted(shelf.on_hand.items()))
                for shop, shelf in zip(shops, self.shelves, strict=True)
            },
        )

    def _learn(self, bill: Bill) -> None:
        name = (bill.place, bill.number)
        self.known[name] = bill
        if bill.source:
            self._back.setdefault((bill.place, bill.source), set()).add(bill.number)
        if (bill.status == "completed") == (name in self._moved):
            return
        sign = 1 if name in self._moved else -1
        self._moved ^= {name}
        for line in bill.counted:
            if line.item is not None:
                word = Stock(key=self.key(line), at=bill.closed_at, moved=sign * line.units)
                self.shelves[bill.place].take(word, bill.known_at)
