"""
Consignments of the X-Series as purchase orders and transfers.

One body holds the answers to three questions, as they came: the consignment, its products and
its supplier. What is received moves no stock here: the X-Series counts it into the outlet's
inventory, which it says itself.

Source: x-series-api.lightspeedhq.com/reference (Consignment, ConsignmentProduct, Supplier),
.../docs/inventory_creating_stock_orders (the ways of SUPPLIER, OUTLET and RETURN)
"""

from __future__ import annotations

from decimal import Decimal

from connectors.amounts import exact_minor, quantity, rounded
from connectors.contract import Ignored, Outcome, Parts, Shop
from connectors.lightspeed_x.amounts import identity, instant, text, version
from connectors.lightspeed_x.wire import Consigned, Consignment, ConsignmentProduct
from connectors.troubles import NoCurrencyError, UnreadableError
from schemas.money import exponent
from schemas.purchasing import OrderedLine, OrderKind, OrderStatus, PurchaseOrder
from schemas.quantity import plain

_KINDS = {
    "SUPPLIER": OrderKind.SUPPLIER,
    "OUTLET": OrderKind.TRANSFER,
    "RETURN": OrderKind.SUPPLIER_RETURN,
}
_STATUS = {
    "OPEN": OrderStatus.OPEN,
    "SENT": OrderStatus.SENT,
    "DISPATCHED": OrderStatus.SENT,
    "RECEIVED": OrderStatus.RECEIVED,
    "CLOSED": OrderStatus.CLOSED,
    "CANCELLED": OrderStatus.CANCELLED,
}


def read_consigned(told: Consigned, shop: Shop) -> Outcome:
    """
    Say what a consignment and its products mean to an outlet, as either end of it.

    Raises:
        NoCurrencyError: the account does not say in which currency costs are.
        UnreadableError: a consignment without id, or one that stands as none that we know.
    """
    given = told.consignment
    ends = {identity(given.outlet_id), identity(given.source_outlet_id)}
    if shop.location_id and shop.location_id not in ends:
        return Ignored("goods that move between other outlets")
    kind = _KINDS.get(text(given.type))
    if kind is None:
        return Ignored("a stocktake: what it counts, stock says")
    return Parts(orders=(_order(told, given, kind, shop),))


def _order(told: Consigned, given: Consignment, kind: OrderKind, shop: Shop) -> PurchaseOrder:
    if not shop.currency:
        raise NoCurrencyError
    order_id, status = identity(given.id), _STATUS.get(text(given.status))
    if order_id is None or status is None:
        raise UnreadableError("a consignment without id, or of an unknown status")
    here = [one for one in told.products if not text(one.deleted_at)]
    digits = exponent(shop.currency)
    lines = tuple([_line(one, digits) for one in here])
    costs = [line.quantity * line.unit_cost for line in lines if line.unit_cost is not None]
    supplier = told.supplier
    return PurchaseOrder(
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        order_id=order_id,
        version=max(map(version, (given.version, *(one.version for one in told.products)))),
        kind=kind,
        status=OrderStatus.CANCELLED if text(given.deleted_at) else status,
        vendor_id=identity(given.supplier_id),
        vendor_name=(text(supplier.name) or None) if supplier is not None else None,
        location_id=identity(given.outlet_id),
        source_location_id=identity(given.source_outlet_id),
        reference=text(given.reference) or text(given.name) or None,
        expected_at=instant(given.due_at),
        received_at=instant(given.received_at),
        changed_at=instant(given.updated_at),
        currency=shop.currency,
        goods_total=rounded(sum(costs, Decimal(0))) if len(costs) == len(lines) else None,
        lines=lines,
    )


def _line(given: ConsignmentProduct, digits: int) -> OrderedLine:
    product_id = identity(given.product_id)
    if product_id is None:
        raise UnreadableError("a line of a consignment without product")
    cost = None if given.cost is None else exact_minor(given.cost, digits, "cost")
    return OrderedLine(
        line_id=product_id,
        pos_product_id=product_id,
        quantity=quantity(given.count, "count"),
        received=quantity(given.received, "received"),
        unit_cost=None if cost is None else plain(cost),
    )
