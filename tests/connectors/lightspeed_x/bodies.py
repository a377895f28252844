"""Bodies of the X-Series in its three shapes, for an invented clothes shop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from urllib.parse import urlencode

from connectors.contract import Outcome, Shop
from connectors.lightspeed_x.connector import LightspeedXConnector
from schemas.transaction import Transaction
from tests.connectors import golden

XSERIES = LightspeedXConnector()
SHOP = golden.home_of("lightspeed-x")
Json = dict[str, object]


class Exact(json.JSONEncoder):
    """Writes Decimals as numbers; those of the bodies here have few digits."""

    def default(self, o: object) -> object:
        return float(o) if isinstance(o, Decimal) else super().default(o)


def line(
    number: str,
    product: str,
    price: str,
    quantity: str = "1",
    tax: str = "0",
    discount: str = "0",
    /,
    **more: object,
) -> Json:
    """Make a line of API 2.0; `price`, `tax` and `discount` are of one unit."""
    many = Decimal(quantity)
    return {
        "id": number,
        "product_id": product,
        "quantity": Decimal(quantity),
        "price": Decimal(price),
        "price_total": Decimal(price) * many,
        "tax": Decimal(tax),
        "tax_total": Decimal(tax) * many,
        "discount": Decimal(discount),
        "discount_total": Decimal(discount) * many,
        "is_return": many < 0,
        "status": "CONFIRMED",
        "gift_card_number": None,
        **more,
    }


def payment(number: str, amount: str, kind: int = 1, name: str = "Cash") -> Json:
    return {
        "id": number,
        "register_id": "register-1",
        "payment_type_id": str(kind),
        "name": name,
        "amount": Decimal(amount),
        "payment_date": "2026-05-04T01:30:00+00:00",
    }


def sale(
    number: str,
    lines: Sequence[Json],
    payments: Sequence[Json],
    price: str,
    tax: str,
    /,
    **more: object,
) -> Json:
    """Make a closed sale of API 2.0; `price` is without tax."""
    return {
        "id": number,
        "outlet_id": "outlet-1",
        "register_id": "register-1",
        "user_id": "user-1",
        "customer_id": None,
        "invoice_number": f"NZ-{number}",
        "receipt_number": f"NZ-{number}",
        "source": "USER",
        "status": "CLOSED",
        "return_for": None,
        "total_price": Decimal(price),
        "total_tax": Decimal(tax),
        "created_at": "2026-05-04T01:00:00+00:00",
        "updated_at": "2026-05-04T01:30:05+00:00",
        "sale_date": "2026-05-04T01:30:00+00:00",
        "deleted_at": None,
        "line_items": list(lines),
        "payments": list(payments),
        "adjustments": [],
        "version": 1001,
        **more,
    }


def answer(*sales: Json) -> Json:
    return {"data": list(sales), "version": {"min": 1, "max": 2}}


def as_webhook(one: Json) -> Json:
    """Turn a sale of API 2.0 into the object that a webhook has: other names, and texts."""
    lines, payments = one["line_items"], one["payments"]
    assert isinstance(lines, list)
    assert isinstance(payments, list)
    told = {
        name: one[name]
        for name in one
        if name not in {"line_items", "payments", "total_price", "total_tax", "adjustments"}
    }
    return {
        **told,
        "created_at": str(one["created_at"]).replace("T", " ").removesuffix("+00:00"),
        "totals": {
            "total_price": f"{one['total_price']:.5f}",
            "total_tax": f"{one['total_tax']:.5f}",
        },
        "register_sale_products": [
            {
                **item,
                **{
                    name: f"{item[name]:.5f}"
                    for name in ("price", "price_total", "tax", "tax_total", "discount")
                },
            }
            for item in lines
        ],
        "register_sale_payments": [
            {
                "id": item["id"],
                "amount": item["amount"],
                "payment_type_id": int(item["payment_type_id"]),
                "retailer_payment_type": {"name": item["name"]},
            }
            for item in payments
        ],
    }


def _dated_line(item: Json) -> Json:
    return {
        "id": item["id"],
        "product": {"id": item["product_id"]},
        "quantity": item["quantity"],
        "pricing": {
            "price": item["price"],
            "discount": item["discount"],
            "total": item["price_total"],
        },
        "tax": {"amount": item["tax"], "total": item["tax_total"]},
    }


def as_dated(one: Json) -> Json:
    """Turn a sale of API 2.0 into that of a version by date: nested."""
    lines, payments = one["line_items"], one["payments"]
    assert isinstance(lines, list)
    assert isinstance(payments, list)
    return {
        "id": one["id"],
        "state": {"CLOSED": "closed", "SAVED": "parked"}[str(one["status"])],
        "attributes": [],
        "receipt_number": one["receipt_number"],
        "invoice_number": one["invoice_number"],
        "customer_id": one["customer_id"],
        "created_at": one["created_at"],
        "updated_at": one["updated_at"],
        "date": one["sale_date"],
        "return": {"is_return": False, "original_sale_id": one["return_for"]},
        "source": {
            "outlet_id": one["outlet_id"],
            "register_id": one["register_id"],
            "author": {"id": one["user_id"]},
        },
        "totals": {"price": one["total_price"], "tax": one["total_tax"], "surcharge": 0},
        "line_items": [_dated_line(item) for item in lines],
        "payments": [
            {
                "id": item["id"],
                "amount": item["amount"],
                "type": {"id": item["payment_type_id"], "name": item["name"]},
            }
            for item in payments
        ],
        "_metadata": {"version": one["version"]},
    }


def encoded(body: object) -> bytes:
    return json.dumps(body, cls=Exact).encode()


def form(body: object, kind: str = "sale.update", **more: str) -> bytes:
    """Make what Lightspeed posts."""
    fields = {
        "payload": encoded(body).decode(),
        "type": kind,
        "domain_prefix": "tepapa",
        **more,
    }
    return urlencode({**fields, **more}).encode()


def read(body: object, shop: Shop = SHOP) -> Outcome:
    return golden.read(XSERIES, body if isinstance(body, bytes) else encoded(body), shop)


def made(*bodies: object, shop: Shop = SHOP) -> list[Transaction]:
    raws = [body if isinstance(body, bytes) else encoded(body) for body in bodies]
    return golden.transactions(XSERIES, raws, shop)
