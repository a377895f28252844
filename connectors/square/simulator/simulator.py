"""A whole Square in memory, from one seed: its API, its webhooks, and its own sums."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from operator import attrgetter

import msgspec

from connectors.contract import Delivery
from connectors.simulation.calls import Answer, Call
from connectors.simulation.chance import Chance, whole
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.gate import Allowance, Gate
from connectors.simulation.goods import OwnProduct, own_products
from connectors.simulation.hours import days_before
from connectors.simulation.oauth import TokenBook
from connectors.simulation.truth import Figures, Totals, summed
from connectors.square.simulator.api import Api
from connectors.square.simulator.grants import Grants
from connectors.square.simulator.places import bakeries
from connectors.square.simulator.shop_window import ShopWindow
from connectors.square.simulator.stockroom import Stockroom
from connectors.square.simulator.timeline import Happening, Store
from connectors.square.simulator.trade import Trade
from connectors.square.simulator.webhooks import Postman, plan

EDITS_EVERY_DAYS = 4
SAFE_CALLS, SAFE_WINDOW = 50, timedelta(seconds=5)
"""Square publishes no limit; ten calls a second for a location is what integrators report."""
AFTERMATH = timedelta(minutes=1)
"""How long after the last customer of the live trade the last of its news may come."""


class SquareSimulator:
    """
    Deterministic: the same config and the same calls give the same bytes.

    History is known from the beginning; today's trade becomes known as `deliveries` is
    iterated, or `release` called, and only what is known is in answers and `totals`.
    """

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = msgspec.structs.replace(
            config,
            now=whole(config.now.astimezone(UTC)),
            shops=config.shops or bakeries(2),
        )
        self._store = Store(_happenings(self.config))
        self._grants = Grants(self.config)
        self._api = Api(self.config, self._store, self._grants)
        self._postman = Postman(self.config, self._store)
        self._gate = Gate()
        self._store.release(self.config.now)

    @property
    def ends(self) -> datetime:
        """Return when everything of the live trade has happened."""
        return self.config.now + timedelta(seconds=self.config.live_seconds) + AFTERMATH

    def handle(self, call: Call, now: datetime) -> Answer:
        """Answer a call to the API; `now` ages cursors and tokens, and bounds lists."""
        whose = call.headers.get("authorization", "")
        calls = SAFE_CALLS * len(self.config.shops)
        self._gate.refused(now, (Allowance(whose, calls, SAFE_WINDOW),))
        return self._api.handle(call, now)

    @property
    def over_budget(self) -> int:
        """Return how many calls were more than Square is known to take; they are answered."""
        return self._gate.over_budget

    @property
    def book(self) -> TokenBook:
        """Return its codes and tokens."""
        return self._grants.book

    def release(self, until: datetime) -> None:
        """Let what happens up to a time be known; never more than the live trade has."""
        self._store.release(min(until, self.ends))

    def rewind(self, to: datetime) -> None:
        """Forget what happened after a time, so that history can be delivered, too."""
        self._store.forget()
        self._store.release(to)

    def deliveries(self, since: datetime | None = None) -> Iterator[tuple[timedelta, Delivery]]:
        """
        Yield the webhooks of all that happens after a time, and the pause before each.

        What a delivery tells of is released before it is yielded. After the last one all is
        released, what lost deliveries told of, too.

        Args:
            since: by default the end of the history; before it, see `rewind`.
        """
        begin = since or self.config.now
        clock = begin
        for planned in plan(self.config, self._store.happenings, begin):
            if self._store.happenings[planned.index].at > self.ends:
                continue
            self.release(planned.due)
            delivery = self._postman.write(planned)
            if delivery is not None:
                yield max(planned.due - clock, timedelta(0)), delivery
                clock = planned.due
        self.release(self.ends)

    def repeated(self, delivery: Delivery, attempt: int, *, timed_out: bool) -> Delivery:
        """Return the next attempt of a delivery, with Square's headers that count them."""
        told = {
            "square-retry-number": f"{attempt}",
            "square-retry-reason": "http_timeout" if timed_out else "http_error",
        }
        return msgspec.structs.replace(delivery, headers={**delivery.headers, **told})

    def revoke(self, merchant: str, at: datetime) -> Delivery:
        """Withdraw our authorisation for a merchant and return the webhook that says so."""
        self._grants.book.revoke(merchant)
        return self._postman.revocation(merchant, at)

    def sign_in(self, merchant: str, *, denies: bool = False) -> None:
        """Choose who is at the page of consent from now on, and whether they say no."""
        self._grants.book.signed_in, self._grants.book.denies = merchant, denies

    def totals(self) -> Totals:
        """Return the sums of all that is known and complete."""
        currencies = {one.location_id: one.currency for one in self.config.shops}
        return Totals(
            days=summed(self._store.bills.values(), currencies),
            stock={
                one.location_id: dict(sorted(self._store.shelf(place).on_hand.items()))
                for place, one in enumerate(self.config.shops)
            },
        )

    def bills(self) -> dict[str, Figures]:
        """Return the figures of each order that is known and complete, by order id."""
        return dict(self._store.bills)

    def bodies(self, kind: str, location_id: str = "") -> dict[str, bytes]:
        """Return the newest version of everything known of a kind, by id."""
        return {
            one.id: one.body
            for one in self._store.all_of(kind)
            if not location_id or one.location_id in {location_id, ""}
        }

    def own_products(self) -> tuple[OwnProduct, ...]:
        """Return the tenant's own product list, with SKUs and the right spelling."""
        return own_products(self.config.products)


def _happenings(config: SimulatorConfig) -> list[Happening]:
    """Return all that will ever happen, in the order in which Square learns of it."""
    windows: dict[str, ShopWindow] = {}
    found: list[Happening] = []
    for place, bakery in enumerate(config.shops):
        days = list(days_before(config, place))
        if bakery.merchant_id not in windows:
            first = days[0] if days else bakery.calendar.day_of(config.now)
            opens = bakery.calendar.begins(first) - timedelta(days=1)
            window = ShopWindow(bakery, place, config.products, opens)
            throw = Chance(config.seed, "edits", bakery.merchant_id)
            for day in days[EDITS_EVERY_DAYS::EDITS_EVERY_DAYS]:
                window.edit(bakery.calendar.begins(day) + timedelta(hours=3), throw)
            if config.live_orders:
                length = timedelta(seconds=config.live_seconds)
                window.edit(whole(config.now + length // 3), throw)
            windows[bakery.merchant_id] = window
        window = windows[bakery.merchant_id]
        trade, room = Trade(config, place, window), Stockroom(config, place, window)
        trade.history(days)
        room.history(days)
        if config.live_orders:
            trade.today()
            room.today()
        room.sold([one for one in trade.happenings if one.figures is not None])
        found += [*trade.happenings, *room.happenings]
    for window in windows.values():
        found += window.happenings
    found.sort(key=attrgetter("at"))
    return found
