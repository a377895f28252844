"""A whole R-Series in memory, from one seed: its API, and its own sums; no webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from connectors.contract import Delivery
from connectors.lightspeed_r.simulator.api import Api
from connectors.lightspeed_r.simulator.items import first_counts
from connectors.lightspeed_r.simulator.places import HABITS, shops
from connectors.lightspeed_r.simulator.sales import Writer
from connectors.lightspeed_r.simulator.wording import product_key
from connectors.simulation.books import Books
from connectors.simulation.calls import Answer, Call
from connectors.simulation.chance import whole
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.goods import OwnProduct, own_products
from connectors.simulation.oauth import TokenBook
from connectors.simulation.truth import Figures, Totals


class LightspeedRSimulator:
    """
    Shops at Lightspeed Retail (R-Series).

    Deterministic: the same config and the same calls give the same bytes. Only what is released
    is in answers and `totals`.
    """

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = msgspec.structs.replace(
            config, now=whole(config.now.astimezone(UTC)), shops=config.shops or shops(2)
        )
        writer = Writer(self.config)
        self._books = Books(
            self.config,
            HABITS,
            key=product_key,
            name=lambda bill: f"{writer.number(bill)}",
            stock=list(first_counts(self.config)),
        )
        self._api = Api(self.config, self._books, writer)

    @property
    def ends(self) -> datetime:
        """Return when everything of the live trade has happened."""
        return self._books.ends

    @property
    def over_budget(self) -> int:
        """Return how many calls found no room in the bucket of their account."""
        return self._api.buckets.over_budget

    def handle(self, call: Call, now: datetime) -> Answer:
        """Answer a call to the API; `now` ages tokens and empties buckets."""
        return self._api.handle(call, now)

    @property
    def book(self) -> TokenBook:
        """Return its codes and tokens; who signs in at the page of consent is said there."""
        return self._api.desk.book

    def release(self, until: datetime) -> None:
        """Let what happens up to a time be known; never more than the live trade has."""
        self._books.release(until)

    def deliveries(self, since: datetime | None = None) -> Iterator[tuple[timedelta, Delivery]]:
        """Release all of the live trade: there are no webhooks."""
        del since
        self.release(self.ends)
        yield from ()

    def repeated(self, delivery: Delivery, attempt: int, *, timed_out: bool) -> Delivery:
        """Return what was given: nothing was ever delivered."""
        del attempt, timed_out
        return delivery

    def revoke(self, merchant: str, at: datetime) -> None:
        """Withdraw our authorisation; the R-Series sends no word of that."""
        del at
        self.book.revoke(merchant)

    def totals(self) -> Totals:
        """Return the sums of all that is known and complete."""
        return self._books.totals()

    def bills(self) -> dict[str, Figures]:
        """Return the figures of each sale that is known and complete, by its id."""
        return self._books.bills()

    def own_products(self) -> tuple[OwnProduct, ...]:
        """Return the tenant's own product list, with SKUs and the right spelling."""
        return own_products(self.config.products)
