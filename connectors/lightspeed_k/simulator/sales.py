"""
Sales in K-Series' words: accounts that were closed, and the records that undo them.

What is not told of the real one is done both ways, bill by bill: whether a tip is inside the
amount of its payment, an untaxed service charge inside the totals of its lines, and whether a
refund is written with negative amounts.

Source: api-docs.lsk.lightspeed.app, Financial V2 (Sale, Line, TaxLine, Payment, AccountLink)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from connectors.lightspeed_k.api import stamp
from connectors.simulation.answers import Json
from connectors.simulation.bills import Bill, BillLine, Payment, exact_tax, rate
from connectors.simulation.chance import Chance
from connectors.simulation.config import SimulatedShop, SimulatorConfig
from schemas.money import allocate

FIRST_DEVICE = 65315
_CODES = {"cash": ("CASH", "Cash"), "gift_card": ("GIFTCARD", "Gift card")}


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the financial API lists.

    Args:
        known_at: from when on; `closed_at` is where it is listed.
        undoes: a cancellation of a whole bill that had been paid.
    """

    bill: Bill
    known_at: datetime
    closed_at: datetime
    undoes: bool = False


def records(told: Sequence[Bill]) -> Iterator[Record]:
    """Yield the record of each closed account, and of each one that was taken back."""
    for bill in told:
        if bill.status == "completed":
            yield Record(bill=bill, known_at=bill.known_at, closed_at=bill.closed_at)
        elif bill.status == "cancelled":
            yield Record(
                bill=bill,
                known_at=bill.known_at,
                closed_at=bill.known_at,
                undoes=bool(bill.payments),
            )


def account(bill: Bill, *, undoes: bool = False) -> str:
    """Return the fiscal id of a bill's account, or of the one that undoes it."""
    return f"A{FIRST_DEVICE + bill.place}.{2 * bill.number + undoes}"


def sku_of(line: BillLine) -> str | None:
    """Return the SKU of a line; K-Series gives each item one, where a person did not."""
    return None if line.item is None else line.item.sku or f"{line.item.number}"


def product_key(line: BillLine) -> str:
    """Return what our sums know the line by."""
    return sku_of(line) or f"custom:{line.name.lower()}"


def item_name(name: str, size: str) -> str:
    """Return the name of an item: every size is one."""
    return f"{name} {size}" if size else name


