"""
One line of an order in the canonical language.

Square's own arithmetic, which every line must obey: variation_total_price = base price x
quantity; total = variation total + modifiers - discount + additive tax + apportioned service
charges. Inclusive tax is inside the prices. `gross_sales_money` is not used where there is
better: in some countries it has the inclusive tax taken out, and ours never has.

Source: developer.squareup.com/reference/square/objects/OrderLineItem, .../OrderReturnLineItem
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from decimal import Decimal

from connectors.square.names import product_name
from connectors.square.units import sold_quantity, unit_of
from connectors.square.wire import AppliedMoney, AppliedTax, LineItem, ModifierItem, Money
from connectors.troubles import UnbalancedError, must_equal
from schemas.money import round_minor
from schemas.transaction import Line, LineKind, Modifier

_KINDS = {
    "ITEM": LineKind.ITEM,
    "CUSTOM_AMOUNT": LineKind.CUSTOM_AMOUNT,
    "GIFT_CARD": LineKind.GIFT_CARD,
}
_NAMELESS = {
    LineKind.ITEM: "Item",
    LineKind.CUSTOM_AMOUNT: "Custom amount",
    LineKind.GIFT_CARD: "Gift card",
}
_ONE = Decimal(1)


def _name(item: LineItem, kind: LineKind) -> str:
    """Return what the bill calls it; nothing where only the catalogue says it."""
    told = item.name or item.variation_name
    if not told and item.catalog_object_id and kind is LineKind.ITEM:
        return ""
    return product_name(item.name or _NAMELESS[kind], item.variation_name)


def minor(money: Money | None) -> int:
    """Return the amount; nothing said is nothing."""
    return 0 if money is None else money.amount


def line_of(item: LineItem, number: int, inclusive: AbstractSet[str], sign: int) -> Line:
    """
    Return a line; `sign` -1 for goods that come back.

    Args:
        number: its place in the bill, its id where Square gives none.
        inclusive: the uids of the taxes that are inside the prices.

    Raises:
        BodyError: the quantity is no number, or its amounts contradict each other.
    """
    quantity = sold_quantity(item.quantity)
    given = item.modifiers or item.return_modifiers
    modifiers = tuple([_modifier(one, quantity) for one in given]) if given else ()
    discount = _discount(item)
    tax, apportioned = minor(item.total_tax_money), minor(item.total_service_charge_money)
    gross = _priced(item, quantity) + (_modified(given, quantity) if given else 0)
    included = 0
    if tax or item.applied_taxes:
        before_tax = gross - discount + apportioned
        tax, included = _taxes(item, tax, before_tax, inclusive)
    if item.total_money is not None:
        due = gross - discount + tax - included + apportioned
        must_equal("line total_money", due, item.total_money.amount)
    kind = _KINDS.get(item.item_type or "", LineKind.ITEM)
    return Line(
        line_id=item.uid or f"{number}",
        kind=kind,
        pos_product_id=item.catalog_object_id or None,
        name=_name(item, kind),
        quantity=quantity if sign > 0 else -quantity,
        unit=unit_of(item.quantity_unit),
        unit_price=abs(minor(item.base_price_money)),
        gross=sign * gross,
        discount=sign * discount,
        tax=sign * tax,
        tax_included=sign * included,
        net=sign * (gross - discount - included),
        modifiers=modifiers,
    )


def _priced(item: LineItem, quantity: Decimal) -> int:
    """Return unit price x quantity, without modifiers."""
    base, whole = item.base_price_money, item.variation_total_price_money
    if base is None:
        return minor(whole or item.gross_sales_money or item.gross_return_money)
    exact = base.amount * quantity
    if whole is None:
        return round_minor(exact)
    # Rounding is Square's own; anything beyond it is a contradiction.
    if exact != whole.amount and abs(exact - whole.amount) >= 1:
        raise UnbalancedError(
            "line variation_total_price_money", round_minor(exact), whole.amount
        )
    return whole.amount


def _modified(modifiers: list[ModifierItem], quantity: Decimal) -> int:
    """Return what the modifiers add to the whole line."""
    return sum(
        minor(one.total_price_money)
        if one.total_price_money is not None
        else round_minor(minor(one.base_price_money) * _times(one) * quantity)
        for one in modifiers
    )


def _modifier(one: ModifierItem, quantity: Decimal) -> Modifier:
    times = _times(one)
    if one.base_price_money is not None:
        amount = round_minor(one.base_price_money.amount * times)
    else:
        amount = round_minor(minor(one.total_price_money) / quantity) if quantity else 0
    return Modifier(
        name=one.name or "Modifier",
        amount=amount,
        quantity=times,
        pos_modifier_id=one.catalog_object_id or None,
    )


def _times(one: ModifierItem) -> Decimal:
    return _ONE if one.quantity is None else sold_quantity(one.quantity)


def _discount(item: LineItem) -> int:
    total = item.total_discount_money
    if not item.applied_discounts:
        return 0 if total is None else total.amount
    applied = _applied(item.applied_discounts)
    if total is None:
        return applied or 0
    if applied is not None:
        must_equal("line discounts", applied, total.amount)
    return total.amount


def _applied(shares: Iterable[AppliedTax | AppliedMoney]) -> int | None:
    """Return what the shares make; None where not all of them say."""
    whole = 0
    for share in shares:
        if share.applied_money is None:
            return None
        whole += share.applied_money.amount
    return whole


def _taxes(
    item: LineItem, tax: int, before_tax: int, inclusive: AbstractSet[str]
) -> tuple[int, int]:
    """Return all tax of a line, and what of it is inside its price."""
    shares = item.applied_taxes
    applied = _applied(shares) if shares else None
    if applied is not None:
        if item.total_tax_money is not None:
            must_equal("line taxes", applied, tax)
        return applied, included_in(shares, inclusive) if inclusive else 0
    # No shares told: the line's total says whether its tax is inside or on top.
    if item.total_money is not None and item.total_money.amount == before_tax:
        return tax, tax
    return tax, 0


def included_in(shares: list[AppliedTax] | None, inclusive: AbstractSet[str]) -> int:
    """Return how much of these taxes is inside the price."""
    return sum(minor(one.applied_money) for one in shares or () if one.tax_uid in inclusive)
