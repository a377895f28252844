"""A whole K-Series in memory, from one seed: its API, its webhooks, and its own sums."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from connectors.contract import Delivery
from connectors.lightspeed_k.simulator.api import Api
from connectors.lightspeed_k.simulator.goods import availabilities
from connectors.lightspeed_k.simulator.places import HABITS, USER, bakeries
from connectors.lightspeed_k.simulator.sales import (
    Writer,
    account,
    product_key,
    records,
)
from connectors.simulation.answers import Json, write
from connectors.simulation.bills import Bill
from connectors.simulation.books import Books
from connectors.simulation.calls import Answer, Call
from connectors.simulation.chance import Chance, whole
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.goods import OwnProduct, own_products
from connectors.simulation.oauth import TokenBook
from connectors.simulation.truth import Figures, Totals
from connectors.simulation.weather import attempts


class LightspeedKSimulator:
    """
    Bakeries at Lightspeed Restaurant (K-Series).

    Deterministic: the same config and the same calls give the same bytes. Only what is released
    is in answers and `totals`. Webhooks tell of online ordering and of counted items alone. How
    much is left is told while somebody counts it and forgotten then, so `totals` has no stock.
    """

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = msgspec.structs.replace(
            config, now=whole(config.now.astimezone(UTC)), shops=config.shops or bakeries(2)
        )
        self._until = self.config.now
        self._books = Books(self.config, HABITS, key=product_key, name=_name)
        self._records = list(records(self._books.told))
        self._api = Api(self.config, self._records, Writer(self.config))

    @property
    def ends(self) -> datetime:
        """Return when everything of the live trade has happened."""
        return self._books.ends

    @property
    def book(self) -> TokenBook:
        """Return its tokens."""
        return self._api.desk.book

    def handle(self, call: Call, now: datetime) -> Answer:
        """Answer a call to the API; `now` ages tokens."""
        return self._api.handle(call, now, self._until)

    def release(self, until: datetime) -> None:
        """Let what happens up to a time be known; never more than the live trade has."""
        self._until = max(self._until, min(until, self.ends))
        self._books.release(self._until)

    def deliveries(self, since: datetime | None = None) -> Iterator[tuple[timedelta, Delivery]]:
        """Yield the webhooks after a time, and the pause before each; then release all."""
        begin = since or self.config.now
        news = sorted(self._news(begin), key=lambda one: one[0])
        clock = begin
        for attempt in attempts(self.config.seed, self.config.faults, [at for at, _ in news]):
            self.release(attempt.due)
            pause = max(attempt.due - clock, timedelta(0))
            yield pause, self._delivery(news[attempt.index][1], attempt.uid)
            clock = attempt.due
        self.release(self.ends)

    def repeated(self, delivery: Delivery, attempt: int, *, timed_out: bool) -> Delivery:
        """Return the next attempt of a delivery: nothing of it differs."""
        del attempt, timed_out
        return delivery

    def revoke(self, merchant: str, at: datetime) -> None:
        """Withdraw our authorisation; K-Series sends no word of that."""
        del at
        self.book.revoke(merchant)

    def totals(self) -> Totals:
        """Return the sums of all that is known and complete."""
        return Totals(days=self._books.totals().days, stock={})

    def bills(self) -> dict[str, Figures]:
        """Return the figures of each account that is known and complete, by its id."""
        return self._books.bills()

    def own_products(self) -> tuple[OwnProduct, ...]:
        """Return the tenant's own product list, with SKUs and the right spelling."""
        return own_products(self.config.products)

    def _news(self, since: datetime) -> Iterator[tuple[datetime, Json]]:
        for shop in self.config.shops:
            yield from (one for one in availabilities(self.config, shop) if one[0] > since)
        for record in self._records:
            if record.known_at > since and record.bill.number % 4 == 0:
                yield record.known_at, self._ordered(record.bill)

    def _ordered(self, bill: Bill) -> Json:
        """Return the word of an account that was opened by online ordering."""
        shop = self.config.shops[bill.place]
        reference = Chance(self.config.seed, "order", bill.place, bill.number).id()
        return {
            "thirdPartyReference": f"order-{reference}",
            "businessLocationId": int(shop.location_id),
            "status": "CLOSED",
            "ikentooAccountIdentifier": account(bill),
            "type": "ORDER",
        }

    def _delivery(self, body: Json, uid: str) -> Delivery:
        login = f"{USER}:{self.config.signature_key}".encode()
        return Delivery(
            headers={
                "content-type": "application/json",
                "authorization": f"Basic {b64encode(login).decode()}",
                "x-lightspeed-idempotency-key": uid,
            },
            url=self.config.notification_url,
            body=write(body),
        )


def _name(bill: Bill) -> str:
    return f"{bill.place}/{account(bill)}"
