"""Rows of dtransactions as a lane of CORE-POS writes them, for an invented shop."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from connectors.contract import Outcome, Shop
from connectors.corepos.connector import CoreposConnector
from schemas.transaction import Transaction
from tests.connectors import golden

COREPOS = CoreposConnector()
SHOP = golden.home_of("corepos")
Row = dict[str, object]

DAY = "2026-05-04"
BREAD = ("0000000004101", "BREAD RYE LOAF", "4.50")
EGGS = ("0000000001009", "EGGS LOCAL MEDIUM", "3.49")
SODA = ("0000000000111", "SODA LEMON 12 OZ", "1.65")


def row(kind: str, /, **more: object) -> Row:
    """Make a row; every column that a till writes and we read is there."""
    return {
        "datetime": f"{DAY} 09:30:00",
        "store_id": 1,
        "register_no": 1,
        "emp_no": 35,
        "trans_no": 1,
        "upc": "0",
        "description": "",
        "trans_type": kind,
        "trans_subtype": "",
        "trans_status": "",
        "department": 0,
        "quantity": 0,
        "scale": 0,
        "cost": "0.00",
        "unitPrice": "0.00",
        "total": "0.00",
        "regPrice": "0.00",
        "tax": 0,
        "discount": "0.00",
        "memDiscount": "0.00",
        "discountable": 0,
        "voided": 0,
        "percentDiscount": 0,
        "ItemQtty": 0,
        "memType": 0,
        "numflag": 0,
        "charflag": "",
        "card_no": 11,
        **more,
    }


def item(
    goods: tuple[str, str, str], total: str, quantity: float = 1, /, **more: object
) -> Row:
    upc, name, price = goods
    return row(
        "I",
        upc=upc,
        description=name,
        unitPrice=price,
        regPrice=price,
        total=total,
        quantity=quantity,
        **{"trans_subtype": "NA", "ItemQtty": quantity, "discountable": 1, **more},
    )


def ring(department: str, amount: str, name: str, /, **more: object) -> Row:
    """Make an open ring to a department; it may be a refund (status R)."""
    figures = {"unitPrice": amount, "regPrice": amount, "total": amount, "quantity": 1}
    named = {"upc": f"{amount}DP{department}", "description": name}
    return row("D", **{**figures, **named, **more})


def paid(code: str, total: str, name: str = "Cash", /, **more: object) -> Row:
    return row("T", trans_subtype=code, total=total, description=name, **more)


def change(total: str = "0.00", name: str = "Change") -> Row:
    return paid("CA", total, name, voided=8)


def end(tax: str = "0.00", discount: str = "0.00", *shares: Row) -> list[Row]:
    """Make the rows that end every sale of a lane."""
    return [
        row(
            "S",
            upc="DISCOUNT",
            description="Discount",
            quantity=1,
            total=discount,
            unitPrice=discount,
        ),
        row("A", upc="TAX", description="Tax", total=tax),
        *shares,
    ]


def share(amount: str, rate: int = 1, name: str = "6.87500% Local") -> Row:
    return row(
        "L",
        trans_subtype="OG",
        trans_status="D",
        upc="TAXLINEITEM",
        description=name,
        regPrice=amount,
        numflag=rate,
    )


def note(description: str, **more: object) -> Row:
    """Make a row that only the screen shows."""
    return row("C", trans_status="D", description=description, **more)


def sale(*rows: Row, first: int | None = 1, **same: object) -> list[Row]:
    """
    Number the rows of one transaction and give all of them the same columns.

    Args:
        first: `pos_row_id` of the first row; None where the column is NULL.
    """
    return [
        {
            **one,
            **same,
            "trans_id": number,
            "pos_row_id": None if first is None else first + number - 1,
            "store_row_id": 1000 + (first or 0) + number,
        }
        for number, one in enumerate(rows, start=1)
    ]


def body(rows: Iterable[Mapping[str, object]]) -> bytes:
    return json.dumps(list(rows)).encode()


def read(rows: Iterable[Mapping[str, object]], shop: Shop = SHOP) -> Outcome:
    return golden.read(COREPOS, body(rows), shop)


def made(*bodies: Sequence[Mapping[str, object]], shop: Shop = SHOP) -> list[Transaction]:
    return golden.transactions(COREPOS, [body(rows) for rows in bodies], shop)
