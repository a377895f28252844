"""
A bill as a till knows it, whichever provider writes it down, and what it adds to its day.

All amounts are whole minor units from the shop's side: on lines that come back, and on refunds,
they are negative throughout. Whoever renders a bill for a provider turns the signs as that
provider writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from connectors.amounts import by_remainder, spread
from connectors.simulation.config import SimulatedShop
from connectors.simulation.goods import DRINK, FOOD
from connectors.simulation.truth import Figures, Moved
from schemas.money import allocate, round_minor

HUNDRED = Decimal(100)


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """
    One thing that is for sale, in one size.

    Args:
        number: of this item among all of the shop, from 1; ids are made of it.
        tax: FOOD or DRINK.
        price: of one unit, or one kilogram where it is `weighed`.
    """

    number: int
    name: str
    size: str
    sku: str
    category: str
    tax: int
    price: int
    weighed: bool = False
    modified: bool = False


class BillLine(msgspec.Struct, frozen=True, kw_only=True):
    """
    One line.

    Args:
        number: of the line on its bill, from 1; of a returned line, that of the sold one.
        item: None for an amount typed in under `name`.
        modifiers: name and price for one unit.
        percent_off: the discount of this line alone ("" is none); its share of the bill's
            discount comes on top, both are in `discount`.
        voided: rung up and taken off again before the bill was paid: counts nowhere.
    """

    number: int
    name: str
    units: Decimal
    unit_price: int
    gross: int
    item: Item | None = None
    modifiers: tuple[tuple[str, int], ...] = ()
    percent_off: str = ""
    line_discount: int = 0
    bill_discount: int = 0
    tax_kind: int | None = None
    tax: int = 0
    inclusive: bool = False
    gift_card: bool = False
    voided: bool = False

    @property
    def discount(self) -> int:
        """Return what is off."""
        return self.line_discount + self.bill_discount

    @property
    def due(self) -> int:
        """Return what the line costs the buyer."""
        return self.gross - self.discount + (0 if self.inclusive else self.tax)

    def moved(self, key: str) -> Moved:
        """Return what the line adds to the sums; `key` is the provider's id of what is sold."""
        return Moved(
            key=key,
            units=self.units,
            gross=self.gross,
            discount=self.discount,
            tax=self.tax,
            tax_included=self.tax if self.inclusive else 0,
            gift_card=self.gift_card,
        )


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """
    One payment.

    Args:
        number: among all of the shop, from 1.
        method: a canonical one: cash | card | gift_card.
        amount: without the tip, change taken off; negative where money goes back.
        handed: cash handed over; what exceeds amount and tip is the change.
    """

    number: int
    method: str
    amount: int
    at: datetime
    tip: int = 0
    handed: int = 0
    brand: str = ""
    last_four: str = ""

    @property
    def total(self) -> int:
        """Return amount and tip."""
        return self.amount + self.tip

    @property
    def change(self) -> int:
        """Return what was given back of the cash handed over."""
        return self.handed - self.total if self.handed else 0


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """
    One version of a bill.

    Args:
        place: number of the shop in the config; `number` among the bills of that shop, from 1.
        version: from 1; a newer one replaces all before it.
        known_at: when the provider learns of this version.
        kind: sale | refund | exchange; of the latter two `source` is the bill that was sold.
        status: open | completed | cancelled.
        percent_off: discount of the whole bill ("" is none), already shared out to the lines.
        gratuity: added by the house; `service_charge` is revenue, untaxed.
        daily_number: among the bills of its business day, from 1.
    """

    place: int
    number: int
    version: int
    known_at: datetime
    opened_at: datetime
    closed_at: datetime
    kind: str
    status: str
    lines: tuple[BillLine, ...]
    payments: tuple[Payment, ...]
    percent_off: str = ""
    service_charge: int = 0
    gratuity: int = 0
    source: int = 0
    register: int = 1
    cashier: int = 1
    customer: int = 0
    daily_number: int = 0

    @property
    def counted(self) -> tuple[BillLine, ...]:
        """Return the lines that were not voided."""
        return tuple(line for line in self.lines if not line.voided)

    @property
    def due(self) -> int:
        """Return what is to pay without tips of payments."""
        return sum(line.due for line in self.counted) + self.service_charge + self.gratuity

    @property
    def tip(self) -> int:
        """Return the tips of the payments."""
        return sum(pay.tip for pay in self.payments)

    @property
    def tax(self) -> int:
        """Return all tax."""
        return sum(line.tax for line in self.counted)

    @property
    def total(self) -> int:
        """Return all that is paid."""
        return self.due + self.tip


