"""
The lines of a sale in the canonical language, its totals shared out over them.

Prices are without tax and after discounts: `price` 108 with `discount` 12 was 120.

Source: x-series-api.lightspeedhq.com/docs/sales_discounts, .../reference (LineItem)
"""

from __future__ import annotations

from decimal import Decimal

from connectors.amounts import rounded, spread
from connectors.lightspeed_x.sums import Sums
from connectors.lightspeed_x.told import Told, ToldLine
from schemas.money import allocate
from schemas.transaction import Line, LineKind


def lines_of(sale: Told, sums: Sums, digits: int) -> tuple[Line, ...]:
    """
    Return the lines, whose sums are the sale's own.

    Raises:
        UnbalancedError: the lines do not make the sale's totals.
    """
    exact = [(line.discount * line.quantity).scaleb(digits) for line in sale.lines]
    nets = spread(
        "line price_total", sums.goods, [line.total.scaleb(digits) for line in sale.lines]
    )
    discounts = spread("line discounts", rounded(sum(exact, Decimal(0))), exact)
    fee_tax = sum([tax for _, _, tax in sums.fees])
    taxes = spread(
        "line tax_total", sums.tax - fee_tax, [line.tax.scaleb(digits) for line in sale.lines]
    )
    shares = allocate(sums.off, [abs(net) for net in nets])
    return tuple(
        [
            _line(line, net, discount, share, tax, digits)
            for line, net, discount, share, tax in zip(
                sale.lines, nets, discounts, shares, taxes, strict=True
            )
        ]
    )


def _line(line: ToldLine, net: int, discount: int, share: int, tax: int, digits: int) -> Line:
    price = rounded((line.price + line.discount).scaleb(digits))
    return Line(
        line_id=line.line_id,
        kind=_kind(line),
        pos_product_id=line.product,
        name=line.name or ("" if line.product else "Item"),
        sku=line.sku,
        quantity=line.quantity,
        unit_price=abs(price),
        gross=net + discount,
        discount=discount + share,
        tax=tax,
        tax_included=0,
        net=net - share,
    )


def _kind(line: ToldLine) -> LineKind:
    if line.gift_card:
        return LineKind.GIFT_CARD
    return LineKind.ITEM if line.product else LineKind.CUSTOM_AMOUNT
