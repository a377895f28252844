"""
The selections of a check, in Toast's words.

A price that has the tax in it is told without it, but for `receiptLinePrice`; discounts are
told both ways. What an item bears of the check's discounts is in its price alone.

Source: doc.toasttab.com/openapi/orders (Selection, AppliedDiscount, AppliedTaxRate) and the
platform guide's "Calculating net sales using the orders API"
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from connectors.simulation.answers import Json
from connectors.simulation.bills import Bill, BillLine, Item, rate, taxed
from connectors.simulation.config import SimulatedShop
from connectors.toast.simulator.ledger import refund_guid
from connectors.toast.simulator.wording import amount, guid, ref, when
from schemas.money import round_minor
from schemas.quantity import plain


class Price(NamedTuple):
    """
    What a line costs, without the tax that is inside a price.

    Args:
        price: after all discounts; `own` and `shared` are the line's and the check's.
    """

    price: int
    own: int
    shared: int

    @property
    def before(self) -> int:
        """Return the price before all discounts."""
        return self.price + self.own + self.shared


def price_of(line: BillLine, shop: SimulatedShop) -> Price:
    """Return the prices of a line."""
    included = line.tax if line.inclusive else 0
    price = line.gross - line.discount - included
    own, shared = line.line_discount, line.bill_discount
    return Price(price, own - _inside(own, line, shop), shared - _inside(shared, line, shop))


def _inside(off: int, line: BillLine, shop: SimulatedShop) -> int:
    """Return how much of a discount was off the tax inside the price."""
    if not line.inclusive or line.tax_kind is None:
        return 0
    return taxed(off, rate(shop, line.tax_kind), inclusive=True)


def item_guid(item: Item) -> str:
    """Return the id of a menu item: every size is one; the restaurants share their menus."""
    return guid("item", item.number)


def item_name(item: Item) -> str:
    """Return the name of a menu item."""
    return f"{item.name} ({item.size})" if item.size else item.name


def product_key(line: BillLine) -> str:
    """Return what our sums know the line by."""
    return f"custom:{line.name.lower()}" if line.item is None else item_guid(line.item)


def selection(
    line: BillLine, bill: Bill, shop: SimulatedShop, seed: int, refund: Bill | None
) -> Json:
    """Return one line; of a whole order that was voided, each line is."""
    prices = price_of(line, shop)
    voided = line.voided or bill.status == "cancelled"
    names = (seed, "selection", bill.place, bill.number, line.number)
    category = "Gift" if line.item is None else line.item.category
    told: Json = {
        **ref(guid(*names), "MenuItemSelection"),
        "itemGroup": line.item and ref(guid(shop.location_id, "group", category), "MenuGroup"),
        "deferred": line.gift_card,
        "item": line.item and ref(item_guid(line.item), "MenuItem"),
        "quantity": plain(line.units),
        "unitOfMeasure": "KG" if line.item is not None and line.item.weighed else "NONE",
        "selectionType": _kind(line),
        "displayName": line.name if line.item is None else item_name(line.item),
        "receiptLinePrice": amount(line.unit_price),
        "preDiscountPrice": amount(prices.before),
        "price": amount(prices.price),
        "tax": amount(line.tax),
        "taxInclusion": "INCLUDED" if line.inclusive else "NOT_INCLUDED",
        "appliedTaxes": _taxes(line, shop),
        "appliedDiscounts": _discounts(line, prices, names),
        "modifiers": [
            _modifier(name, price, line, (*names, number))
            for number, (name, price) in enumerate(line.modifiers)
        ],
        "voided": voided,
        "voidDate": when(bill.known_at) if voided else None,
        "seatNumber": -1,
        "fulfillmentStatus": "SENT",
        "createdDate": when(bill.opened_at),
        "modifiedDate": when(bill.closed_at),
        "optionGroup": None,
        "preModifier": None,
    }
    if refund is not None:
        told["refundDetails"] = _refunded(line, refund, seed)
    return told


def kitchen_note(bill: Bill, seed: int) -> Json:
    """Return a line that says something to the kitchen and costs nothing."""
    return {
        **ref(guid(seed, "note", bill.place, bill.number), "MenuItemSelection"),
        "itemGroup": None,
        "deferred": False,
        "item": None,
        "quantity": 1,
        "selectionType": "SPECIAL_REQUEST",
        "displayName": "please warm it up",
        "receiptLinePrice": 0,
        "preDiscountPrice": 0,
        "price": 0,
        "tax": 0,
        "appliedTaxes": [],
        "appliedDiscounts": [],
        "modifiers": [],
        "voided": False,
    }


def _kind(line: BillLine) -> str:
    if line.gift_card:
        return "TOAST_CARD_SELL"
    return "NONE" if line.item is not None else "SPECIAL_REQUEST"


def _taxes(line: BillLine, shop: SimulatedShop) -> list[Json]:
    if line.tax_kind is None:
        return []
    percent = rate(shop, line.tax_kind)
    name = guid(shop.location_id, "tax", line.tax_kind)
    return [
        {
            "entityType": "AppliedTaxRate",
            "taxRate": {"guid": name, "entityType": "TaxRate"},
            "name": ("Food tax", "Drinks tax")[line.tax_kind],
            "rate": plain(Decimal(percent).scaleb(-2)),
            "taxAmount": amount(line.tax),
            "type": "PERCENT",
        }
    ]


def _discounts(line: BillLine, prices: Price, names: tuple[object, ...]) -> list[Json]:
    """Return the line's own discounts; one that was taken off again stays listed."""
    if not line.line_discount:
        return []
    state = ("APPLIED", "PENDING_APPLIED")[line.number % 2]
    gone = (*names, "gone")
    return [
        discount(line.percent_off, line.line_discount, prices.own, state, (*names, "off")),
        discount("50", line.line_discount * 2, prices.own * 2, "VOID", gone),
    ]


def discount(
    percent: str, off: int, without_tax: int, state: str | None, names: tuple[object, ...]
) -> Json:
    """Return an applied discount."""
    return {
        **ref(guid(*names), "AppliedCustomDiscount"),
        "name": f"{percent} % off",
        "discountAmount": amount(off),
        "nonTaxDiscountAmount": amount(without_tax),
        "discountPercent": plain(Decimal(percent)),
        "discountType": "PERCENT",
        "processingState": state,
    }


def _modifier(name: str, price: int, line: BillLine, names: tuple[object, ...]) -> Json:
    """Return a modifier; what it costs is in the price of its line."""
    whole = amount(round_minor(price * line.units))
    return {
        **ref(guid(*names), "MenuItemSelection"),
        "item": ref(guid("modifier", name), "MenuItem"),
        "quantity": plain(line.units),
        "selectionType": "NONE",
        "displayName": name,
        "receiptLinePrice": amount(price),
        "preDiscountPrice": whole,
        "price": whole,
        "tax": 0,
        "appliedTaxes": [],
        "appliedDiscounts": [],
        "modifiers": [],
        "voided": False,
    }


def _refunded(line: BillLine, refund: Bill, seed: int) -> Json | None:
    """Return how much of a line came back; nothing of one that did not."""
    for back in refund.lines:
        if back.number == line.number:
            included = back.tax if back.inclusive else 0
            name = refund_guid(seed, refund.place, refund.number)
            return {
                "refundAmount": amount(-(back.gross - back.discount - included)),
                "taxRefundAmount": amount(-back.tax),
                "refundTransaction": {"guid": name, "entityType": "RefundTransaction"},
            }
    return None
