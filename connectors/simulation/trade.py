"""
The trade of one simulated shop: which bill goes how, and what its provider learns when.

Every till has its bad moments: bills left open, tips added later, second thoughts, lines that
reach the provider hours late. How often each comes is a matter of `Habits`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from connectors.simulation.bills import Bill, BillLine, returned_line
from connectors.simulation.chance import MILLISECOND, Chance, whole
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.counter import Counter, Habits, items_of
from connectors.simulation.hours import customers_of, customers_of_today, days_before

REMEMBERED = 200
A_WORKING_DAY_S = 36_000


class Trade:
    """Makes the versions of all bills of one shop; `place` is its number in the config."""

    def __init__(self, config: SimulatorConfig, place: int, habits: Habits) -> None:
        self._config, self._place, self._habits = config, place, habits
        self.shop = config.shops[place]
        self.items = items_of(self.shop, config.products, habits)
        self._chance = Chance(config.seed, "trade", place)
        self._counter = Counter(place, self.shop, self.items, habits, self._chance)
        self._recent: list[Bill] = []
        self._live = False
        self._ends = config.now + timedelta(seconds=config.live_seconds)
        self._told: list[Bill] = []

    def bills(self) -> list[Bill]:
        """Trade; return every version of every bill, in the order in which it is known."""
        for day in days_before(self._config, self._place):
            for at in customers_of(self._config, self._place, day, self._chance):
                self._customer(at)
        self._live = True
        for at in customers_of_today(self._config):
            self._customer(at)
        return sorted(self._told, key=lambda bill: (bill.known_at, bill.number, bill.version))

    def _customer(self, at: datetime) -> None:
        """Serve one customer, however that goes."""
        throw, habits = self._chance, self._habits
        if self._recent and throw.happens(habits.refunds):
            self._refund(at, exchange=False)
            return
        if self._recent and throw.happens(habits.exchanges):
            self._refund(at, exchange=True)
            return
        bill = self._counter.sale(at)
        if throw.happens(habits.cancelled):
            self._cancelled(bill)
            return
        if throw.happens(habits.left_open):
            bill = self._left_open(bill)
        elif throw.happens(habits.late):
            bill = self._late(bill)
        else:
            self._tell(bill)
        if throw.happens(habits.voided_later):
            self._voided_later(bill)
            return
        if throw.happens(habits.tips_later):
            bill = self._tip_later(bill)
        self._recent = [*self._recent[-REMEMBERED:], bill]

    # -- how a bill may go -------------------------------------------------------------------

    def _left_open(self, bill: Bill) -> Bill:
        """Tell a bill that stays open for a while, unpaid; return it paid."""
        self._tell(replace(bill, status="open", payments=()))
        at = self._later(bill.known_at, timedelta(minutes=5), timedelta(minutes=90))
        paid = replace(
            bill,
            version=2,
            known_at=at,
            closed_at=at,
            payments=tuple(replace(pay, at=at) for pay in bill.payments),
            daily_number=self._counter.daily_number(at),
        )
        self._tell(paid)
        return paid

    def _cancelled(self, bill: Bill) -> None:
        """Tell a bill that was opened and then dropped, never paid."""
        self._tell(replace(bill, status="open", payments=()))
        at = self._later(bill.known_at, timedelta(minutes=1), timedelta(minutes=30))
        self._tell(
            replace(bill, status="cancelled", payments=(), version=2, known_at=at, closed_at=at)
        )

    def _late(self, bill: Bill) -> Bill:
        """Tell a bill that the provider learns of hours after it was paid."""
        at = self._later(bill.known_at, timedelta(hours=1), timedelta(hours=30))
        bill = replace(bill, known_at=at)
        self._tell(bill)
        return bill

    def _voided_later(self, bill: Bill) -> None:
        """Tell that a paid bill was voided as a whole, on the day it was made."""
        at = self._later(bill.known_at, timedelta(minutes=2), timedelta(minutes=40))
        self._tell(replace(bill, status="cancelled", version=bill.version + 1, known_at=at))

    def _tip_later(self, bill: Bill) -> Bill:
        """Tell a tip that was written down after the card had been charged."""
        if len(bill.payments) != 1:
            return bill
        (pay,) = bill.payments
        if pay.method != "card" or pay.tip or pay.amount <= 0:
            return bill
        at = self._later(bill.known_at, timedelta(minutes=2), timedelta(hours=5))
        tipped = replace(
            bill,
            version=bill.version + 1,
            known_at=at,
            payments=(replace(pay, tip=max(1, pay.amount // 10)),),
        )
        self._tell(tipped)
        return tipped

    def _refund(self, at: datetime, *, exchange: bool) -> None:
        """Give back what was sold, mostly on another day; or take something else for it."""
        throw = self._chance
        sold = throw.choice(self._recent)
        left = [line for line in sold.counted if line.item is not None and line.due > 0]
        if sold.known_at >= at or len(sold.payments) != 1 or not left:
            return
        if sold.percent_off and not self._habits.discounted_returns:
            return
        # A bill comes back once at the most, so no line comes back twice.
        self._recent.remove(sold)
        chosen = left if throw.happens(300) else [throw.choice(left)]
        lines = [self._back(line, everything=len(chosen) > 1) for line in chosen]
        if exchange:
            self._exchange(sold, lines, at)
            return
        lines = list(self._counter.rounded(lines))
        due = sum(line.due for line in lines)
        self._tell(
            replace(
                sold,
                number=self._counter.next_number(),
                version=1,
                known_at=at,
                opened_at=at,
                closed_at=at,
                kind="refund",
                lines=tuple(lines),
                payments=(self._counter.payout(due, sold.payments[0], at),),
                service_charge=0,
                gratuity=0,
                source=sold.number,
                daily_number=self._counter.daily_number(at),
            )
        )

    def _exchange(self, sold: Bill, back: list[BillLine], at: datetime) -> None:
        """Sell something for at least as much on the same bill."""
        for _ in range(5):
            bill = self._counter.sale(at)
            both = replace(bill, lines=self._counter.rounded((*bill.lines, *back)))
            owed = both.due
            if owed > 0:
                self._tell(
                    replace(
                        both,
                        kind="exchange",
                        source=sold.number,
                        payments=self._counter.payments(owed, at),
                    )
                )
                return

    def _back(self, line: BillLine, *, everything: bool) -> BillLine:
        throw, units = self._chance, line.units
        parts = self._habits.partial_units and not everything and units == int(units)
        if parts and units > 1 and throw.happens(600):
            units = Decimal(throw.randrange(1, int(units)))
        back = returned_line(line, units, self.shop)
        if self._habits.discounts_come_back:
            return back
        paid = back.gross - back.discount
        return replace(back, gross=paid, line_discount=0, bill_discount=0)

    # -- time --------------------------------------------------------------------------------

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
        if later <= now:
            return later
        if self._config.live_orders:
            return now + self._chance.between(MILLISECOND, self._ends - now)
        return max(at, now)

    def _tell(self, bill: Bill) -> None:
        self._told.append(bill)
