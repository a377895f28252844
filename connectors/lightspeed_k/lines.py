"""
The lines of a sale in whole minor units, checked against each other.

Amounts come with up to six decimals. They are added exactly, the sum is rounded once, and the
cents that this makes or takes go to the lines with the largest remainders.

Source: api-docs.lsk.lightspeed.app, Financial V2, schemas Line and TaxLine
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from connectors.lightspeed_k.amounts import fine, number, spread
from connectors.lightspeed_k.taxes import Taxes
from connectors.lightspeed_k.wire import SaleLine
from connectors.troubles import UnbalancedError, UnreadableError
from schemas.money import round_minor
from schemas.transaction import Discount, Line, LineKind, ServiceCharge, Tax


class Sums(NamedTuple):
    """
    One line, exactly, in minor units with decimals.

    Args:
        value: what is to be paid for it, without its service charge; with tax if `inclusive`.
        fee: its service charge, with tax if `inclusive`; `outside` is on top of the totals.
    """

    line: SaleLine
    inclusive: bool
    value: Decimal
    discount: Decimal
    tax: Decimal
    fee: Decimal
    fee_tax: Decimal


class Goods(NamedTuple):
    """What was sold, in whole minor units; `whole` where nothing had to be rounded."""

    lines: tuple[Line, ...]
    discounts: tuple[Discount, ...]
    taxes: tuple[Tax, ...]
    fees: tuple[ServiceCharge, ...]
    due: int
    whole: bool


NOTHING = Goods((), (), (), (), 0, whole=True)


def untaxed(lines: Sequence[SaleLine], digits: int) -> int:
    """Return the untaxed service charges, of which it is not told whether totals hold them."""
    exact = (fine(one.service_charge, digits) for one in live(lines) if _is_untaxed(one))
    return round_minor(sum(exact, start=Decimal(0)))


def live(lines: Sequence[SaleLine]) -> list[SaleLine]:
    """Return the lines that were not voided."""
    return [one for one in lines if not one.void_reason]


def goods_of(
    lines: Sequence[SaleLine], digits: int, *, sign: int = 1, outside: bool = False
) -> Goods:
    """
    Return what the lines make.

    Args:
        sign: -1 turns all signs, for refunds that are written positive.
        outside: untaxed service charges are on top of totals.

    Raises:
        UnreadableError: a line lacks its total or quantity.
        UnbalancedError: a line's amounts contradict each other.
    """
    sums = [_sums(one, digits, sign, outside=outside) for one in live(lines)]
    count = len(sums)
    paid = spread([one.value for one in sums] + [one.fee for one in sums])
    taxed = spread([one.tax for one in sums] + [one.fee_tax for one in sums])
    offs = spread([one.discount for one in sums])
    made = tuple(
        _line(at + 1, one, paid[at], offs[at], taxed[at], digits, sign)
        for at, one in enumerate(sums)
    )
    taxes = Taxes()
    charged = on_top = 0
    for at, one in enumerate(sums):
        fee_tax = taxed[count + at]
        taxes.add(one.line, taxed[at], included=one.inclusive, digits=digits)
        taxes.add(one.line, fee_tax, included=False, digits=digits)
        charged += paid[count + at] - (fee_tax if one.inclusive else 0)
        on_top += 0 if one.inclusive else taxed[at] + fee_tax
    fee = ServiceCharge(name="Service charge", amount=charged, tax=sum(taxed[count:]))
    return Goods(
        lines=made,
        discounts=_discounts(sums, sum(offs), digits, sign),
        taxes=taxes.taxes(),
        fees=(fee,) if fee.amount or fee.tax else (),
        due=sum(paid) + on_top,
        whole=all(_whole(one) for one in sums),
    )


def _sums(line: SaleLine, digits: int, sign: int, *, outside: bool) -> Sums:
    inclusive = _inclusive(line)
    tax = fine(line.tax_amount, digits)
    total = line.total_net_amount_with_tax if inclusive else line.total_net_amount_without_tax
    if total is None:
        raise UnreadableError("a line without its total")
    value = fine(total, digits)
    if inclusive and line.total_net_amount_without_tax is not None:
        _near("line total", fine(line.total_net_amount_without_tax, digits) + tax, value)
    if line.tax_lines:
        pieces = [fine(one.tax_amount, digits) for one in line.tax_lines]
        _near("line taxes", sum(pieces, start=Decimal(0)), tax)
    fee, fee_tax = _fee(line, value, tax, digits)
    kept = value if outside and _is_untaxed(line) else value - fee
    return Sums(
        line,
        inclusive,
        sign * kept,
        sign * _discount(line, digits),
        sign * (tax - fee_tax),
        sign * fee,
        sign * fee_tax,
    )


def _inclusive(line: SaleLine) -> bool:
    """Say whether the line's prices include tax: its taxes say it, else its totals."""
    told = [one.tax_included for one in line.tax_lines or () if one.tax_included is not None]
    if told:
        return all(told)
    return line.total_net_amount_with_tax is not None


