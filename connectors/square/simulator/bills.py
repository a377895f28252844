"""
The arithmetic of a bill as Square does it, line by line, and the order object it makes.

Source: developer.squareup.com/docs/orders-api/how-it-works (order of calculation, rounding half
to even), .../reference/square/objects/OrderLineItem
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from connectors.simulation.bills import taxed
from connectors.simulation.config import SimulatedShop
from connectors.simulation.truth import Moved
from connectors.square.simulator.wording import Money
from schemas.money import allocate, round_minor

Json = dict[str, object]


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """A discount: `percent`, or else `amount` off; of one line where `line` is its number."""

    uid: str
    name: str
    percent: str = ""
    amount: int = 0
    line: int | None = None


class Fee(msgspec.Struct, kw_only=True):
    """
    A service charge of the whole bill.

    Args:
        gratuity: the house adds it as a tip.
        tax: number of the bakery's tax on it; None for untaxed.
        applied, charged_tax: what it came to, set by `reckon`.
    """

    uid: str
    name: str
    percent: str = ""
    amount: int = 0
    gratuity: bool = False
    tax: int | None = None
    applied: int = 0
    charged_tax: int = 0


class Piece(msgspec.Struct, kw_only=True):
    """
    One line, before and after the sums.

    Args:
        tax: number of the bakery's tax on it; None for untaxed.
        modifiers: name and price for one unit.
        cuts: what each discount takes off, by its number; set by `reckon`, as those below.
    """

    uid: str
    kind: str
    name: str
    quantity: Decimal
    price: int
    variation_id: str = ""
    variation_name: str = ""
    catalog_version: int = 0
    weighed: bool = False
    tax: int | None = None
    modifiers: tuple[tuple[str, int], ...] = ()
    cuts: dict[int, int] = msgspec.field(default_factory=dict)
    plain: int = 0
    gross: int = 0
    tax_amount: int = 0
    included: bool = False

    @property
    def discount(self) -> int:
        """Return what is off."""
        return sum(self.cuts.values())

    @property
    def due(self) -> int:
        """Return what the line costs the buyer."""
        return self.gross - self.discount + (0 if self.included else self.tax_amount)

    def moved(self, sign: int) -> Moved:
        """Return what the line adds to the sums."""
        typed_in = f"custom:{' '.join(self.name.lower().split())}"
        return Moved(
            key=self.variation_id or typed_in,
            units=sign * self.quantity,
            gross=sign * self.gross,
            discount=sign * self.discount,
            tax=sign * self.tax_amount,
            tax_included=sign * self.tax_amount if self.included else 0,
            gift_card=self.kind == "GIFT_CARD",
        )


def of_percent(amount: int, percent: str) -> int:
    """Return a percentage, rounded as Square does."""
    return round_minor((amount * Decimal(percent)).scaleb(-2))


def reckon(
    bakery: SimulatedShop, pieces: Sequence[Piece], cuts: Sequence[Cut], fees: Sequence[Fee]
) -> None:
    """Work every line and charge out, in Square's order: prices, discounts, charges, taxes."""
    for piece in pieces:
        piece.plain = round_minor(piece.price * piece.quantity)
        piece.gross = piece.plain + sum(
            round_minor(price * piece.quantity) for _, price in piece.modifiers
        )
    for number, cut in enumerate(cuts):
        _cut(number, cut, pieces)
    for piece in pieces:
        tax_line(bakery, piece)
    subtotal = sum(piece.gross - piece.discount for piece in pieces)
    for fee in fees:
        fee.applied = of_percent(subtotal, fee.percent) if fee.percent else fee.amount
        if fee.tax is not None:
            fee.charged_tax = taxed(fee.applied, _rate(bakery, fee.tax), inclusive=False)


def tax_line(bakery: SimulatedShop, piece: Piece) -> None:
    """Work out the tax of one line from what it costs after discounts."""
    piece.included = bakery.inclusive and piece.tax is not None
    if piece.tax is not None:
        left = piece.gross - piece.discount
        piece.tax_amount = taxed(left, _rate(bakery, piece.tax), inclusive=bakery.inclusive)


def _cut(number: int, cut: Cut, pieces: Sequence[Piece]) -> None:
    """Take a discount off one line, or off all goods in proportion."""
    if cut.line is not None:
        piece = pieces[cut.line]
        left = piece.gross - piece.discount
        piece.cuts[number] = (
            of_percent(left, cut.percent) if cut.percent else min(left, cut.amount)
        )
        return
    goods = [piece for piece in pieces if piece.kind != "GIFT_CARD"]
    weights = [piece.gross - piece.discount for piece in goods]
    most = sum(weights)
    whole = of_percent(most, cut.percent) if cut.percent else min(most, cut.amount)
    for piece, share in zip(goods, allocate(whole, weights), strict=True):
        piece.cuts[number] = share


def _rate(bakery: SimulatedShop, tax: int) -> str:
    return (bakery.food_tax, bakery.drink_tax)[tax]


def tax_uid(tax: int) -> str:
    """Return the uid that a bakery's tax has in all its orders."""
    return ("food-tax", "drink-tax")[tax]


def line_items(
    bakery: SimulatedShop, pieces: Sequence[Piece], cuts: Sequence[Cut]
) -> list[Json]:
    """Return the lines of a sale."""
    return [_item(bakery, piece, cuts, returned=None) for piece in pieces]


def return_items(
    bakery: SimulatedShop, pieces: Sequence[tuple[Piece, str]], cuts: Sequence[Cut]
) -> list[Json]:
    """Return the lines of a return; each piece with the uid of the line it was sold on."""
    return [_item(bakery, piece, cuts, returned=source) for piece, source in pieces]