def figures(bill: Bill, shop: SimulatedShop, key: Callable[[BillLine], str]) -> Figures | None:
    """Return what a bill adds to its day; None unless it is completed."""
    if bill.status != "completed":
        return None
    tenders: dict[str, int] = {}
    for pay in bill.payments:
        tenders[pay.method] = tenders.get(pay.method, 0) + pay.total
    return Figures(
        location_id=shop.location_id,
        day=shop.calendar.day_of(bill.closed_at),
        at=bill.closed_at,
        kind=bill.kind,
        lines=tuple(line.moved(key(line)) for line in bill.counted),
        service_charge=bill.service_charge,
        tax=bill.tax,
        tip=bill.tip + bill.gratuity,
        total=bill.total,
        tenders=tenders,
    )


def rate(shop: SimulatedShop, tax_kind: int) -> str:
    """Return the percentage of a tax."""
    return {FOOD: shop.food_tax, DRINK: shop.drink_tax}[tax_kind]


def priced_line(line: BillLine) -> BillLine:
    """Work out what a line costs before any bill discount and tax."""
    gross = round_minor(line.unit_price * line.units) + sum(
        round_minor(price * line.units) for _, price in line.modifiers
    )
    off = round_minor((gross * Decimal(line.percent_off or 0)).scaleb(-2))
    return msgspec.structs.replace(line, gross=gross, line_discount=off)


def taxed_line(line: BillLine, shop: SimulatedShop) -> BillLine:
    """Work out the tax of one line from what it costs after discounts."""
    if line.tax_kind is None:
        return line
    tax = taxed(line.gross - line.discount, rate(shop, line.tax_kind), inclusive=shop.inclusive)
    return msgspec.structs.replace(line, tax=tax, inclusive=shop.inclusive)


def taxed(amount: int, percent: str, *, inclusive: bool) -> int:
    """Return the tax inside an amount, or the tax to add to it."""
    share = Decimal(percent)
    if inclusive:
        return round_minor(amount * share / (HUNDRED + share))
    return round_minor((amount * share).scaleb(-2))


def reckoned(
    lines: Sequence[BillLine], shop: SimulatedShop, percent_off: str
) -> tuple[BillLine, ...]:
    """Work out prices, the bill's discount (gift cards are spared), then taxes."""
    priced = [priced_line(line) for line in lines]
    weights = [
        0 if line.gift_card or line.voided else line.gross - line.line_discount
        for line in priced
    ]
    whole = round_minor((sum(weights) * Decimal(percent_off or 0)).scaleb(-2))
    shares = allocate(whole, weights) if whole else [0] * len(priced)
    return tuple(
        taxed_line(msgspec.structs.replace(line, bill_discount=share), shop)
        for line, share in zip(priced, shares, strict=True)
    )


def exact_tax(line: BillLine, shop: SimulatedShop) -> Decimal:
    """Return the tax of one line in minor units, to the millionth of a major one."""
    if line.tax_kind is None:
        return Decimal(0)
    share = Decimal(rate(shop, line.tax_kind))
    base = HUNDRED + share if shop.inclusive else HUNDRED
    exact = Decimal((line.gross - line.discount) * share) / base
    return exact.quantize(Decimal(1).scaleb(-4))


def taxed_together(lines: Sequence[BillLine], shop: SimulatedShop) -> tuple[BillLine, ...]:
    """Round the taxes of a bill once, in their sum; voided lines have no part in it."""
    exact = [Decimal(0) if line.voided else exact_tax(line, shop) for line in lines]
    return _with_taxes(lines, by_remainder(round_minor(sum(exact, start=Decimal(0))), exact))


def taxed_apart(lines: Sequence[BillLine], shop: SimulatedShop) -> tuple[BillLine, ...]:
    """Round each of the two taxes of a bill once, in its own sum."""
    taxes = [0] * len(lines)
    for kind in (FOOD, DRINK):
        exact = [
            exact_tax(line, shop) if line.tax_kind == kind and not line.voided else Decimal(0)
            for line in lines
        ]
        shares = spread("taxes", round_minor(sum(exact, start=Decimal(0))), exact)
        taxes = [tax + share for tax, share in zip(taxes, shares, strict=True)]
    return _with_taxes(lines, taxes)


def _with_taxes(lines: Sequence[BillLine], taxes: Sequence[int]) -> tuple[BillLine, ...]:
    return tuple(
        line if line.voided else msgspec.structs.replace(line, tax=tax)
        for line, tax in zip(lines, taxes, strict=True)
    )


def returned_line(line: BillLine, units: Decimal, shop: SimulatedShop) -> BillLine:
    """Return the line that gives so many units of a line back; all amounts negative."""
    if units == line.units:
        return msgspec.structs.replace(
            line,
            units=-line.units,
            gross=-line.gross,
            line_discount=-line.line_discount,
            bill_discount=-line.bill_discount,
            tax=-line.tax,
        )
    part = priced_line(msgspec.structs.replace(line, units=units))
    share = round_minor(line.bill_discount * units / line.units)
    return returned_line(
        taxed_line(msgspec.structs.replace(part, bill_discount=share), shop), units, shop
    )
