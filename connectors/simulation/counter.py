"""The counter of a simulated shop: what customers buy, and how they pay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from connectors.simulation.bills import (
    Bill,
    BillLine,
    Item,
    Payment,
    reckoned,
    taxed_apart,
    taxed_together,
)
from connectors.simulation.chance import Chance
from connectors.simulation.config import SimulatedShop
from connectors.simulation.goods import ASSORTMENT, FOOD, MODIFIERS, priced
from schemas.money import round_minor

TYPED_IN = (("Catering deposit", 3500), ("Day-old bag", 400), ("Misc", 650))
GIFT_CARDS = (1000, 2500, 5000)
BRANDS = ("VISA", "MASTERCARD", "AMEX")
NOTES = (500, 1000, 2000, 5000)


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """
    What happens at the tills of a provider, in so many of a thousand cases; 0 is never.

    A provider that cannot express a thing says 0: then no bill has it.

    Args:
        discounts_come_back: a returned line tells the discount it was sold with; else it comes
            back at the price that was paid for it.
        taxes_together: a bill's taxes are rounded in their sum, not line by line.
        taxes_apart: each of the two taxes is rounded in its own sum.
        discounted_returns: what was sold with a discount of the whole bill may come back.
    """

    typed_in: int = 25
    gift_cards: int = 8
    modifiers: int = 300
    weighed: bool = True
    line_discounts: int = 40
    bill_discounts: int = 60
    voided_lines: int = 30
    service_charges: int = 20
    gratuities: int = 20
    tips: int = 250
    split: int = 60
    gift_card_payments: int = 30
    customers: int = 150
    left_open: int = 40
    tips_later: int = 30
    cancelled: int = 25
    voided_later: int = 10
    late: int = 20
    refunds: int = 40
    partial_units: bool = True
    discounts_come_back: bool = True
    taxes_together: bool = False
    taxes_apart: bool = False
    exchanges: int = 10
    discounted_returns: bool = True


def items_of(shop: SimulatedShop, products: int, habits: Habits) -> tuple[Item, ...]:
    """Return what is for sale: the first so many goods of the assortment, in all sizes."""
    found: list[Item] = []
    for good in ASSORTMENT[:products]:
        if good.weighed and not habits.weighed:
            continue
        for size, sku, price in good.sizes:
            found.append(
                Item(
                    number=len(found) + 1,
                    name=good.name,
                    size=size if len(good.sizes) > 1 else "",
                    sku=sku,
                    category=good.category,
                    tax=good.tax,
                    price=priced(price, shop.currency),
                    weighed=good.weighed,
                    modified=good.modified and habits.modifiers > 0,
                )
            )
    return tuple(found)


class Counter:
    """Makes paid bills of one shop; `chance` decides everything."""

    def __init__(
        self,
        place: int,
        shop: SimulatedShop,
        items: tuple[Item, ...],
        habits: Habits,
        chance: Chance,
    ) -> None:
        self.shop, self.items = shop, items
        self._place, self._habits, self._chance = place, habits, chance
        self._bills = self._payments = 0
        self._days: dict[object, int] = {}

    def sale(self, at: datetime) -> Bill:
        """Return what one customer bought and paid at a time."""
        throw, habits = self._chance, self._habits
        percent_off = (
            throw.choice(("5", "10", "20")) if throw.happens(habits.bill_discounts) else ""
        )
        lines = self.rounded(reckoned(self._lines(), self.shop, percent_off))
        goods = sum(line.gross - line.discount for line in lines if not line.voided)
        bill = Bill(
            place=self._place,
            number=self.next_number(),
            version=1,
            known_at=at,
            opened_at=at - throw.between(timedelta(seconds=20), timedelta(seconds=150)),
            closed_at=at,
            kind="sale",
            status="completed",
            lines=lines,
            payments=(),
            percent_off=percent_off,
            service_charge=self._share(goods, 5, habits.service_charges),
            gratuity=self._share(goods, 18, habits.gratuities),
            register=throw.randrange(1, 4),
            cashier=throw.randrange(1, 6),
            customer=throw.randrange(1, 400) if throw.happens(habits.customers) else 0,
            daily_number=self.daily_number(at),
        )
        return msgspec.structs.replace(bill, payments=self.payments(bill.due, at))

    def rounded(self, lines: Sequence[BillLine]) -> tuple[BillLine, ...]:
        """Return lines that will be on one bill, with its taxes."""
        if self._habits.taxes_apart:
            return taxed_apart(lines, self.shop)
        if self._habits.taxes_together:
            return taxed_together(lines, self.shop)
        return tuple(lines)

    def next_number(self) -> int:
        """Return the number of a new bill."""
        self._bills += 1
        return self._bills

    def daily_number(self, at: datetime) -> int:
        """Return the number of a new bill on its business day."""
        day = self.shop.calendar.day_of(at)
        self._days[day] = self._days.get(day, 0) + 1
        return self._days[day]

    def payments(self, due: int, at: datetime) -> tuple[Payment, ...]:
        """Return how so much is paid, tips included."""
        if due == 0:
            return ()
        throw, habits = self._chance, self._habits
        if due > 1 and throw.happens(habits.split):
            first = throw.randrange(1, due)
            return (self.payment(first, at), self.payment(due - first, at))
        return (self.payment(due, at),)

    def payment(self, amount: int, at: datetime) -> Payment:
        """Return one payment of an amount."""
        throw, habits = self._chance, self._habits
        self._payments += 1
        if throw.happens(habits.gift_card_payments):
            return Payment(
                number=self._payments,
                method="gift_card",
                amount=amount,
                at=at,
                last_four=f"{throw.randrange(10_000):04d}",
            )
        if throw.happens(400):
            return Payment(
                number=self._payments,
                method="cash",
                amount=amount,
                at=at,
                handed=self._handed(amount),
            )
        tip = round_minor(Decimal(amount * throw.choice((10, 15, 20))).scaleb(-2))
        return Payment(
            number=self._payments,
            method="card",
            amount=amount,
            at=at,
            tip=tip if throw.happens(habits.tips) else 0,
            brand=throw.choice(BRANDS),
            last_four=f"{throw.randrange(10_000):04d}",
        )

    def payout(self, amount: int, of: Payment, at: datetime) -> Payment:
        """Return the payment that gives so much (negative) back the way it was paid."""
        self._payments += 1
        return Payment(
            number=self._payments,
            method=of.method,
            amount=amount,
            at=at,
            brand=of.brand,
            last_four=of.last_four,
        )

    # -- parts of a bill ---------------------------------------------------------------------

    def _lines(self) -> list[BillLine]:
        throw = self._chance
        count = throw.choices((1, 2, 3, 4, 5), weights=(35, 30, 20, 10, 5))[0]
        found = [self._line(number) for number in range(1, count + 1)]
        if throw.happens(self._habits.voided_lines):
            extra = self._bought(count + 1)
            found.append(msgspec.structs.replace(extra, voided=True))
        return found

    def _line(self, number: int) -> BillLine:
        throw, habits = self._chance, self._habits
        if throw.happens(habits.typed_in):
            name, price = throw.choice(TYPED_IN)
            return self._amount(number, name, price, FOOD if throw.happens(500) else None)
        if throw.happens(habits.gift_cards):
            line = self._amount(number, "Gift Card", throw.choice(GIFT_CARDS), None)
            return msgspec.structs.replace(line, gift_card=True)
        return self._bought(number)

    def _amount(self, number: int, name: str, price: int, tax: int | None) -> BillLine:
        minor = priced(price, self.shop.currency)
        return BillLine(
            number=number,
            name=name,
            units=Decimal(1),
            unit_price=minor,
            gross=minor,
            tax_kind=tax,
        )

    def _bought(self, number: int) -> BillLine:
        throw, habits = self._chance, self._habits
        most_loved = min(throw.randrange(len(self.items)), throw.randrange(len(self.items)))
        item = self.items[most_loved]
        if item.weighed:
            units = Decimal(throw.randrange(80, 900)).scaleb(-3)
        else:
            units = Decimal(throw.choices((1, 2, 3, 6), weights=(70, 20, 7, 3))[0])
        modifiers: tuple[tuple[str, int], ...] = ()
        if item.modified and throw.happens(habits.modifiers):
            chosen = throw.sample(MODIFIERS, 2 if throw.happens(200) else 1)
            modifiers = tuple((name, priced(p, self.shop.currency)) for name, p in chosen)
        return BillLine(
            number=number,
            name=item.name,
            units=units,
            unit_price=item.price,
            gross=0,
            item=item,
            modifiers=modifiers,
            percent_off="25" if throw.happens(habits.line_discounts) else "",
            tax_kind=item.tax,
        )

    def _share(self, amount: int, percent: int, per_mille: int) -> int:
        if not self._chance.happens(per_mille):
            return 0
        return round_minor(Decimal(amount * percent).scaleb(-2))

    def _handed(self, amount: int) -> int:
        notes = [priced(note, self.shop.currency) for note in NOTES]
        fitting = [note for note in notes if note >= amount]
        return min(fitting) if fitting and self._chance.happens(800) else amount
