"""
Orders of the R-Series as purchase orders.

What the lines cost is in the shop's currency, after discounts (`price`); a line has no row of
its own in the order's time of change, so the newest of both is the order's version. Which
fields the values of custom fields have on orders no document shows; on items they are
`customFieldID`, `name` and `value`, an object where it is a choice of several.

Source: developers.lightspeedhq.com/retail/endpoints/Order, .../OrderLine, .../CustomField
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from connectors.amounts import exact_minor, quantity, rounded
from connectors.contract import Shop
from connectors.instants import microseconds
from connectors.lightspeed_r.amounts import flag, identity, instant, text
from connectors.lightspeed_r.wire import (
    CUSTOM_VALUE,
    CUSTOM_VALUES,
    ORDER_LINE,
    ORDER_LINES,
    Order,
    OrderLine,
    related,
    rows,
)
from connectors.troubles import NoCurrencyError, UnreadableError
from schemas.money import exponent
from schemas.purchasing import CustomField, OrderedLine, OrderKind, OrderStatus, PurchaseOrder
from schemas.quantity import plain


def orders_of(orders: Iterable[Order], shop: Shop) -> tuple[PurchaseOrder, ...]:
    """
    Return the orders of this shop.

    Raises:
        NoCurrencyError: the account does not say in which currency costs are.
        UnreadableError: an order without id or time, or a line without product.
    """
    here = [one for one in orders if shop.location_id in {"", text(one.shopID)}]
    return tuple([_order(one, shop) for one in here])


def lines_in(order: Order) -> list[OrderLine]:
    """Return the lines that came with an order."""
    return rows(related(order.OrderLines).order_line, ORDER_LINE, ORDER_LINES)


def _order(order: Order, shop: Shop) -> PurchaseOrder:
    if not shop.currency:
        raise NoCurrencyError
    order_id, told = identity(order.orderID), lines_in(order)
    times = [instant(at) for at in (order.timeStamp, *(line.timeStamp for line in told))]
    changed_at = max((at for at in times if at is not None), default=None)
    if order_id is None or changed_at is None:
        raise UnreadableError("an order without orderID or time")
    digits = exponent(shop.currency)
    lines = tuple([_line(line, digits) for line in told])
    ordered, received = instant(order.orderedDate), instant(order.receivedDate)
    costs = [line.quantity * line.unit_cost for line in lines if line.unit_cost is not None]
    return PurchaseOrder(
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        order_id=order_id,
        version=microseconds(changed_at),
        kind=OrderKind.SUPPLIER,
        status=_status(order, ordered, received),
        vendor_id=identity(order.vendorID),
        vendor_name=(text(order.Vendor.name) or None) if order.Vendor is not None else None,
        location_id=identity(order.shopID),
        reference=text(order.refNum) or None,
        ordered_at=ordered,
        expected_at=instant(order.arrivalDate),
        received_at=received,
        changed_at=changed_at,
        currency=shop.currency,
        goods_total=rounded(sum(costs, Decimal(0))) if len(costs) == len(lines) else None,
        lines=lines,
        custom_fields=_custom_fields(order),
    )


def _status(order: Order, ordered: datetime | None, received: datetime | None) -> OrderStatus:
    """An archived order was deleted, unless it had been finished."""
    if flag(order.complete):
        return OrderStatus.CLOSED
    if flag(order.archived):
        return OrderStatus.CANCELLED
    if received is not None:
        return OrderStatus.RECEIVED
    return OrderStatus.OPEN if ordered is None else OrderStatus.SENT


def _line(line: OrderLine, digits: int) -> OrderedLine:
    item_id = identity(line.itemID)
    if item_id is None:
        raise UnreadableError("a line of an order without itemID")
    said = text(line.price)
    return OrderedLine(
        line_id=text(line.orderLineID),
        pos_product_id=item_id,
        quantity=quantity(line.quantity, "quantity"),
        received=quantity(line.numReceived, "numReceived"),
        unit_cost=plain(exact_minor(line.price, digits, "price")) if said else None,
    )


def _custom_fields(order: Order) -> tuple[CustomField, ...]:
    found = rows(
        related(order.CustomFieldValues).custom_field_value, CUSTOM_VALUE, CUSTOM_VALUES
    )
    fields = [
        CustomField(
            field_id=text(one.customFieldID), name=text(one.name), value=_value(one.value)
        )
        for one in found
        if not flag(one.deleted)
    ]
    return tuple(sorted(fields, key=lambda one: (one.field_id, one.value)))


def _value(given: object) -> str:
    """Return a value as text; of a choice its name."""
    if isinstance(given, dict):
        return text(given.get("name")) or text(given.get("value"))
    return text(given)
