"""
The selections of a check, reduced to whole minor units and checked against each other.

Source: doc.toasttab.com/openapi/orders (Selection, AppliedDiscount) and the platform guide's
"Calculating net sales using the orders API"
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from connectors.toast.amounts import fine_minor, minor, nearly_minor
from connectors.toast.wire import AppliedDiscount, AppliedTax, Selection
from connectors.troubles import UnbalancedError
from schemas.money import allocate

# A discount taken off again stays listed, in the first state until the loyalty programme knows.
_GONE = frozenset({"VOID", "PENDING_VOID"})

_STORED_VALUE = frozenset(
    {"TOAST_CARD_SELL", "TOAST_CARD_RELOAD", "HOUSE_ACCOUNT_PAY_BALANCE"},
)
_GIFT_CARD = "Gift Card"


class Item(NamedTuple):
    """
    One selection that was sold.

    Args:
        before: its price before discounts, without tax.
        own: its own discounts; `own_full` with what they take off a tax inside the price.
        price: what all discounts leave, also those of the whole check; None if not said.
        inclusive: its tax is inside the printed price.
    """

    selection: Selection
    before: int
    own: int
    own_full: int
    price: int | None
    inclusive: bool
    stored_value: bool


def live(discounts: Sequence[AppliedDiscount] | None) -> list[AppliedDiscount]:
    """Return the discounts that were not taken off again."""
    return [one for one in discounts or () if one.processing_state not in _GONE]


def taken_off(discount: AppliedDiscount, digits: int) -> int:
    """Return what a discount takes off the price, leaving tax aside."""
    amount = discount.non_tax_discount_amount
    return minor(discount.discount_amount if amount is None else amount, digits)


def taken_off_in_all(discount: AppliedDiscount, digits: int) -> int:
    """Return what a discount takes off price and included tax together."""
    amount = discount.discount_amount
    return minor(discount.non_tax_discount_amount if amount is None else amount, digits)


def is_stored_value(selection: Selection) -> bool:
    """Say whether it is money kept for later: a gift card, a payment into a house account."""
    return (
        bool(selection.deferred)
        or selection.selection_type in _STORED_VALUE
        or (selection.item is None and selection.display_name == _GIFT_CARD)
    )


def items_of(selections: Sequence[Selection], digits: int) -> list[Item]:
    """Return what was sold; voided lines and notes to the kitchen are left out."""
    return [_item(one, digits) for one in selections if not one.voided and not _is_note(one)]


def _is_note(selection: Selection) -> bool:
    """Say whether it is a special request that costs nothing."""
    return selection.selection_type == "SPECIAL_REQUEST" and not (
        selection.price or selection.pre_discount_price
    )


def _item(selection: Selection, digits: int) -> Item:
    discounts = live(selection.applied_discounts)
    own = sum(taken_off(one, digits) for one in discounts)
    inclusive = selection.tax_inclusion == "INCLUDED"
    own_full = sum(taken_off_in_all(one, digits) for one in discounts) if inclusive else own
    price = None if selection.price is None else minor(selection.price, digits)
    if selection.pre_discount_price is None:
        before = (price or 0) + own
    else:
        before = minor(selection.pre_discount_price, digits)
    return Item(selection, before, own, own_full, price, inclusive, is_stored_value(selection))


def with_modifiers(item: Item, digits: int) -> Item:
    """Return the item with its modifiers' prices added, for tills that keep them apart."""
    before, own, own_full = item.before, item.own, item.own_full
    price = item.price
    for one in modifiers_of(item.selection):
        part = _item(one, digits)
        before += part.before
        own += part.own
        own_full += part.own_full if item.inclusive else part.own
        if price is not None:
            price += part.before - part.own if part.price is None else part.price
    return item._replace(before=before, own=own, own_full=own_full, price=price)


def printed(item: Item, digits: int) -> int:
    """Return what item and modifiers cost before discounts, as the guest sees it: with tax."""
    told = (item.selection, *modifiers_of(item.selection))
    return sum(
        nearly_minor((one.receipt_line_price or 0) * one.quantity, digits) for one in told
    )


def modifiers_of(selection: Selection) -> Iterator[Selection]:
    """Yield the modifiers that were not voided, and theirs."""
    for one in selection.modifiers or ():
        if not one.voided:
            yield one
            yield from modifiers_of(one)


def shares_of_check(items: Sequence[Item], off: int) -> list[int]:
    """
    Return what each item bears of the discounts of the whole check.

    Toast says it: the difference between price before discounts, own discounts, and price. Only
    where prices do not know of the check's discount is it spread in proportion to them.

    Raises:
        UnbalancedError: the prices contradict the discounts.
    """
    borne = [0 if one.price is None else one.before - one.own - one.price for one in items]
    if sum(borne) == off:
        return borne
    if not any(borne):
        weights = [0 if one.stored_value else max(one.before - one.own, 0) for one in items]
        if sum(weights):
            return allocate(off, weights)
    raise UnbalancedError("check discounts", sum(borne), off)


def tax_shares(
    taxes: Sequence[AppliedTax], whole: int, digits: int
) -> list[tuple[AppliedTax, int]]:
    """
    Split a tax over the rates that made it; Toast gives the pieces with more decimals at times.

    Raises:
        UnbalancedError: the pieces do not make the tax, rounding aside.
    """
    if not taxes:
        return [(AppliedTax(), whole)] if whole else []
    exact = [fine_minor(one.tax_amount, digits) for one in taxes]
    pieces = [int(one) for one in exact]
    if sum(pieces) != whole or any(
        piece != one for piece, one in zip(pieces, exact, strict=True)
    ):
        apart = sum(exact, start=Decimal(-whole))
        if abs(apart) >= len(exact):
            raise UnbalancedError("taxes of a line", whole + int(apart), whole)
        weights = [int(abs(one) * 10**6) for one in exact]
        pieces = allocate(whole, weights)
    return list(zip(taxes, pieces, strict=True))
