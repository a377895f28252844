"""
Sales in the R-Series' words.

Lines are exact to the seventh decimal, the sale is rounded. Two things are done both ways, bill
by bill, because the documents and the recorded sales do not settle them: whether a payment of
cash is written with the change still in it, and whether the parts of a sale with taxes inside
its prices are each rounded, or the subtotal takes what rounding the taxes leaves over.

Source: developers.lightspeedhq.com/retail/endpoints/Sale, .../SaleLine, .../SalePayment,
.../TaxCategory; recorded sale 56 (a payment of nothing in cash beside the real one)
"""

from __future__ import annotations

from decimal import Decimal

from connectors.lightspeed_r.simulator.wording import (
    amount,
    flag,
    item_name,
    line_id,
    relation,
    sale_id,
    stamp,
    system_sku,
)
from connectors.simulation.answers import Json
from connectors.simulation.bills import HUNDRED, Bill, BillLine, Payment, exact_tax, rate
from connectors.simulation.config import SimulatedShop, SimulatorConfig
from connectors.simulation.goods import DRINK, FOOD
from schemas.money import round_minor

_KINDS = {"cash": ("1", "Cash"), "card": ("3", "Credit Card"), "gift_card": ("5", "Gift Card")}


class Writer:
    """Writes sales down; `wanted` names the relations that come along."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._config = config
        self._written: dict[tuple[int, int, int, frozenset[str]], Json] = {}

    def number(self, bill: Bill) -> int:
        """Return the id of a sale."""
        return sale_id(bill.place, bill.number, len(self._config.shops))

    def sale(self, bill: Bill, wanted: frozenset[str]) -> Json:
        """Return one sale; it is written once and asked for often."""
        name = (bill.place, bill.number, bill.version, wanted)
        if name not in self._written:
            self._written[name] = self._sale(bill, wanted)
        return self._written[name]

    def _sale(self, bill: Bill, wanted: frozenset[str]) -> Json:
        shop, sale = self._config.shops[bill.place], self.number(bill)
        paid = bill.status == "completed" or bool(bill.payments)
        told: Json = {
            "saleID": f"{sale}",
            "timeStamp": stamp(bill.known_at),
            "discountPercent": "0",
            "completed": flag(given=paid),
            "archived": flag(given=bill.status == "cancelled" and not paid),
            "voided": flag(given=bill.status == "cancelled" and paid),
            "enablePromotions": "false",
            "isTaxInclusive": flag(given=shop.inclusive),
            "createTime": stamp(bill.opened_at),
            "updateTime": stamp(bill.known_at),
            "referenceNumber": "",
            "referenceNumberSource": "",
            "tax1Rate": _share(shop.food_tax),
            "tax2Rate": _share(shop.drink_tax),
            "change": amount(sum(pay.change for pay in bill.payments)),
            "tipEnabled": "true",
            "receiptPreference": "printed",
            "ticketNumber": f"22{sale:010d}",
            **self._sums(bill, shop),
            **_ids(bill, shop),
        }
        if paid:
            told["completeTime"] = stamp(bill.closed_at)
        if "SaleLines" in wanted:
            lines = [self._line(i, bill, shop, wanted) for i in range(len(bill.lines))]
            told |= relation("SaleLines", "SaleLine", lines)
        if "SalePayments" in wanted:
            told |= relation("SalePayments", "SalePayment", self._payments(bill, wanted))
        if "TaxCategory" in wanted:
            told["TaxCategory"] = tax_category(shop)
        return told

    def _sums(self, bill: Bill, shop: SimulatedShop) -> Json:
        taxes = [_tax_of(bill, kind) for kind in (FOOD, DRINK)]
        exact = [_subtotal(line, shop) for line in bill.lines]
        subtotal = round_minor(sum(exact, start=Decimal(0)))
        discount = sum(line.discount for line in bill.lines)
        if shop.inclusive and bill.number % 2:
            subtotal = bill.due - bill.service_charge + discount - sum(taxes)
        total = amount(bill.due)
        return {
            "displayableSubtotal": amount(sum(line.gross for line in bill.lines)),
            "calcDiscount": amount(discount),
            "calcTotal": total,
            "calcSubtotal": amount(subtotal),
            "calcTax1": amount(taxes[0]),
            "calcTax2": amount(taxes[1]),
            "calcPayments": amount(sum(_paid(pay, bill) for pay in bill.payments)),
            "calcTips": amount(bill.tip),
            "calcItemFees": amount(bill.service_charge),
            "taxTotal": amount(sum(taxes)),
            "total": total,
            "totalDue": total,
            "displayableTotal": total,
            "balance": "0" if bill.payments else total,
        }

    def _line(
        self, index: int, bill: Bill, shop: SimulatedShop, wanted: frozenset[str]
    ) -> Json:
        line, sale = bill.lines[index], self.number(bill)
        taxes = [
            exact_tax(line, shop) if line.tax_kind == kind else 0 for kind in (FOOD, DRINK)
        ]
        back = line.units < 0 and bill.source
        parent = sale_id(bill.place, bill.source, len(self._config.shops))
        told: Json = {
            "saleLineID": line_id(sale, index),
            "createTime": stamp(bill.opened_at),
            "timeStamp": stamp(bill.known_at),
            "unitQuantity": f"{line.units.normalize():f}",
            "unitPrice": amount(_without_tax(Decimal(line.unit_price), line, shop)),
            "normalUnitPrice": "0",
            "discountAmount": amount(line.line_discount),
            "discountPercent": "0",
            "tax": flag(given=line.tax_kind is not None),
            "tax1Rate": _share(shop.food_tax) if line.tax_kind == FOOD else "0",
            "tax2Rate": _share(shop.drink_tax) if line.tax_kind == DRINK else "0",
            **dict.fromkeys(("isLayaway", "isWorkorder", "isSpecialOrder"), "false"),
            "displayableSubtotal": amount(line.gross),
            "displayableUnitPrice": amount(line.unit_price),
            "calcLineDiscount": amount(line.line_discount),
            "calcTransactionDiscount": amount(line.bill_discount),
            "calcSubtotal": amount(_subtotal(line, shop)),
            "calcTax1": amount(taxes[0]),
            "calcTax2": amount(taxes[1]),
            "taxClassID": "0" if line.tax_kind is None else f"{line.tax_kind + 1}",
            "customerID": "0",
            "discountID": "1" if line.line_discount else "0",
            "employeeID": f"{bill.cashier}",
            "itemID": f"{line.item.number}" if line.item is not None else "0",
            "noteID": "0",
            "parentSaleLineID": line_id(parent, line.number - 1) if back else "0",
            "shopID": shop.location_id,
            "saleID": f"{sale}",
        }
        return told | _related(line, wanted)

    def _payments(self, bill: Bill, wanted: frozenset[str]) -> list[Json]:
        pays = [self._payment(pay, bill, wanted) for pay in bill.payments]
        if pays and bill.number % 7 == 0:
            nothing = Payment(number=0, method="cash", amount=0, at=bill.closed_at)
            pays.insert(0, self._payment(nothing, bill, wanted))
        return pays

    def _payment(self, pay: Payment, bill: Bill, wanted: frozenset[str]) -> Json:
        kind, name = _KINDS[pay.method]
        sale = self.number(bill)
        number = sale if not pay.number else 10_000_000 + pay.number * 10 + bill.place
        told: Json = {
            "salePaymentID": f"{number}",
            "amount": amount(_paid(pay, bill)),
            "tipAmount": amount(pay.tip),
            "createTime": stamp(pay.at),
            "archived": "false",
            "remoteReference": "",
            "paymentID": "",
            "saleID": f"{sale}",
            "paymentTypeID": kind,
            "ccChargeID": "0",
            "refPaymentID": "0",
            "registerID": f"{bill.place * 10 + bill.register}",
            "employeeID": f"{bill.cashier}",
            "creditAccountID": "0",
        }
        if "SalePayments.PaymentType" in wanted:
            told["PaymentType"] = {
                "paymentTypeID": kind,
                "name": name,
                "requireCustomer": "false",
                "archived": "false",
                "internalReserved": "true",
                "type": name.lower(),
                "refundAsPaymentTypeID": "0",
            }
        return told


def tax_category(shop: SimulatedShop) -> Json:
    """Return the taxes of a shop."""
    return {
        "taxCategoryID": shop.location_id,
        "isTaxInclusive": flag(given=shop.inclusive),
        "tax1Name": "Food tax",
        "tax2Name": "Drinks tax",
        "tax1Rate": _share(shop.food_tax),
        "tax2Rate": _share(shop.drink_tax),
    }


def _ids(bill: Bill, shop: SimulatedShop) -> Json:
    return {
        "customerID": f"{bill.customer}",
        "discountID": "0",
        "employeeID": f"{bill.cashier}",
        "quoteID": "0",
        "registerID": f"{bill.place * 10 + bill.register}",
        "shipToID": "0",
        "shopID": shop.location_id,
        "taxCategoryID": shop.location_id,
    }


def _related(line: BillLine, wanted: frozenset[str]) -> Json:
    told: Json = {}
    if line.item is None:
        if "SaleLines.Note" in wanted:
            told["Note"] = {"note": line.name, "isPublic": "true"}
    elif "SaleLines.Item" in wanted:
        told["Item"] = {
            "itemID": f"{line.item.number}",
            "systemSku": system_sku(line.item),
            "customSku": line.item.sku,
            "description": item_name(line.item),
        }
    if line.line_discount and "SaleLines.Discount" in wanted:
        told["Discount"] = {"discountID": "1", "name": f"{line.percent_off} % off"}
    return told


def _paid(pay: Payment, bill: Bill) -> int:
    """Return what a payment says: cash of every second bill with its change still in it."""
    return pay.amount + (0 if bill.number % 2 else pay.change)


def _tax_of(bill: Bill, kind: int) -> int:
    return sum(line.tax for line in bill.lines if line.tax_kind == kind)


def _subtotal(line: BillLine, shop: SimulatedShop) -> Decimal:
    return line.gross - exact_tax(line, shop) if shop.inclusive else Decimal(line.gross)


def _without_tax(price: Decimal, line: BillLine, shop: SimulatedShop) -> Decimal:
    if not shop.inclusive or line.tax_kind is None:
        return price
    return Decimal(price * HUNDRED) / (HUNDRED + Decimal(rate(shop, line.tax_kind)))


def _share(percent: str) -> str:
    """Return a rate as a share of one."""
    return f"{Decimal(percent).scaleb(-2).normalize():f}"