class Writer:
    """Writes records down; `include` names the parts that come only when asked for."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._config = config

    def sale(self, record: Record, include: frozenset[str], *, undone: bool) -> Json:
        """Return one record; of what was `undone` since, half are told to be cancelled."""
        bill, shop = record.bill, self._config.shops[record.bill.place]
        name = account(bill, undoes=record.undoes)
        dropped = bill.status == "cancelled"
        told: Json = {
            "accountReference": Chance(self._config.seed, "account", name).id(22) + "==",
            "accountFiscId": name,
            "receiptId": f"R{name[1:]}",
            "source": _source(record, name),
            "salesLines": self._lines(record, shop),
            "timeOfOpening": stamp(bill.opened_at),
            "timeClosed": stamp(record.closed_at),
            "cancelled": undone and bill.number % 2 == 0,
            "tableNumber": f"{bill.register}",
            "tableName": f"Counter, {bill.register}",
            "accountProfileCode": "AAP",
            "ownerName": f"Staff {bill.cashier}",
            "ownerId": 14670 + bill.cashier,
            "type": _type(record),
            "externalReferences": [],
            "nbCovers": Decimal("1.0"),
            "dineIn": True,
            "deviceId": 75125 + bill.register,
            "deviceName": f"ipad{bill.register}",
        }
        if dropped:
            told["voidReason"] = "Guest left"
        if "payments" in include:
            pays = () if dropped and not record.undoes else bill.payments
            told["payments"] = [
                self._payment(pay, record, shop, consumer="consumer" in include) for pay in pays
            ]
        return told

    def _lines(self, record: Record, shop: SimulatedShop) -> list[Json]:
        bill, sign = record.bill, _sign(record)
        weights = [0 if line.voided else line.gross - line.discount for line in bill.lines]
        charged = bill.service_charge
        fees = allocate(charged, weights) if charged else [0] * len(bill.lines)
        return [
            self._line(line, fee, bill, shop, sign)
            for line, fee in zip(bill.lines, fees, strict=True)
        ]

    def _line(
        self, line: BillLine, fee: int, bill: Bill, shop: SimulatedShop, sign: int
    ) -> Json:
        paid = line.gross - line.discount
        tax = exact_tax(line, shop)
        charge = fee if _charge_inside(bill) else 0
        without = paid - tax if shop.inclusive else Decimal(paid)
        told: Json = {
            "id": f"S{FIRST_DEVICE + bill.place}.{bill.number * 10 + line.number}",
            "totalNetAmountWithoutTax": fine(sign * (without + charge)),
            "menuListPrice": money(line.unit_price),
            "unitCostPrice": "0.00",
            "serviceCharge": money(sign * fee),
            "serviceChargeType": "UNTAXED" if bill.service_charge else "NO_SERVICE_CHARGE",
            "discountAmount": money(sign * line.line_discount),
            "accountDiscountAmount": money(sign * line.bill_discount),
            "totalDiscountAmount": money(sign * line.discount),
            "taxAmount": fine(sign * tax),
            "taxLines": [],
            "name": line.name if line.item is None else item_name(line.name, line.item.size),
            "quantity": f"{sign * line.units:.3f}",
            "sku": sku_of(line),
            "statisticGroup": "Open price" if line.item is None else line.item.category,
            "currency": shop.currency,
        }
        if shop.inclusive:
            told["totalNetAmountWithTax"] = money(sign * (paid + charge))
        if line.tax_kind is not None:
            told["taxCode"] = f"VAT{rate(shop, line.tax_kind)}"
            told["taxRatePercentage"] = f"{Decimal(rate(shop, line.tax_kind)):.3f}"
        if line.line_discount:
            told |= {"discountType": "DISCOUNT", "discountName": f"{line.percent_off} % off"}
        if line.bill_discount:
            told |= {"accountDiscountName": f"{bill.percent_off} % on the bill"}
        if line.voided:
            told["voidReason"] = "Wrong item"
        return told

    def _payment(
        self, pay: Payment, record: Record, shop: SimulatedShop, *, consumer: bool
    ) -> Json:
        sign, bill = _sign(record), record.bill
        code, words = _CODES.get(pay.method, (pay.brand, pay.brand.capitalize()))
        paid = pay.total if _tip_inside(bill) else pay.amount
        known = consumer and bill.customer
        return {
            "code": code,
            "description": words,
            "paymentMethodId": 141948669132824,
            "netAmountWithTax": money(sign * paid),
            "currency": shop.currency,
            "tip": money(sign * pay.tip),
            "surcharge": "0.00",
            "consumer": {"customerId": f"C{bill.customer}"} if known else {},
            "type": "NORMAL",
            "deviceId": f"{75125 + bill.register}",
            "staffId": 14670 + bill.cashier,
            "fiscId": f"T{FIRST_DEVICE + bill.place}.{2 * pay.number + record.undoes}",
            "fiscDate": stamp(pay.at),
        }


def _type(record: Record) -> str:
    """A paid account that is undone is CANCELled by another; one that never was is a VOID."""
    if record.bill.status == "cancelled":
        return "CANCEL" if record.undoes else "VOID"
    return "REFUND" if record.bill.kind == "refund" else "SALE"


def _source(record: Record, name: str) -> Json:
    bill = record.bill
    if record.undoes:
        first = account(bill)
        return {"initialAccountId": first, "previousAccountId": first}
    if bill.source:
        first = account(msgspec.structs.replace(bill, number=bill.source))
        return {"initialAccountId": first, "previousAccountId": first}
    return {"initialAccountId": name}


def _sign(record: Record) -> int:
    """Return -1 where the signs are not ours: half of the refunds are written positive."""
    if record.undoes:
        return -1
    return -1 if record.bill.kind == "refund" and record.bill.number % 2 else 1


def _tip_inside(bill: Bill) -> bool:
    return bill.number % 3 == 0


def _charge_inside(bill: Bill) -> bool:
    return bill.number % 2 == 0


def money(minor: int) -> str:
    """Write minor units as a text of two decimals."""
    return f"{Decimal(minor).scaleb(-2):.2f}"


def fine(minor: Decimal) -> str:
    """Write minor units as a text of six decimals."""
    return f"{minor.scaleb(-2):.6f}"
