"""
How the X-Series writes what it knows: as API 2.0 answers it, and as webhooks bring it.

Source: x-series-api.lightspeedhq.com/reference (Sale, Product, Inventory, Outlet of API 2.0),
.../docs/webhooks_example_payloads (objects of API 1.0: other names, amounts as texts)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from functools import lru_cache

import msgspec

from connectors.simulation.answers import Json
from connectors.simulation.bills import Bill, BillLine, Item, Payment
from connectors.simulation.chance import Chance
from connectors.simulation.config import SimulatedShop

_FIVE = Decimal("0.00001")
_STATUS = {"open": "SAVED", "completed": "CLOSED", "cancelled": "VOIDED"}
_PAYMENTS = {
    "cash": ("1", "Cash"),
    "card": ("3", "Credit Card"),
    "gift_card": ("118", "Gift Card"),
}


@lru_cache(maxsize=200_000)
def uid(*names: object) -> str:
    """Return the id of what these names, the seed first, stand for."""
    return Chance(*names).uuid()


def when(at: datetime) -> str:
    """Write an instant; the API knows whole seconds."""
    return f"{at.astimezone(UTC).replace(microsecond=0).isoformat()}"


class Writer:
    """Writes the bills and goods of one seed."""

    def __init__(self, seed: int, shops: tuple[SimulatedShop, ...]) -> None:
        self._seed, self._shops = seed, shops

    def sale_id(self, place: int, number: int) -> str:
        """Return the id of a bill."""
        return uid(self._seed, "sale", place, number)

    def product_id(self, item: Item | None) -> str:
        """Return the id of an item; all gift cards are one product."""
        return uid(self._seed, "product", item.number if item else "gift card")

    def sale(self, bill: Bill, version: int) -> Json:
        """Return a bill as API 2.0 has it; its price is without tax."""
        shop, name = self._shops[bill.place], self.sale_id(bill.place, bill.number)
        extras = list(_extras(bill))
        price = sum(line.gross - line.discount for line in bill.counted)
        beside = sum((value for _, _, value in extras), Decimal(0))
        return {
            "id": name,
            "outlet_id": shop.location_id,
            "register_id": uid("register", bill.place, bill.register),
            "user_id": uid("user", bill.place, bill.cashier),
            "customer_id": uid("customer", bill.customer) if bill.customer else None,
            "invoice_number": f"{bill.number}",
            "receipt_number": f"{bill.number}",
            "source": "USER",
            "status": _STATUS[bill.status],
            "note": "",
            "return_for": self.sale_id(bill.place, bill.source) if bill.source else None,
            "total_price": _major(price) + beside,
            "total_tax": _major(bill.tax),
            "created_at": when(bill.opened_at),
            "updated_at": when(bill.known_at),
            "sale_date": when(bill.closed_at),
            "deleted_at": None,
            "line_items": [self._line(bill, line) for line in bill.counted],
            "payments": [self._payment(bill, pay) for pay in bill.payments],
            "adjustments": [
                {"type": kind, "name": title, "value": value} for kind, title, value in extras
            ],
            "version": version,
        }

    def _line(self, bill: Bill, line: BillLine) -> Json:
        net, tax = _major(line.gross - line.discount), _major(line.tax)
        return {
            "id": uid(self._seed, "line", bill.place, bill.number, line.number, line.units < 0),
            "product_id": self.product_id(line.item),
            "quantity": line.units,
            "price": _each(net, line.units),
            "price_total": net,
            "tax": _each(tax, line.units),
            "tax_total": tax,
            "discount": _each(_major(line.discount), line.units),
            "discount_total": _major(line.discount),
            "is_return": line.units < 0,
            "status": "CONFIRMED",
            "gift_card_number": f"GC{bill.number:08d}" if line.gift_card else None,
            "tax_components": [{"rate_id": uid("tax", line.tax_kind), "total_tax": abs(tax)}],
        }

    def _payment(self, bill: Bill, pay: Payment) -> Json:
        number, name = _PAYMENTS[pay.method]
        return {
            "id": uid(self._seed, "payment", bill.place, pay.number),
            "register_id": uid("register", bill.place, bill.register),
            "payment_type_id": number,
            "name": name,
            "amount": _major(pay.total),
            "payment_date": when(pay.at),
        }

    def product(self, item: Item, version: int, at: datetime) -> Json:
        """Return an item as API 2.0 has it."""
        name = f"{item.name} / {item.size}" if item.size else item.name
        return {
            "id": self.product_id(item),
            "name": item.name,
            "variant_name": name,
            "handle": item.name.lower().replace(" ", ""),
            "sku": item.sku or f"{10_000 + item.number}",
            "active": True,
            "is_active": True,
            "has_inventory": True,
            "created_at": when(at),
            "updated_at": when(at),
            "deleted_at": None,
            "type": {"id": uid("type", item.category), "name": item.category},
            "price_excluding_tax": _major(item.price),
            "version": version,
        }

    def stock(self, place: int, item: Item, level: Decimal, version: int) -> Json:
        """Return what the outlet has of an item."""
        return {
            "id": uid(self._seed, "stock", place, item.number),
            "product_id": self.product_id(item),
            "outlet_id": self._shops[place].location_id,
            "inventory_level": level,
            "version": version,
        }


def outlet(shop: SimulatedShop) -> Json:
    """Return an outlet."""
    return {
        "id": shop.location_id,
        "name": shop.name,
        "currency": shop.currency,
        "currency_symbol": "$",
        "display_prices": "exclusive",
        "time_zone": shop.timezone,
        "version": 1,
    }


def posted_sale(sale: Json) -> Json:
    """Turn a sale of API 2.0 into the object of a webhook."""
    lines, payments = _objects(sale["line_items"]), _objects(sale["payments"])
    left = {"line_items", "payments", "total_price", "total_tax"}
    amounts = ("price", "price_total", "tax", "tax_total", "discount")
    return {
        **{name: value for name, value in sale.items() if name not in left},
        "created_at": str(sale["created_at"]).replace("T", " ").removesuffix("+00:00"),
        "totals": {name: f"{sale[name]:.5f}" for name in ("total_price", "total_tax")},
        "register_sale_products": [
            {**line, **{name: f"{line[name]:.5f}" for name in amounts}} for line in lines
        ],
        "register_sale_payments": [
            {
                "id": pay["id"],
                "amount": pay["amount"],
                "payment_type_id": int(str(pay["payment_type_id"])),
                "retailer_payment_type": {"name": pay["name"]},
            }
            for pay in payments
        ],
    }


def _objects(value: object) -> list[Json]:
    return msgspec.convert(value, list[Json])


def posted_stock(stock: Json) -> Json:
    """Turn stock of API 2.0 into the object of a webhook."""
    told = {name: value for name, value in stock.items() if name != "inventory_level"}
    return {**told, "count": f"{stock['inventory_level']:.5f}"}


def _extras(bill: Bill) -> Iterator[tuple[str, str, Decimal]]:
    for kind, name, minor in (
        ("NON_CASH_FEE", "Service Fee", bill.service_charge),
        ("TIP", "Tip", bill.tip + bill.gratuity),
    ):
        if minor:
            yield kind, name, _major(minor)


def _major(minor: int) -> Decimal:
    """Write minor units as dollars; all stores here have two decimals."""
    return Decimal(minor).scaleb(-2)


def _each(amount: Decimal, units: Decimal) -> Decimal:
    """Return an amount of one unit, at the five decimals that the X-Series keeps."""
    with localcontext() as context:
        return context.divide(amount, units).quantize(_FIVE)