def _item(
    bakery: SimulatedShop, piece: Piece, cuts: Sequence[Cut], *, returned: str | None
) -> Json:
    def money(amount: int) -> Money:
        return Money(amount, bakery.currency)

    gross = piece.gross
    if piece.included and bakery.country in {"US", "CA", "JP"}:
        # there, Square takes inclusive tax out of this one field
        gross -= piece.tax_amount
    item: Json = {
        "uid": piece.uid,
        "quantity": f"{piece.quantity}",
        "name": piece.name,
        "base_price_money": money(piece.price),
        "total_tax_money": money(piece.tax_amount),
        "total_discount_money": money(piece.discount),
        "total_money": money(piece.due),
        "variation_total_price_money": money(piece.plain),
        "total_service_charge_money": money(0),
        "item_type": piece.kind,
    }
    item["gross_sales_money" if returned is None else "gross_return_money"] = money(gross)
    if returned:
        item["source_line_item_uid"] = returned
    if piece.variation_id:
        item["catalog_object_id"] = piece.variation_id
        item["catalog_version"] = piece.catalog_version
        item["variation_name"] = piece.variation_name
    if piece.weighed:
        item["quantity_unit"] = _KILOGRAM
    if piece.modifiers:
        name = "modifiers" if returned is None else "return_modifiers"
        item[name] = _modifiers(piece, bakery.currency)
    _applied(item, piece, cuts, bakery)
    return item


def _modifiers(piece: Piece, currency: str) -> list[Json]:
    return [
        {
            "uid": f"{piece.uid}-m{number}",
            "name": name,
            "quantity": "1",
            "base_price_money": Money(price, currency),
            "total_price_money": Money(round_minor(price * piece.quantity), currency),
        }
        for number, (name, price) in enumerate(piece.modifiers)
    ]


_KILOGRAM: Json = {
    "measurement_unit": {"weight_unit": "METRIC_KILOGRAM", "type": "TYPE_WEIGHT"},
    "precision": 3,
}


def _applied(item: Json, piece: Piece, cuts: Sequence[Cut], bakery: SimulatedShop) -> None:
    if piece.tax is not None:
        item["applied_taxes"] = [
            {
                "uid": f"{piece.uid}-t",
                "tax_uid": tax_uid(piece.tax),
                "applied_money": Money(piece.tax_amount, bakery.currency),
            }
        ]
    if piece.cuts:
        item["applied_discounts"] = [
            {
                "uid": f"{piece.uid}-d{number}",
                "discount_uid": cuts[number].uid,
                "applied_money": Money(amount, bakery.currency),
            }
            for number, amount in piece.cuts.items()
        ]


def taxes(
    bakery: SimulatedShop, pieces: Sequence[Piece], fees: Sequence[Fee], *, back: bool = False
) -> list[Json]:
    """Return the taxes of one side of an order, with what each came to."""
    found = []
    for number, name in ((0, "Food Tax"), (1, "Drinks Tax")):
        charged = [fee.charged_tax for fee in fees if fee.tax == number]
        shares = [piece.tax_amount for piece in pieces if piece.tax == number] + charged
        if shares:
            tax: Json = {
                "uid": tax_uid(number),
                "name": name,
                "percentage": _rate(bakery, number),
                "type": "INCLUSIVE" if bakery.inclusive else "ADDITIVE",
                "applied_money": Money(sum(shares), bakery.currency),
                "scope": "LINE_ITEM",
            }
            if back:
                tax["source_tax_uid"] = tax_uid(number)
            found.append(tax)
    return found


def discounts(
    bakery: SimulatedShop, pieces: Sequence[Piece], cuts: Sequence[Cut], *, back: bool = False
) -> list[Json]:
    """Return the discounts of one side of an order, with what each came to."""
    found = []
    for number, cut in enumerate(cuts):
        shares = [piece.cuts[number] for piece in pieces if number in piece.cuts]
        if not shares:
            continue
        discount: Json = {
            "uid": cut.uid,
            "name": cut.name,
            "type": "FIXED_PERCENTAGE" if cut.percent else "FIXED_AMOUNT",
            "applied_money": Money(sum(shares), bakery.currency),
            "scope": "ORDER" if cut.line is None else "LINE_ITEM",
        }
        if cut.percent:
            discount["percentage"] = cut.percent
        else:
            discount["amount_money"] = Money(cut.amount, bakery.currency)
        if back:
            discount["source_discount_uid"] = cut.uid
        found.append(discount)
    return found


def service_charges(bakery: SimulatedShop, fees: Sequence[Fee]) -> list[Json]:
    """Return the charges of a sale."""
    found = []
    for fee in fees:
        charge: Json = {
            "uid": fee.uid,
            "calculation_phase": "SUBTOTAL_PHASE" if fee.percent else "TOTAL_PHASE",
            "taxable": fee.tax is not None,
            "applied_money": Money(fee.applied, bakery.currency),
            "total_money": Money(fee.applied + fee.charged_tax, bakery.currency),
            "total_tax_money": Money(fee.charged_tax, bakery.currency),
            "type": "AUTO_GRATUITY" if fee.gratuity else "CUSTOM",
            "treatment_type": "LINE_ITEM_TREATMENT",
            "scope": "ORDER",
        }
        if not fee.gratuity:
            charge["name"] = fee.name
        if fee.percent:
            charge["percentage"] = fee.percent
        else:
            charge["amount_money"] = Money(fee.amount, bakery.currency)
        if fee.tax is not None:
            charge["calculation_phase"] = "SUBTOTAL_PHASE"
            charge["applied_taxes"] = [
                {
                    "uid": f"{fee.uid}-t",
                    "tax_uid": tax_uid(fee.tax),
                    "applied_money": Money(fee.charged_tax, bakery.currency),
                }
            ]
        found.append(charge)
    return found
