"""A whole Toast in memory, from one seed: its API, its webhooks, and its own sums."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from connectors.contract import Delivery
from connectors.simulation.bills import Bill
from connectors.simulation.books import Books
from connectors.simulation.calls import Answer, Call
from connectors.simulation.chance import whole
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.goods import OwnProduct, own_products
from connectors.simulation.oauth import TokenBook
from connectors.simulation.truth import Figures, Totals
from connectors.simulation.weather import attempts
from connectors.toast.simulator.api import Api
from connectors.toast.simulator.habits import HABITS
from connectors.toast.simulator.ledger import Ledger, check_guid, refund_guid
from connectors.toast.simulator.lines import product_key
from connectors.toast.simulator.menu import stock_words
from connectors.toast.simulator.orders import Writer
from connectors.toast.simulator.places import restaurants
from connectors.toast.simulator.webhooks import Postman, news


class ToastSimulator:
    """
    Restaurants at Toast.

    Deterministic: the same config and the same calls give the same bytes. Only what is released
    is in answers and `totals`.
    """

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = msgspec.structs.replace(
            config,
            now=whole(config.now.astimezone(UTC)),
            shops=config.shops or restaurants(2),
        )
        places = range(len(self.config.shops))
        self._words = [(at, word) for at in places for word in stock_words(self.config, at)]
        self._until = self.config.now
        self._books = Books(
            self.config, HABITS, key=product_key, name=self._name, stock=self._words
        )
        self._ledger = Ledger(self.config, self._books.told)
        writer = Writer(self.config)
        self._api = Api(self.config, self._books, self._ledger, writer)
        self._postman = Postman(self.config, self._ledger, writer)

    @property
    def ends(self) -> datetime:
        """Return when everything of the live trade has happened."""
        return self._books.ends

    @property
    def over_budget(self) -> int:
        """Return how many calls came sooner than Toast's limits allow."""
        return self._api.gate.over_budget

    @property
    def book(self) -> TokenBook:
        """Return the tokens of our application, which owns them all."""
        return self._api.desk.book

    def handle(self, call: Call, now: datetime) -> Answer:
        """Answer a call to the API; `now` ages tokens, and counts calls."""
        return self._api.handle(call, now, self._until)

    def release(self, until: datetime) -> None:
        """Let what happens up to a time be known; never more than the live trade has."""
        self._until = max(self._until, min(until, self.ends))
        self._books.release(self._until)

    def deliveries(self, since: datetime | None = None) -> Iterator[tuple[timedelta, Delivery]]:
        """
        Yield the webhooks of all that happens after a time, and the pause before each.

        What a delivery tells of is released before it is yielded, after the last one all is.
        """
        begin = since or self.config.now
        told = news(self.config, self._ledger, self._words, begin)
        told = [one for one in told if one.at <= self.ends]
        clock = begin
        times = [one.at for one in told]
        for attempt in attempts(self.config.seed, self.config.faults, times):
            self.release(attempt.due)
            yield (
                max(attempt.due - clock, timedelta(0)),
                self._postman.write(told[attempt.index], attempt),
            )
            clock = attempt.due
        self.release(self.ends)

    def repeated(self, delivery: Delivery, attempt: int, *, timed_out: bool) -> Delivery:
        """Return the next attempt of a delivery; only its number differs."""
        del timed_out
        told = {"toast-attempt-number": f"{attempt + 1}"}
        return msgspec.structs.replace(delivery, headers={**delivery.headers, **told})

    def revoke(self, merchant: str, at: datetime) -> None:
        """Withdraw our access to a restaurant; Toast sends no word of that."""
        del at
        self._api.desk.revoked.add(merchant)

    def totals(self) -> Totals:
        """Return the sums of all that is known and complete; no count goes below none."""
        found = self._books.totals()
        stock = {
            place: {key: max(on_hand, type(on_hand)(0)) for key, on_hand in shelf.items()}
            for place, shelf in found.stock.items()
        }
        return Totals(days=found.days, stock=stock)

    def bills(self) -> dict[str, Figures]:
        """Return the figures of each check and refund that is known and complete, by id."""
        return self._books.bills()

    def own_products(self) -> tuple[OwnProduct, ...]:
        """Return the tenant's own product list, with SKUs and the right spelling."""
        return own_products(self.config.products)

    def _name(self, bill: Bill) -> str:
        of = refund_guid if bill.kind == "refund" else check_guid
        return of(self.config.seed, bill.place, bill.number)
