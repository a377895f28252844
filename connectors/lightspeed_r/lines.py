"""
The lines of a sale, and its totals shared out over them.

Lightspeed's own arithmetic, which held on all 119 recorded sales: total = subtotal - discount +
tax 1 + tax 2, each rounded to the currency at the sale. Where prices include tax the subtotals
do not: the receipt shows `displayableUnitPrice` instead; our gross is as priced, tax inside.

Source: developers.lightspeedhq.com/retail/endpoints/Sale, .../SaleLine, .../tutorials/sales
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    if total != due and (is_fine or abs(total - due) > 1):
        raise UnbalancedError("calcTotal", due, total)
    return Sums(
        subtotal=subtotal,
        discount=discount,
        taxes=(tax1, tax2),
        fees=fees,
        total=total,
        rounding=total - due,
        inclusive=flag(sale.isTaxInclusive),
    )


def sold(lines: Sequence[SaleLine], sums: Sums, digits: int) -> list[SaleLine]:
    """
    Return the lines that make the sale.

    What is put aside or ordered for later (layaway, special order, workorder) may stand among
    them without being in the total.
    """
    whole = _subtotal(lines, digits)
    if abs(whole - sums.subtotal) <= _HALF:
        return list(lines)
    now = [line for line in lines if not _later(line)]
    return now if abs(_subtotal(now, digits) - sums.subtotal) <= _HALF else list(lines)


def _subtotal(lines: Sequence[SaleLine], digits: int) -> Decimal:
    return sum(
        [exact_minor(line.calcSubtotal, digits, "calcSubtotal") for line in lines], Decimal(0)
    )


def _later(line: SaleLine) -> bool:
    return flag(line.isLayaway) or flag(line.isSpecialOrder) or flag(line.isWorkorder)


def lines_of(lines: Sequence[SaleLine], sums: Sums, digits: int) -> tuple[Line, ...]:
    """
    Return the canonical lines, whose sums are the sale's own.

    Raises:
        UnbalancedError: the lines do not make the sale's totals.
    """

    def shares(field: str, whole: int, of: Callable[[SaleLine], Decimal]) -> list[int]:
        return spread(f"line {field}", whole, [of(line) for line in lines])

    subtotals = shares("calcSubtotal", sums.subtotal, _field("calcSubtotal", digits))
    discounts = shares("discounts", sums.discount, lambda line: _discount(line, digits))
    tax1 = shares("calcTax1", sums.taxes[0], _field("calcTax1", digits))
    tax2 = shares("calcTax2", sums.taxes[1], _field("calcTax2", digits))
    return tuple(
        [
            _line(line, digits, subtotal, discount, one + two, inclusive=sums.inclusive)
            for line, subtotal, discount, one, two in zip(
                lines, subtotals, discounts, tax1, tax2, strict=True
            )
        ]
    )


def _field(name: str, digits: int) -> Callable[[SaleLine], Decimal]:
    return lambda line: exact_minor(getattr(line, name), digits, name)


def _discount(line: SaleLine, digits: int) -> Decimal:
    own = exact_minor(line.calcLineDiscount, digits, "calcLineDiscount")
    return own + exact_minor(line.calcTransactionDiscount, digits, "calcTransactionDiscount")


def _line(
    line: SaleLine, digits: int, subtotal: int, discount: int, tax: int, *, inclusive: bool
) -> Line:
    item = identity(line.itemID)
    included = tax if inclusive else 0
    gross = subtotal + included
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
    """Return the item's name; miscellaneous ones (itemID 0) are named by their note."""
    if item is None:
        return (text(line.Note.note) if line.Note is not None else "") or _MISCELLANEOUS
    named = text(line.Item.description) if line.Item is not None else ""
    return named or f"Item {item}"
