"""
Canonical lines out of selections.

Source: doc.toasttab.com/openapi/orders/tag/Data-definitions/schema/Selection
"""

from __future__ import annotations

from connectors.toast.amounts import minor, nearly_minor, number
from connectors.toast.items import Item
from connectors.toast.wire import Selection
from schemas.quantity import EACH
from schemas.transaction import Line, LineKind, Modifier

_NAMELESS = {
    LineKind.ITEM: "Item",
    LineKind.CUSTOM_AMOUNT: "Custom amount",
    LineKind.GIFT_CARD: "Gift card",
}


def line_of(item: Item, share: int, tax_off: int, tax: int, digits: int) -> Line:
    """
    Make the line of one item.

    A price that includes tax is as printed: with the tax, and with what discounts took off it.

    Args:
        share: what the item bears of the check's discounts; `tax_off` of that, off its tax.
        tax: all tax of the item.
    """
    selection = item.selection
    discount = item.own_full + share + tax_off
    included = tax if item.inclusive else 0
    net = item.before - item.own - share
    kind = _kind(item)
    return Line(
        line_id=selection.guid,
        kind=kind,
        pos_product_id=selection.item.guid if selection.item else None,
        name=selection.display_name or _nameless(selection, kind),
        sku=selection.plu or None,
        quantity=number(selection.quantity),
        unit=unit_of(selection.unit_of_measure),
        unit_price=abs(nearly_minor(selection.receipt_line_price, digits)),
        gross=net + discount + included,
        discount=discount,
        tax=tax,
        tax_included=included,
        net=net,
        modifiers=tuple(
            _modifier(one, digits) for one in selection.modifiers or () if not one.voided
        ),
    )


def unit_of(measure: str | None) -> str:
    """Return the unit's symbol; pieces where nothing is measured."""
    if not measure or measure == "NONE":
        return EACH
    return measure.lower().replace("_", " ")[:16]


def _kind(item: Item) -> LineKind:
    if item.stored_value:
        return LineKind.GIFT_CARD
    if item.selection.item is None or item.selection.item.guid is None:
        return LineKind.CUSTOM_AMOUNT
    return LineKind.ITEM


def _nameless(selection: Selection, kind: LineKind) -> str:
    """Return what stands for a missing name: nothing where the menus have it."""
    return "" if selection.item and kind is LineKind.ITEM else _NAMELESS[kind]


def _modifier(one: Selection, digits: int) -> Modifier:
    told = one.receipt_line_price
    amount = minor(one.price, digits) if told is None else nearly_minor(told, digits)
    return Modifier(
        name=one.display_name or "Modifier",
        amount=amount,
        quantity=number(one.quantity),
        pos_modifier_id=one.item.guid if one.item else None,
    )
