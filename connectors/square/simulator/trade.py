"""
The trade of one bakery over days: which sale goes how, and what Square learns when.

Every till has its bad moments: declined cards, orders left open, offline hours, second
thoughts. Each kind occurs in so many of a thousand sales.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec

from connectors.simulation.chance import MILLISECOND, Chance, whole
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.hours import customers_of, customers_of_today
from connectors.square.simulator.counter import LONGEST_OFFLINE, Counter
from connectors.square.simulator.returns import (
    Back,
    Refund,
    amount_only,
    back_figures,
    itemised,
    refund_body,
    refund_figures,
    return_of,
    return_order_body,
)
from connectors.square.simulator.sale import Pay, Sale, figures, order_body, payment_body
from connectors.square.simulator.shop_window import ShopWindow
from connectors.square.simulator.timeline import Happening

REMEMBERED = 200
A_WORKING_DAY_S = 36_000


class Trade:
    """Makes the happenings of one bakery; `place` is its number in the config."""

    def __init__(self, config: SimulatorConfig, place: int, window: ShopWindow) -> None:
        self._config, self._place = config, place
        self._bakery = config.shops[place]
        self._chance = Chance(config.seed, "trade", place)
        self._counter = Counter(self._bakery, window, self._chance)
        self._recent: list[Sale] = []
        self._live = False
        self._ends = config.now + timedelta(seconds=config.live_seconds)
        self.happenings: list[Happening] = []

    def history(self, days: list[date]) -> None:
        """Trade for whole days, all before `now`."""
        for day in days:
            for at in customers_of(self._config, self._place, day, self._chance):
                self._customer(at)

    def today(self) -> None:
        """Trade from `now` on, evenly."""
        self._live = True
        for at in customers_of_today(self._config):
            self._customer(at)

    def _customer(self, at: datetime) -> None:
        """Serve one customer, however that goes."""
        throw = self._chance
        if self._recent and throw.happens(45):
            self._second_thoughts(throw.choice(self._recent), at)
            return
        sale = self._counter.sale(at)
        match throw.choices(
            ("plain", "two steps", "left open", "declined", "cancelled", "offline"),
            weights=(730, 160, 35, 25, 20, 30),
        )[0]:
            case "two steps" if sale.pays:
                self._authorised_first(sale)
            case "left open":
                self._left_open(sale)
            case "declined" if sale.pays:
                self._declined_first(sale)
            case "cancelled":
                self._cancelled(sale)
                return
            case "offline":
                self._offline(sale)
            case _:
                self._done(sale)
        self._recent = [*self._recent[-REMEMBERED:], sale]
        if throw.happens(30) and sale.pays:
            self._edited(sale, at)

    def _later(self, at: datetime, least: timedelta, most: timedelta) -> datetime:
        """
        Return a time later on.

        In live trade everything is as much quicker as its working day is shorter, and what
        history leaves for later happens in the live trade, if there is any.
        """
        wait = self._chance.between(least, most)
        now = self._config.now
        if self._live:
            wait = wait * self._config.live_seconds // A_WORKING_DAY_S
            return min(whole(at + max(wait, MILLISECOND)), max(at, self._ends))
        later = at + wait
        if later > now and self._config.live_orders:
            return now + self._chance.between(MILLISECOND, self._ends - now)
        return later

    def _done(self, sale: Sale) -> None:
        """Tell the completed sale and its payments."""
        sale.version += 1
        self._tell_order(sale, "order.updated")
        both = self._chance.happens(300)
        for pay in sale.pays:
            again = ("payment.updated",) if both else ()
            self._tell_payment(sale, pay, "payment.created", *again)

    def _authorised_first(self, sale: Sale) -> None:
        """Tell an open order with an authorised payment, and then the completed one."""
        self._reopen(sale, sale.closed_at - 2 * MILLISECOND * self._chance.randrange(300, 900))
        for pay in sale.pays:
            pay.status = "APPROVED" if pay.method == "CARD" else "COMPLETED"
            pay.created_at = pay.updated_at = sale.updated_at
            self._tell_payment(sale, pay, "payment.created")
        self._complete(sale, sale.closed_at)

    def _left_open(self, sale: Sale) -> None:
        """Tell an order that stays open for a while, unpaid."""
        pays, sale.pays = sale.pays, []
        self._reopen(sale, sale.closed_at)
        at = self._later(sale.closed_at, timedelta(minutes=5), timedelta(minutes=90))
        sale.pays = pays
        for pay in pays:
            pay.created_at = pay.updated_at = at
        self._complete(sale, at)

    def _declined_first(self, sale: Sale) -> None:
        """Tell a card that was declined, then the payment that worked."""
        bad = msgspec.structs.replace(
            sale.pays[0],
            payment_id=self._chance.id(),
            method="CARD",
            brand="VISA",
            last_four="0002",
            status="FAILED",
            handed=0,
        )
        good, sale.pays = sale.pays, [bad]
        self._reopen(sale, sale.closed_at)
        bad.created_at = bad.updated_at = sale.updated_at
        self._tell_payment(sale, bad, "payment.created", "payment.updated")
        at = self._later(sale.closed_at, timedelta(seconds=20), timedelta(seconds=90))
        sale.pays = [bad, *good]
        for pay in good:
            pay.created_at = pay.updated_at = at
        self._complete(sale, at)

    def _cancelled(self, sale: Sale) -> None:
        """Tell an order that was opened, and then dropped, with its authorised payment."""
        for pay in sale.pays:
            pay.status, pay.method, pay.handed = "APPROVED", "CARD", 0
            pay.brand, pay.last_four = "VISA", "0119"
        self._reopen(sale, sale.closed_at)
        for pay in sale.pays:
            self._tell_payment(sale, pay, "payment.created")
        at = self._later(sale.closed_at, timedelta(minutes=1), timedelta(minutes=30))
        sale.state, sale.closed_at, sale.updated_at = "CANCELED", at, sale.touched(at)
        sale.version += 1
        for pay in sale.pays:
            pay.status, pay.tip, pay.updated_at = "CANCELED", 0, at
            self._tell_payment(sale, pay, "payment.updated")
        self._tell_order(sale, "order.updated")

    def _offline(self, sale: Sale) -> None:
        """Tell a sale that Square learns of hours or days after it was made."""
        hour = timedelta(hours=1)
        if self._live:
            at, ago = sale.closed_at, self._chance.between(hour, LONGEST_OFFLINE)
            sale.created_at, sale.closed_at = sale.created_at - ago, at - ago
        else:
            at = self._later(sale.closed_at, hour, LONGEST_OFFLINE)
        sale.updated_at = at
        for pay in sale.pays:
            pay.created_at = pay.offline_at = sale.closed_at
            pay.updated_at = at
        self._done(sale)

    def _edited(self, sale: Sale, at: datetime) -> None:
        """Tell a new version of a completed sale: a customer noted, or a tip added."""
        later = sale.touched(self._later(at, timedelta(minutes=2), timedelta(hours=5)))
        pay = sale.paid[0]
        if pay.method == "CARD" and not pay.tip and not pay.refund_ids:
            pay.tip = max(1, pay.amount // 10)
        else:
            sale.customer = sale.customer or f"CU{self._chance.randrange(1, 400):05d}"
        pay.updated_at = sale.updated_at = later
        sale.version += 1
        self._tell_order(sale, "order.updated")
        self._tell_payment(sale, pay, "payment.updated")

    def _second_thoughts(self, sale: Sale, at: datetime) -> None:
        """Refund or exchange what was sold, mostly on another day."""
        throw = self._chance
        single = len(sale.paid) == 1 and not sale.back
        if not single or sale.updated_at >= at:
            return
        pay = sale.paid[0]
        kind = throw.choices(("some", "all", "amount", "exchange"), weights=(45, 20, 15, 20))[0]
        known = sale.gone
        if kind == "amount":
            left = pay.amount - pay.refunded
            back = amount_only(sale, throw.randrange(1, left + 1)) if left > 0 else None
        else:
            back = itemised(sale, throw, everything=kind == "all")
            if back is not None and back.total > pay.amount - pay.refunded:
                sale.gone, back = known, None
        if back is None or not back.total:
            return
        if kind == "exchange":
            if self._exchange(back, at):
                pay.refunded += back.total
            else:
                sale.gone = known
            return
        if kind == "all" and pay.tip and pay.refunded == 0:
            back.tip = pay.tip
        self._refund(back, pay, at)

    def _refund(self, back: Back, pay: Pay, at: datetime) -> None:
        throw = self._chance
        refund = Refund(
            refund_id=f"{pay.payment_id}_{throw.id(43)}",
            order_id=throw.id(),
            back=back,
            pay=pay,
            created_at=at,
            updated_at=at,
            reason=throw.choice(("Returned goods", "Wrong item", "Accidental charge")),
        )
        if pay.method != "CASH" and throw.happens(250):
            refund.status = "PENDING"
            self._tell_refund(refund, "refund.created")
            refund.updated_at = self._later(at, timedelta(hours=1), timedelta(hours=60))
            refund.status = "FAILED" if throw.happens(100) else "COMPLETED"
            self._tell_refund(refund, "refund.updated")
        else:
            self._tell_refund(refund, "refund.created", "refund.updated")
        if refund.status == "COMPLETED":
            pay.refunded += back.total - back.tip
            pay.refund_ids = (*pay.refund_ids, refund.refund_id)
            pay.updated_at = back.source.touched(refund.updated_at)
            self._tell_payment(back.source, pay, "payment.updated")

    def _exchange(self, back: Back, at: datetime) -> bool:
        """Sell something for at least as much in the same order; say whether it went."""
        for _ in range(5):
            sale = self._counter.sale(at)
            if sale.due >= back.total:
                break
        else:
            return False
        owed = sale.due - back.total
        sale.pays = [self._counter.payment(sale, owed)] if owed else []
        sale.back = [return_of(back, f"{sale.order_id}-r")]
        sale.back_figures = back_figures(back, at, {})
        self._done(sale)
        return True

    def _reopen(self, sale: Sale, at: datetime) -> None:
        """Tell the order while it is still open."""
        sale.state, sale.updated_at, sale.version = "OPEN", at, 1
        sale.created_at = min(sale.created_at, at)
        self._tell_order(sale, "order.updated")

    def _complete(self, sale: Sale, at: datetime) -> None:
        at = sale.touched(at)
        sale.state, sale.closed_at, sale.updated_at = "COMPLETED", at, at
        sale.version += 1
        for pay in sale.pays:
            if pay.status != "FAILED":
                pay.status, pay.updated_at = "COMPLETED", at
                self._tell_payment(sale, pay, "payment.updated")
        self._tell_order(sale, "order.updated")

    def _tell_order(self, sale: Sale, *events: str) -> None:
        self._add(
            "order",
            sale.order_id,
            sale.updated_at,
            sale.created_at,
            order_body(sale),
            events if self._chance.happens(700) else (),
            figures(sale) if sale.state == "COMPLETED" else None,
            sale.state,
            sale.version,
        )

    def _tell_payment(self, sale: Sale, pay: Pay, *events: str) -> None:
        body = payment_body(sale, pay)
        self._add("payment", pay.payment_id, pay.updated_at, pay.created_at, body, events)

    def _tell_refund(self, refund: Refund, *events: str) -> None:
        at, made = refund.updated_at, refund.created_at
        refund.version += 1
        body = return_order_body(refund)
        sums = refund_figures(refund)
        self._add(
            "order", refund.order_id, at, made, body, (), sums, "COMPLETED", refund.version
        )
        self._add("refund", refund.refund_id, at, made, refund_body(refund), events)

    def _add(
        self,
        kind: str,
        name: str,
        at: datetime,
        created_at: datetime,
        body: bytes,
        events: tuple[str, ...],
        sums: object = None,
        state: str = "",
        version: int = 0,
    ) -> None:
        happening = Happening(
            at=at,
            kind=kind,
            id=name,
            place=self._place,
            merchant_id=self._bakery.merchant_id,
            location_id=self._bakery.location_id,
            created_at=created_at,
            body=body,
            events=events,
            state=state,
            version=version,
        )
        if sums is not None:
            happening = msgspec.structs.replace(happening, figures=sums)
        self.happenings.append(happening)
