"""Bodies of the R-Series to the documented shapes, for an invented bicycle shop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal

from connectors.contract import Outcome, Shop
from connectors.lightspeed_r.connector import LightspeedRConnector
from schemas.transaction import Transaction
from tests.connectors import golden

RSERIES = LightspeedRConnector()
SHOP = golden.home_of("lightspeed-r")
Json = dict[str, object]

BELL = ("12", "Brass bell", "9.99")
TUBE = ("28", "Inner tube 28", "20")


def few(name: str, rows: Sequence[object]) -> Json:
    """Make a relation as XML leaves it: an object for one row, no key for none."""
    return {} if not rows else {name: rows[0] if len(rows) == 1 else list(rows)}


def line(
    number: str,
    goods: tuple[str, str, str],
    subtotal: str,
    quantity: str = "1",
    taxes: tuple[str, str] = ("0", "0"),
    /,
    **more: object,
) -> Json:
    item, name, price = goods
    return {
        "saleLineID": number,
        "createTime": "2026-05-04T14:00:00+00:00",
        "timeStamp": "2026-05-04T14:05:00+00:00",
        "unitQuantity": quantity,
        "unitPrice": price,
        "normalUnitPrice": "0",
        "tax": "true",
        "isLayaway": "false",
        "isWorkorder": "false",
        "isSpecialOrder": "false",
        "calcLineDiscount": "0",
        "calcTransactionDiscount": "0",
        "calcSubtotal": subtotal,
        "calcTax1": taxes[0],
        "calcTax2": taxes[1],
        "itemID": item,
        "parentSaleLineID": "0",
        "shopID": "1",
        "Item": {"itemID": item, "customSku": f"SKU-{item}", "description": name},
        **more,
    }


def payment(number: str, amount: str, kind: str = "cash", /, **more: object) -> Json:
    return {
        "salePaymentID": number,
        "amount": amount,
        "tipAmount": "0",
        "createTime": "2026-05-04T14:05:00+00:00",
        "archived": "false",
        "creditAccountID": "0",
        "PaymentType": {"paymentTypeID": "1", "name": kind.title(), "type": kind},
        **more,
    }


def sale(
    number: str,
    lines: Sequence[Json],
    payments: Sequence[Json],
    /,
    sums: tuple[str, str, str, str, str],
    **more: object,
) -> Json:
    """Make a completed sale; `sums` are subtotal, discount, tax 1, tax 2 and total."""
    names = ("calcSubtotal", "calcDiscount", "calcTax1", "calcTax2", "calcTotal")
    paid = sum((Decimal(str(one["amount"])) for one in payments), Decimal(0))
    return {
        **dict(zip(names, sums, strict=True)),
        "saleID": number,
        "timeStamp": "2026-05-04T14:05:01+00:00",
        "completed": "true",
        "archived": "false",
        "voided": "false",
        "isTaxInclusive": "false",
        "createTime": "2026-05-04T14:00:00+00:00",
        "updateTime": "2026-05-04T14:05:01+00:00",
        "completeTime": "2026-05-04T14:05:00+00:00",
        "referenceNumber": "",
        "tax1Rate": "0.05",
        "tax2Rate": "0.09975",
        "change": "0",
        "ticketNumber": f"2200000{number:0>5}",
        "calcPayments": f"{paid:f}",
        "calcTips": "0",
        "total": sums[4],
        "customerID": "0",
        "employeeID": "2",
        "registerID": "5",
        "shopID": "1",
        "SaleLines": few("SaleLine", lines),
        "SalePayments": few("SalePayment", payments),
        **more,
    }


def answer(*sales: Json) -> Json:
    return {"@attributes": {"count": str(len(sales))}, **few("Sale", sales)}


def read(body: object, shop: Shop = SHOP) -> Outcome:
    return golden.read(RSERIES, json.dumps(body).encode(), shop)


def made(*bodies: object, shop: Shop = SHOP) -> list[Transaction]:
    return golden.transactions(RSERIES, [json.dumps(body).encode() for body in bodies], shop)
