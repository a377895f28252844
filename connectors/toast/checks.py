"""
A check as the bill it makes, checked against its own totals.

Source: doc.toasttab.com/openapi/orders (Check, AppliedServiceCharge) and the platform guide's
"Calculating net sales using the orders API"
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from connectors.toast.amounts import minor
from connectors.toast.charges import Charges, charges_of, charges_taxed
from connectors.toast.items import (
    Item,
    items_of,
    live,
    modifiers_of,
    printed,
    shares_of_check,
    taken_off,
    taken_off_in_all,
    tax_shares,
    with_modifiers,
)
from connectors.toast.lines import line_of
from connectors.toast.taxes import Taxes
from connectors.toast.wire import AppliedTax, Check
from connectors.troubles import UnbalancedError, must_equal
from schemas.money import allocate
from schemas.transaction import Discount, Line, ServiceCharge, Tax


class Bill(NamedTuple):
    """
    What a check sold, in minor units, without its payments.

    Args:
        gratuity: mandatory tips among the service charges.
        due: what has to be paid, gratuity included, without given tips.
        gratuity_apart: the check's own total leaves the gratuity out.
    """

    lines: tuple[Line, ...]
    discounts: tuple[Discount, ...]
    taxes: tuple[Tax, ...]
    fees: tuple[ServiceCharge, ...]
    gratuity: int
    rounding: int
    due: int
    gratuity_apart: bool


EMPTY = Bill((), (), (), (), 0, 0, 0, gratuity_apart=False)


def bill_of(check: Check, digits: int) -> Bill:
    """
    Return what a check makes.

    Raises:
        UnreadableError: an amount is not one of its currency.
        UnbalancedError: its numbers contradict each other; names which, and by how much.
    """
    charges = charges_of(check.applied_service_charges or (), digits)
    discounts = live(check.applied_discounts)
    off = sum(taken_off(one, digits) for one in discounts)
    items = _items(check, charges, off, digits)
    shares = shares_of_check(items, off)
    taxes, charges = _taxed(check, items, charges, digits)
    more_off = sum(taken_off_in_all(one, digits) for one in discounts) - off
    line_taxes = [sum(tax for _, tax in mine) for mine in taxes]
    tax_off = _off_tax(more_off, items, shares, line_taxes, digits)
    lines = tuple(
        line_of(item, share, extra, tax, digits)
        for item, share, extra, tax in zip(items, shares, tax_off, line_taxes, strict=True)
    )
    told = Taxes()
    for item, mine in zip(items, taxes, strict=True):
        told.add(mine, included=item.inclusive)
    for charge in charges.taxed:
        told.add(charge, included=False)
    due, apart = _due(check, lines, charges, told.amount)
    return Bill(
        lines=lines,
        discounts=_discounts(check, items, digits, in_all=sum(tax_off) == more_off),
        taxes=told.taxes(),
        fees=charges.fees(),
        gratuity=charges.gratuity,
        rounding=charges.rounding,
        due=due,
        gratuity_apart=apart,
    )


def _items(check: Check, charges: Charges, off: int, digits: int) -> list[Item]:
    """
    Return the items with prices that make the check's amount.

    A price has its modifiers' in it; where only the sum with them makes the check's amount, it
    had not. Whether the amount has gratuity, rounding and refunds in it, Toast does not say in
    one voice, so each way is good.
    """
    items = items_of(check.selections or (), digits)
    if check.amount is None:
        return items
    amount = minor(check.amount, digits)
    apart = charges.service_charge - off
    if _sold(items) + apart not in _allowed(check, charges, amount, digits):
        fuller = [with_modifiers(item, digits) for item in items]
        if _sold(fuller) + apart not in _allowed(check, charges, amount, digits):
            raise UnbalancedError("check amount", _sold(items) + apart, amount)
        return fuller
    return items


def _sold(items: Sequence[Item]) -> int:
    return sum(item.before - item.own for item in items)


def _allowed(check: Check, charges: Charges, amount: int, digits: int) -> set[int]:
    """Return what items, discounts and service charges may make for this check amount."""
    told = [
        *(one.refund_details for one in check.selections or ()),
        *(one.refund_details for one in check.applied_service_charges or ()),
    ]
    back = sum(minor(one.refund_amount, digits) for one in told if one is not None)
    return {
        amount - gratuity - rounding + refunded
        for gratuity in {0, charges.gratuity}
        for rounding in {0, charges.rounding}
        for refunded in {0, back}
    }


TaxPieces = list[tuple[AppliedTax, int]]


def _taxed(
    check: Check, items: Sequence[Item], charges: Charges, digits: int
) -> tuple[list[TaxPieces], Charges]:
    """
    Return the taxes of each item, and the charges with theirs.

    Raises:
        UnbalancedError: they do not make the check's tax.
    """
    plain = [minor(item.selection.tax, digits) for item in items]
    applied = [item.selection.applied_taxes or () for item in items]
    if check.tax_amount is None:
        whole = sum(plain) + sum(charges.taxes)
    else:
        whole = minor(check.tax_amount, digits)
    charges = charges_taxed(charges, whole - sum(plain))
    if sum(plain) + sum(charges.taxes) != whole:
        fuller = [
            tax + sum(minor(one.tax, digits) for one in modifiers_of(item.selection))
            for tax, item in zip(plain, items, strict=True)
        ]
        must_equal("check tax", sum(fuller) + sum(charges.taxes), whole)
        plain = fuller
        applied = [
            tuple(
                chain(
                    item.selection.applied_taxes or (),
                    *(one.applied_taxes or () for one in modifiers_of(item.selection)),
                )
            )
            for item in items
        ]
    shares = [tax_shares(mine, tax, digits) for mine, tax in zip(applied, plain, strict=True)]
    return shares, charges


def _off_tax(
    off: int, items: Sequence[Item], shares: Sequence[int], taxes: Sequence[int], digits: int
) -> list[int]:
    """
    Return what the check's discounts take off the included tax of each item.

    Toast says only how much it is in all. A printed price less all that is known of the item
    leaves it; where those do not make `off`, it is spread over the items that have such a tax.

    Source: doc.toasttab.com/openapi/orders (Selection.receiptLinePrice: the tax is in it)
    """
    left = [
        printed(item, digits) - (item.before - item.own + item.own_full + tax)
        if item.inclusive and share
        else 0
        for item, share, tax in zip(items, shares, taxes, strict=True)
    ]
    if sum(left) == off and min(left, default=0) >= 0:
        return left
    weights = [
        share if item.inclusive else 0 for item, share in zip(items, shares, strict=True)
    ]
    if not off or not sum(weights):
        return [0] * len(items)
    return allocate(off, weights)


def _due(check: Check, lines: Sequence[Line], charges: Charges, tax: int) -> tuple[int, bool]:
    """
    Return what has to be paid, and whether the check's total leaves the gratuity out.

    Raises:
        UnbalancedError: the parts do not make the check's total.
    """
    made = (
        sum(line.gross - line.discount - line.tax_included for line in lines)
        + tax
        + charges.service_charge
        + charges.rounding
    )
    full = made + charges.gratuity
    if check.total_amount is None:
        return full, False
    total = minor(check.total_amount, charges.digits)
    if total == made != full:
        return full, True
    must_equal("check totalAmount", full, total)
    return full, False


def _discounts(
    check: Check,
    items: Sequence[Item],
    digits: int,
    *,
    in_all: bool,
) -> tuple[Discount, ...]:
    """Return the discounts by name, in the order in which they were first met."""
    named: dict[str, int] = {}
    for item in items:
        amount_of = taken_off_in_all if item.inclusive else taken_off
        for one in live(item.selection.applied_discounts):
            name = one.name or "Discount"
            named[name] = named.get(name, 0) + amount_of(one, digits)
    amount_of = taken_off_in_all if in_all else taken_off
    for one in live(check.applied_discounts):
        name = one.name or "Discount"
        named[name] = named.get(name, 0) + amount_of(one, digits)
    return tuple(Discount(name=name, amount=off) for name, off in named.items() if off)
