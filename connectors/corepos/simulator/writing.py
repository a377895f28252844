"""
A bill as the rows that a lane writes of it.

Source: CORE-POS/IS4C pos/is4c-nf/lib/TransRecord.php; fannie/classlib2.0/data/models/trans/
DTransactionsModel.php (columns and their types)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType

from connectors.simulation.bills import Bill, BillLine, Payment
from connectors.simulation.config import SimulatedShop

Column = str | int | None
Row = dict[str, Column]

DEPARTMENT = 40
_TENDERS = {"cash": ("CA", "Cash"), "card": ("CC", "Credit Card"), "gift_card": ("GD", "Gift")}
_CHANGE, _VOIDED, _SUBTOTAL = 8, 1, 3
_WALK_IN = 11

COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        "datetime": "",
        "store_id": 1,
        "register_no": 0,
        "emp_no": 0,
        "trans_no": 0,
        "upc": "0",
        "description": "",
        "trans_type": "",
        "trans_subtype": "",
        "trans_status": "",
        "department": 0,
        "quantity": "0",
        "scale": 0,
        "cost": "0.00",
        "unitPrice": "0.00",
        "total": "0.00",
        "regPrice": "0.00",
        "tax": 0,
        "foodstamp": 0,
        "discount": "0.00",
        "memDiscount": "0.00",
        "discountable": 0,
        "discounttype": 0,
        "voided": 0,
        "percentDiscount": 0,
        "ItemQtty": "0",
        "volDiscType": 0,
        "volume": 0,
        "VolSpecial": "0.00",
        "mixMatch": "0",
        "matched": 0,
        "memType": 0,
        "staff": 0,
        "numflag": 0,
        "charflag": "",
        "card_no": _WALK_IN,
        "trans_id": 0,
        "pos_row_id": None,
    }
)
"""A row that says nothing; amounts and weights as the server writes DECIMAL and DOUBLE."""


def upc_of(line: BillLine) -> str:
    """Return what stands in `upc`: 13 digits, or the amount and department of an open ring."""
    if line.item is None:
        return f"{dollars(abs(line.gross))}DP{DEPARTMENT}"
    return f"{4000 + line.item.number:013d}"


def key_of(line: BillLine) -> str:
    """Return what our sums know the line's product by."""
    if line.item is None:
        return f"custom:{' '.join(line.name.lower().split())}"
    return upc_of(line)


def dollars(cents: int) -> str:
    """Write an amount as the column has it."""
    sign, whole = ("-" if cents < 0 else ""), abs(cents)
    return f"{sign}{whole // 100}.{whole % 100:02d}"


def rows_of(bill: Bill, shop: SimulatedShop) -> list[Row]:
    """Return the rows of one version of a bill, in the order in which the lane wrote them."""
    same: Row = {
        "datetime": wall(bill.closed_at, shop),
        "store_id": int(shop.location_id),
        "register_no": bill.register,
        "emp_no": 30 + bill.cashier,
        "trans_no": bill.daily_number,
        "card_no": 1000 + bill.customer if bill.customer else _WALK_IN,
        "memType": 1 if bill.customer else 0,
        "percentDiscount": int(bill.percent_off or 0),
    }
    if bill.status == "completed":
        made = [*_goods(bill), *_end(bill, shop)]
    else:
        # Set aside (to be resumed under another number), or cancelled for good.
        flag = "S" if bill.status == "open" else ""
        made = [{**row, "trans_status": "X", "charflag": flag} for row in _goods(bill)]
    first = bill.number * 1000 + bill.version * 100
    return [
        {**COLUMNS, **same, **row, "trans_id": number, "pos_row_id": first + number}
        for number, row in enumerate(made, start=1)
    ]


def wall(at: datetime, shop: SimulatedShop) -> str:
    """Write an instant as a server does: the shop's wall clock, without its zone."""
    return f"{shop.calendar.local(at):%Y-%m-%d %H:%M:%S}"


def _goods(bill: Bill) -> Iterator[Row]:
    for line in bill.lines:
        yield _line(line, voided=line.voided)
        if line.voided:
            void = _line(line, voided=True)
            yield {
                **void,
                "quantity": f"{-line.units}",
                "ItemQtty": f"{-line.units}",
                "total": dollars(-line.gross),
                "trans_status": "V",
            }


def _line(line: BillLine, *, voided: bool) -> Row:
    back = line.units < 0
    row: Row = {
        "upc": upc_of(line),
        "description": line.name[:30],
        "trans_type": "D" if line.item is None else "I",
        "trans_subtype": "NA",
        "trans_status": "R" if back else "",
        "department": DEPARTMENT,
        "quantity": f"{line.units}",
        # of goods that come back, this one stays positive
        "ItemQtty": f"{abs(line.units)}",
        "scale": int(line.item is not None and line.item.weighed),
        "unitPrice": dollars(line.unit_price),
        "regPrice": dollars(line.unit_price),
        "total": dollars(line.gross),
        "tax": 0 if line.tax_kind is None else 1 + line.tax_kind,
        "discountable": 1,
        "voided": _VOIDED if voided else 0,
    }
    return row


def _end(bill: Bill, shop: SimulatedShop) -> Iterator[Row]:
    """Write what ends every sale: subtotal, tenders, change, discount, tax and its shares."""
    due = bill.due
    yield {
        "description": f"Subtotal {dollars(due - bill.tax)}, Tax {dollars(bill.tax)}",
        "trans_type": "C",
        "trans_status": "D",
        "unitPrice": dollars(due),
        "voided": _SUBTOTAL,
    }
    for pay in bill.payments:
        yield _tender(pay)
    change = sum(pay.change for pay in bill.payments)
    yield {
        "description": "Change",
        "trans_type": "T",
        "trans_subtype": "CA",
        "total": dollars(change),
        "voided": _CHANGE,
    }
    off = sum(line.discount for line in bill.counted)
    yield {
        "upc": "DISCOUNT",
        "description": "Discount",
        "trans_type": "S",
        "quantity": "1",
        "ItemQtty": "1",
        "unitPrice": dollars(-off),
        "total": dollars(-off),
    }
    yield {"upc": "TAX", "description": "Tax", "trans_type": "A", "total": dollars(bill.tax)}
    yield from _tax_shares(bill, shop)


def _tax_shares(bill: Bill, shop: SimulatedShop) -> Iterator[Row]:
    """Write the tax by rate, in rows that no view shows."""
    for rate, percent in ((1, shop.food_tax), (2, shop.drink_tax)):
        shares = [line.tax for line in bill.counted if line.tax_kind == rate - 1]
        yield {
            "upc": "TAXLINEITEM",
            "description": f"{percent}% {'Food' if rate == 1 else 'Drinks'}",
            "trans_type": "L",
            "trans_subtype": "OG",
            "trans_status": "D",
            "regPrice": dollars(sum(shares)),
            "numflag": rate,
        }


def _tender(pay: Payment) -> Row:
    code, name = _TENDERS[pay.method]
    paid = pay.handed or pay.total
    return {
        "description": name,
        "trans_type": "T",
        "trans_subtype": code,
        "total": dollars(-paid),
    }
