"""
The lines of a sale, and its totals shared out over them.

Lightspeed's own arithmetic, which held on all 119 recorded sales: total = subtotal - discount +
tax 1 + tax 2, each rounded to the currency at the sale. Where prices include tax the subtotals
do not: the receipt shows `displayableUnitPrice` instead; our gross is as priced, tax inside.
There the total is what prices say, and the rounded parts may miss it by one: then the subtotal
is what the taxes leave of the total.

Source: developers.lightspeedhq.com/retail/endpoints/Sale, .../SaleLine, .../tutorials/sales
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from connectors.amounts import exact_minor, minor, quantity, rounded, spread
from connectors.lightspeed_r.amounts import flag, identity, text
from connectors.lightspeed_r.wire import Sale, SaleLine
from connectors.troubles import UnbalancedError
from schemas.transaction import Line, LineKind

_HALF = Decimal("0.5")
_MISCELLANEOUS = "Miscellaneous"


class Sums(Struct, frozen=True):
    """The totals of a sale in minor units, as the body says them; tax 1 and 2 apart."""

    subtotal: int
    discount: int
    taxes: tuple[int, int]
    fees: int
    total: int
    rounding: int
    inclusive: bool

    @property
    def tax(self) -> int:
        """Return all tax."""
        return sum(self.taxes)

    @property
    def gross(self) -> int:
        """Return what was priced: with the tax where prices include it."""
        return self.subtotal + (self.tax if self.inclusive else 0)


def sums_of(sale: Sale, digits: int) -> Sums:
    """
    Return a sale's totals.

    Item fees are a later field; they are in the total where it does not add up without them.
    What rounding each total leaves over is kept as such.

    Raises:
        UnbalancedError: the totals contradict each other.
    """
    exact = {
        name: exact_minor(getattr(sale, name), digits, name)
        for name in ("calcSubtotal", "calcDiscount", "calcTax1", "calcTax2", "calcItemFees")
    }
    said = sale.calcTotal if sale.calcTotal is not None else sale.total
    total = minor(said, digits, "calcTotal")
    subtotal, discount, tax1, tax2, fees = map(rounded, exact.values())
    due = subtotal - discount + tax1 + tax2
    if total != due:
        due += fees
    else:
        fees = 0
    is_fine = all(one == one.to_integral_value() for one in exact.values())
    inclusive, off = flag(sale.isTaxInclusive), total - due
    if off and (abs(off) > 1 or (is_fine and not inclusive)):
        raise UnbalancedError("calcTotal", due, total)
    if inclusive:
        subtotal, off = subtotal + off, 0
    return Sums(
        subtotal=subtotal,
        discount=discount,
        taxes=(tax1, tax2),
        fees=fees,
        total=total,
        rounding=off,
        inclusive=inclusive,
    )


def sold(lines: Sequence[SaleLine], sums: Sums, digits: int) -> list[SaleLine]:
    """
    Return the lines that make the sale.

    What is put aside or ordered for later (layaway, special order, workorder) may stand among
    them without being in the total.
    """
    now = [line for line in lines if not _later(line)]
    if _makes(lines, sums, digits) or not _makes(now, sums, digits):
        return list(lines)
    return now


def _makes(lines: Sequence[SaleLine], sums: Sums, digits: int) -> bool:
    """Say whether lines make the goods of a sale, but for rounding."""
    subtotal = sum(_exact(lines, "calcSubtotal", digits), Decimal(0))
    return abs(subtotal - sums.subtotal) <= _HALF or _makes_prices(lines, sums, digits)


def _makes_prices(lines: Sequence[SaleLine], sums: Sums, digits: int) -> bool:
    whole = sum(_priced(lines, digits), Decimal(0))
    return sums.inclusive and abs(whole - sums.gross) <= _HALF


def _priced(lines: Sequence[SaleLine], digits: int) -> list[Decimal]:
    """Return what each line costs with its taxes."""
    each = [_exact(lines, name, digits) for name in ("calcSubtotal", "calcTax1", "calcTax2")]
    return [sum(parts, Decimal(0)) for parts in zip(*each, strict=True)]


def _later(line: SaleLine) -> bool:
    return flag(line.isLayaway) or flag(line.isSpecialOrder) or flag(line.isWorkorder)


def lines_of(lines: Sequence[SaleLine], sums: Sums, digits: int) -> tuple[Line, ...]:
    """
    Return the canonical lines, whose sums are the sale's own.

    Raises:
        UnbalancedError: the lines do not make the sale's totals.
    """
    discounts = spread("line discounts", sums.discount, [_discount(it, digits) for it in lines])
    taxes = [
        spread(f"line {name}", whole, _exact(lines, name, digits))
        for name, whole in zip(("calcTax1", "calcTax2"), sums.taxes, strict=True)
    ]
    tax = [one + two for one, two in zip(*taxes, strict=True)]
    if _makes_prices(lines, sums, digits):
        gross = spread("line prices", sums.gross, _priced(lines, digits))
    else:
        own = spread("line calcSubtotal", sums.subtotal, _exact(lines, "calcSubtotal", digits))
        inside = tax if sums.inclusive else [0] * len(tax)
        gross = [one + more for one, more in zip(own, inside, strict=True)]
    return tuple(
        [
            _line(line, digits, *amounts, inclusive=sums.inclusive)
            for line, *amounts in zip(lines, gross, discounts, tax, strict=True)
        ]
    )


def _exact(lines: Sequence[SaleLine], name: str, digits: int) -> list[Decimal]:
    return [exact_minor(getattr(line, name), digits, name) for line in lines]


def _discount(line: SaleLine, digits: int) -> Decimal:
    own = exact_minor(line.calcLineDiscount, digits, "calcLineDiscount")
    return own + exact_minor(line.calcTransactionDiscount, digits, "calcTransactionDiscount")


def _line(
    line: SaleLine, digits: int, gross: int, discount: int, tax: int, *, inclusive: bool
) -> Line:
    item = identity(line.itemID)
    included = tax if inclusive else 0
    shown = line.displayableUnitPrice if inclusive else None
    price = shown if shown is not None else line.unitPrice
    return Line(
        line_id=text(line.saleLineID) or "line",
        kind=LineKind.CUSTOM_AMOUNT if item is None else LineKind.ITEM,
        pos_product_id=item,
        name=_name(line, item),
        sku=sku_of(line.Item.customSku, line.Item.systemSku) if line.Item else None,
        quantity=quantity(line.unitQuantity, "unitQuantity"),
        unit_price=abs(minor(price, digits, "unitPrice")),
        gross=gross,
        discount=discount,
        tax=tax,
        tax_included=included,
        net=gross - discount - included,
    )


def sku_of(custom: object, system: object) -> str | None:
    """Return the shop's own number of an item, else the one that Lightspeed gave it."""
    return text(custom) or text(system) or None


def _name(line: SaleLine, item: str | None) -> str:
    """Return the item's name, if it is said; miscellaneous ones (itemID 0) have their note."""
    if item is None:
        return (text(line.Note.note) if line.Note is not None else "") or _MISCELLANEOUS
    return text(line.Item.description) if line.Item is not None else ""
