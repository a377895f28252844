"""A whole X-Series in memory, from one seed: its API, its webhooks, and its own sums."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import digest
from urllib.parse import urlencode

import msgspec

from connectors.contract import Delivery
from connectors.lightspeed_x.simulator.api import Api
from connectors.lightspeed_x.simulator.consignments import consignments, receipts
from connectors.lightspeed_x.simulator.ledger import Change, Ledger, counted
from connectors.lightspeed_x.simulator.places import outlets
from connectors.lightspeed_x.simulator.writing import Writer, posted_sale, posted_stock
from connectors.simulation.answers import write
from connectors.simulation.bills import Bill, BillLine
from connectors.simulation.books import Books
from connectors.simulation.calls import Answer, Call
from connectors.simulation.chance import whole
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.counter import Habits
from connectors.simulation.goods import OwnProduct, own_products
from connectors.simulation.oauth import TokenBook
from connectors.simulation.truth import Figures, Totals
from connectors.simulation.weather import attempts

HABITS = Habits(typed_in=0, modifiers=0, voided_lines=0, tips_later=0)
"""Everything sold is a product, and what was taken off a sale before its end is not in it."""

_EVENTS = {"sales": "sale.update", "inventory": "inventory.update"}


class LightspeedXSimulator:
    """
    Stores at the X-Series.

    Deterministic: the same config and the same calls give the same bytes. Only what is released
    is in answers and `totals`.
    """

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = msgspec.structs.replace(
            config, now=whole(config.now.astimezone(UTC)), shops=config.shops or outlets(2)
        )
        self._writer = Writer(self.config.seed, self.config.shops)
        shelves = counted(self.config, HABITS, self._writer)
        moving = consignments(self.config, HABITS)
        words = [*shelves, *receipts(moving, self._writer)]
        self._books = Books(self.config, HABITS, key=self._key, name=self._name, stock=words)
        self._ledger = Ledger(self.config, self._writer, self._books, shelves, moving)
        self._api = Api(self.config, self._ledger)
        self._until = self.config.now

    @property
    def ends(self) -> datetime:
        """Return when everything of the live trade has happened."""
        return self._books.ends

    @property
    def over_budget(self) -> int:
        """Return how many calls came sooner than the limit of a store allows."""
        return self._api.gate.over_budget

    @property
    def book(self) -> TokenBook:
        """Return its codes and tokens."""
        return self._api.desk.book

    def handle(self, call: Call, now: datetime) -> Answer:
        """Answer a call to the API."""
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
        news = [
            change
            for change in self._ledger.known(self.ends)
            if change.at > begin and change.resource in _EVENTS
        ]
        clock = begin
        times = [change.at for change in news]
        for attempt in attempts(self.config.seed, self.config.faults, times):
            self.release(attempt.due)
            yield max(attempt.due - clock, timedelta(0)), self._delivery(news[attempt.index])
            clock = attempt.due
        self.release(self.ends)

    def repeated(self, delivery: Delivery, attempt: int, *, timed_out: bool) -> Delivery:
        """Return the next attempt of a delivery: nothing tells it from the first."""
        del attempt, timed_out
        return delivery

    def revoke(self, merchant: str, at: datetime) -> None:
        """Withdraw our access to a store; the X-Series sends no word of that."""
        del at
        self.book.revoke(merchant)

    def totals(self) -> Totals:
        """Return the sums of all that is known and complete."""
        return self._books.totals()

    def bills(self) -> dict[str, Figures]:
        """Return the figures of each sale that is known and complete, by id."""
        return self._books.bills()

    def own_products(self) -> tuple[OwnProduct, ...]:
        """Return the tenant's own product list, with SKUs and the right spelling."""
        return own_products(self.config.products)

    def _delivery(self, change: Change) -> Delivery:
        posted = posted_sale if change.resource == "sales" else posted_stock
        fields = {
            "domain_prefix": self.config.shops[change.place].merchant_id,
            "environment": "prod",
            "payload": write(posted(change.body)).decode(),
            "type": _EVENTS[change.resource],
        }
        body = urlencode(fields).encode()
        signature = digest(self.config.signature_key.encode(), body, sha256).hex()
        return Delivery(
            headers={
                "content-type": "application/x-www-form-urlencoded",
                "x-signature": f"signature={signature},algorithm=HMAC-SHA256",
            },
            url=self.config.notification_url,
            body=body,
        )

    def _key(self, line: BillLine) -> str:
        return self._writer.product_id(line.item)

    def _name(self, bill: Bill) -> str:
        return self._writer.sale_id(bill.place, bill.number)