def _is_untaxed(line: SaleLine) -> bool:
    return line.service_charge_type == "UNTAXED"


def _fee(line: SaleLine, value: Decimal, tax: Decimal, digits: int) -> tuple[Decimal, Decimal]:
    """Return the service charge that is in a line's total, and the tax that is in that."""
    if line.service_charge_type == "NO_SERVICE_CHARGE":
        return Decimal(0), Decimal(0)
    fee = fine(line.service_charge, digits)
    if _is_untaxed(line) or not fee or not value:
        return fee, Decimal(0)
    return fee, tax * fee / value


def _discount(line: SaleLine, digits: int) -> Decimal:
    """
    Return all discounts of a line.

    Raises:
        UnbalancedError: its own and its share of the account's do not make the total.
    """
    own, shared = line.discount_amount, line.account_discount_amount
    parts = fine(own, digits) + fine(shared, digits)
    if line.total_discount_amount is None:
        return parts
    total = fine(line.total_discount_amount, digits)
    if own is not None or shared is not None:
        _near("line discounts", parts, total)
    return total


def _near(field: str, parts: Decimal, whole: Decimal) -> None:
    """Insist that amounts are the same but for the rounding of a printed one."""
    if abs(parts - whole) > 1:
        raise UnbalancedError(field, round_minor(parts), round_minor(whole))


def _whole(one: Sums) -> bool:
    return all(amount == int(amount) for amount in (one.value, one.tax, one.fee, one.fee_tax))


def _line(
    number_: int, one: Sums, value: int, discount: int, tax: int, digits: int, sign: int
) -> Line:
    line = one.line
    if line.quantity is None:
        raise UnreadableError("a line without a quantity")
    quantity = number(line.quantity) * sign
    if quantity * value < 0:
        quantity = -quantity
    included = tax if one.inclusive else 0
    return Line(
        line_id=line.id or f"{number_}",
        kind=LineKind.ITEM if line.sku else LineKind.CUSTOM_AMOUNT,
        pos_product_id=line.sku or None,
        name=line.name or line.name_override or ("" if line.sku else "Item"),
        sku=line.sku or None,
        category=line.statistic_group or _group(line),
        quantity=quantity,
        unit_price=abs(round_minor(fine(line.menu_list_price, digits))),
        gross=value + discount,
        discount=discount,
        tax=tax,
        tax_included=included,
        net=value - included,
    )


def _group(line: SaleLine) -> str | None:
    return line.accounting_group.name if line.accounting_group is not None else None


def _discounts(sums: Sequence[Sums], off: int, digits: int, sign: int) -> tuple[Discount, ...]:
    """Return the discounts by name; together they are what the lines had taken off."""
    named: dict[str, Decimal] = {}
    for one in sums:
        line = one.line
        own = sign * fine(line.discount_amount, digits)
        shared = one.discount - own
        for name, amount in ((line.discount_name, own), (line.account_discount_name, shared)):
            if amount:
                key = name or "Discount"
                named[key] = named.get(key, Decimal(0)) + amount
    amounts = spread(list(named.values()))
    if sum(amounts) != off:
        return (Discount(name="Discount", amount=off),) if off else ()
    return tuple(
        Discount(name=name, amount=amount)
        for name, amount in zip(named, amounts, strict=True)
        if amount
    )
