"""
The totals of a sale in whole minor units, and what beside the lines is in them.

Total price is without tax. Whether fees, surcharges and charges of the web shop are in it is
documented for none of them and differs: they are where the total does not add up without them.

Source: x-series-api.lightspeedhq.com/reference (Sale, SaleResponseAdjustment); the published
sale of 201.50 with lines of 200 and a fee of 1.50
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from msgspec import Struct

from connectors.amounts import rounded
from connectors.lightspeed_x.told import Extra, Told
from connectors.troubles import UnbalancedError

_HALF = Decimal("0.5")
_TIP, _DISCOUNT = "TIP", "DISCOUNT"


class Sums(Struct, frozen=True):
    """
    Whole minor units.

    Args:
        goods: the lines, discounts on them taken off.
        off: a discount of the whole sale, to be shared out over the lines.
        fees: each with its tax, which is in `tax`.
        rounding: what is left over when price and tax are rounded apart.
    """

    goods: int
    off: int
    tip: int
    fees: tuple[tuple[str, int, int], ...]
    tax: int
    total: int
    rounding: int

    @property
    def fee(self) -> int:
        """Return all fees, without their tax."""
        return sum([amount for _, amount, _ in self.fees])


def sums_of(sale: Told, digits: int) -> Sums:
    """
    Return a sale's totals.

    Raises:
        UnbalancedError: lines and extras do not make them.
    """
    price, tax = sale.price.scaleb(digits), sale.tax.scaleb(digits)
    _check_including(sale, price + tax, digits)
    goods = sum([line.total for line in sale.lines], Decimal(0)).scaleb(digits)
    extras = next(
        (
            some
            for some in _choices(sale, goods)
            if _near(
                goods + sum([one.amount for one in some], Decimal(0)).scaleb(digits), price
            )
        ),
        None,
    )
    if extras is None:
        raise UnbalancedError("total_price", rounded(goods), rounded(price))
    fees = tuple([_fee(one, digits) for one in extras if one.kind not in {_TIP, _DISCOUNT}])
    tip = _total(extras, _TIP, digits)
    off = -_total(extras, _DISCOUNT, digits)
    whole = rounded(price + tax)
    return Sums(
        goods=rounded(price) - sum([amount for _, amount, _ in fees]) - tip + off,
        off=off,
        tip=tip,
        fees=_taxed(fees, sale, tax, digits),
        tax=rounded(tax),
        total=whole,
        rounding=whole - rounded(price) - rounded(tax),
    )


def _check_including(sale: Told, both: Decimal, digits: int) -> None:
    if sale.including is not None and not _near(sale.including.scaleb(digits), both):
        raise UnbalancedError(
            "total_price_incl", rounded(both), rounded(sale.including.scaleb(digits))
        )


def _near(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= _HALF


def _choices(sale: Told, goods: Decimal) -> Iterator[list[Extra]]:
    """Yield what may be in the total beside the lines, the most first."""
    signed = [_money_off(one, goods) for one in sale.adjustments]
    charge = [sale.web_charge] if sale.web_charge is not None else []
    surcharge = [sale.surcharge] if sale.surcharge is not None else []
    for adjustments in (signed, []):
        yield [*adjustments, *surcharge, *charge]
        yield [*adjustments, *charge]
        yield [*adjustments, *surcharge]
        yield [*adjustments]


def _money_off(one: Extra, goods: Decimal) -> Extra:
    """Return an adjustment with its sign: a discount is against the goods, however written."""
    if one.kind != _DISCOUNT:
        return one
    amount = abs(one.amount)
    return Extra(one.kind, one.name, amount if goods < 0 else -amount, one.tax)


def _total(extras: Sequence[Extra], kind: str, digits: int) -> int:
    return sum([rounded(one.amount.scaleb(digits)) for one in extras if one.kind == kind])


def _fee(one: Extra, digits: int) -> tuple[str, int, int]:
    return one.name, rounded(one.amount.scaleb(digits)), rounded(one.tax.scaleb(digits))


def _taxed(
    fees: Sequence[tuple[str, int, int]], sale: Told, tax: Decimal, digits: int
) -> tuple[tuple[str, int, int], ...]:
    """Return the fees, with their tax only where the lines' tax leaves room for it."""
    on_lines = sum([line.tax for line in sale.lines], Decimal(0)).scaleb(digits)
    if _near(on_lines, tax):
        return tuple([(name, amount, 0) for name, amount, _ in fees])
    return tuple(fees)
