"""One sale as the till knows it, and the orders, payments and figures that it makes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from connectors.simulation.chance import MILLISECOND
from connectors.simulation.config import SimulatedShop
from connectors.simulation.truth import Figures
from connectors.square.simulator.bills import (
    Cut,
    Fee,
    Json,
    Piece,
    discounts,
    line_items,
    service_charges,
    taxes,
)
from connectors.square.simulator.wording import Money, stamp

METHODS = {
    "CARD": "card",
    "CASH": "cash",
    "SQUARE_GIFT_CARD": "gift_card",
    "WALLET": "wallet",
    "OTHER": "other",
}


class Pay(msgspec.Struct, kw_only=True):
    """
    One payment.

    Args:
        method: a tender type of Square's.
        amount: without the tip.
        handed: cash handed over; the change is what exceeds the amount.
        status: APPROVED | COMPLETED | CANCELED | FAILED.
        refunded, refund_ids: what has gone back of it.
    """

    payment_id: str
    method: str
    amount: int
    created_at: datetime
    updated_at: datetime
    tip: int = 0
    handed: int = 0
    brand: str = ""
    last_four: str = ""
    status: str = "COMPLETED"
    offline_at: datetime | None = None
    refunded: int = 0
    refund_ids: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """Return amount and tip."""
        return self.amount + self.tip


class Sale(msgspec.Struct, kw_only=True):
    """
    One bill of the till.

    Args:
        updated_at: of the order's newest version.
        back: returns inside the same order (an exchange), as Square's `returns`; `back_lines`
            and `back_total` are their figures, all negative.
        gone: how much of each line has been returned later.
    """

    bakery: SimulatedShop
    order_id: str
    created_at: datetime
    closed_at: datetime
    updated_at: datetime
    pieces: list[Piece]
    cuts: list[Cut]
    fees: list[Fee]
    pays: list[Pay] = []
    state: str = "COMPLETED"
    version: int = 0
    customer: str = ""
    cashier: str = ""
    device: str = ""
    ticket: str = ""
    back: list[Json] = []
    back_figures: Figures | None = None
    gone: dict[str, Decimal] = {}

    @property
    def tip(self) -> int:
        """Return the tips of what was paid."""
        return sum(pay.tip for pay in self.paid)

    @property
    def paid(self) -> list[Pay]:
        """Return the payments that are tenders of the order."""
        return [pay for pay in self.pays if pay.status in {"COMPLETED", "APPROVED"}]

    @property
    def due(self) -> int:
        """Return what goods and charges cost, without tips and without what came back."""
        return sum(piece.due for piece in self.pieces) + sum(
            fee.applied + fee.charged_tax for fee in self.fees
        )

    def touched(self, at: datetime) -> datetime:
        """Return a time for the next version: after the last one of order and payments."""
        newest = max([self.updated_at, *(pay.updated_at for pay in self.pays)])
        return max(at, newest + MILLISECOND)


def figures(sale: Sale) -> Figures:
    """Return what a completed sale or exchange adds to its day."""
    lines = [piece.moved(1) for piece in sale.pieces]
    back = sale.back_figures
    tenders: dict[str, int] = {}
    for pay in sale.paid:
        name = METHODS[pay.method]
        tenders[name] = tenders.get(name, 0) + pay.total
    tax = sum(line.tax for line in lines) + sum(fee.charged_tax for fee in sale.fees)
    gratuity = sum(fee.applied for fee in sale.fees if fee.gratuity)
    charge = sum(fee.applied for fee in sale.fees if not fee.gratuity)
    return Figures(
        location_id=sale.bakery.location_id,
        day=sale.bakery.calendar.day_of(sale.closed_at),
        at=sale.closed_at,
        kind="sale" if back is None else "exchange",
        lines=(*lines, *(() if back is None else back.lines)),
        service_charge=charge,
        tax=tax + (0 if back is None else back.tax),
        tip=sale.tip + gratuity,
        total=sale.due + sale.tip + (0 if back is None else back.total),
        tenders=tenders,
    )


def order_body(sale: Sale) -> bytes:
    """Return the order as it now stands."""
    bakery = sale.bakery
    currency, pieces, fees = bakery.currency, sale.pieces, sale.fees
    tax = sum(piece.tax_amount for piece in pieces) + sum(fee.charged_tax for fee in fees)
    charged = sum(fee.applied for fee in fees)
    discount = sum(piece.discount for piece in pieces)
    whole = [sale.due + sale.tip, tax, discount, sale.tip, charged]
    order: Json = {
        "id": sale.order_id,
        "location_id": bakery.location_id,
        "line_items": line_items(bakery, pieces, sale.cuts),
        "created_at": stamp(sale.created_at),
        "updated_at": stamp(sale.updated_at),
        "state": sale.state,
        "version": sale.version,
        "total_tax_money": Money(tax, currency),
        "total_discount_money": Money(discount, currency),
        "total_tip_money": Money(sale.tip, currency),
        "total_money": Money(whole[0], currency),
        "total_service_charge_money": Money(charged, currency),
        "source": {"name": "Square Point of Sale"},
    }
    back = [0] * len(whole)
    if sale.back:
        back = _sum_of_returns(sale.back)
        order["returns"] = sale.back
        order["return_amounts"] = amounts(back, currency)
    order["net_amounts"] = amounts(
        [mine - theirs for mine, theirs in zip(whole, back, strict=True)], currency
    )
    _add_parts(order, sale)
    return msgspec.json.encode(order)


def _add_parts(order: Json, sale: Sale) -> None:
    bakery = sale.bakery
    parts: Json = {
        "taxes": taxes(bakery, sale.pieces, sale.fees),
        "discounts": discounts(bakery, sale.pieces, sale.cuts),
        "service_charges": service_charges(bakery, sale.fees),
        "customer_id": sale.customer,
        "ticket_name": sale.ticket,
        "tenders": [tender(sale, pay) for pay in sale.paid],
    }
    order.update((name, part) for name, part in parts.items() if part)
    if sale.state in {"COMPLETED", "CANCELED"}:
        order["closed_at"] = stamp(sale.closed_at)


AMOUNTS = (
    "total_money",
    "tax_money",
    "discount_money",
    "tip_money",
    "service_charge_money",
)


def amounts(numbers: Sequence[int], currency: str) -> Json:
    """Return the roll-up of one side of an order."""
    return {
        name: Money(number, currency) for name, number in zip(AMOUNTS, numbers, strict=True)
    }


def _sum_of_returns(returns: Sequence[Json]) -> list[int]:
    sums = [0] * len(AMOUNTS)
    for one in returns:
        told = one["return_amounts"]
        if isinstance(told, dict):
            sums = [
                so_far + told[name].amount for so_far, name in zip(sums, AMOUNTS, strict=True)
            ]
    return sums


def tender(sale: Sale, pay: Pay) -> Json:
    """Return a payment as the order shows it; its amount includes the tip."""
    currency = sale.bakery.currency
    told: Json = {
        "id": pay.payment_id,
        "location_id": sale.bakery.location_id,
        "transaction_id": sale.order_id,
        "created_at": stamp(pay.created_at),
        "amount_money": Money(pay.total, currency),
        "type": pay.method,
        "payment_id": pay.payment_id,
    }
    if pay.tip:
        told["tip_money"] = Money(pay.tip, currency)
    if pay.method in {"CARD", "SQUARE_GIFT_CARD"}:
        told["card_details"] = {
            "status": "CAPTURED" if pay.status == "COMPLETED" else "AUTHORIZED",
            "card": _card(pay),
            "entry_method": "CONTACTLESS" if pay.method == "CARD" else "SWIPED",
        }
    if pay.method == "CASH":
        told["cash_details"] = {
            "buyer_tendered_money": Money(pay.handed, currency),
            "change_back_money": Money(pay.handed - pay.total, currency),
        }
    return told


def _card(pay: Pay) -> Json:
    brand = "SQUARE_GIFT_CARD" if pay.method == "SQUARE_GIFT_CARD" else pay.brand
    return {"card_brand": brand, "last_4": pay.last_four}


_CARD_STATUS = {
    "COMPLETED": "CAPTURED",
    "APPROVED": "AUTHORIZED",
    "CANCELED": "VOIDED",
    "FAILED": "FAILED",
}


def payment_body(sale: Sale, pay: Pay) -> bytes:
    """Return a payment as it now stands."""
    currency = sale.bakery.currency
    payment: Json = {
        "id": pay.payment_id,
        "created_at": stamp(pay.created_at),
        "updated_at": stamp(pay.updated_at),
        "amount_money": Money(pay.amount, currency),
        "total_money": Money(pay.total, currency),
        "approved_money": Money(pay.total, currency),
        "status": pay.status,
        "location_id": sale.bakery.location_id,
        "order_id": sale.order_id,
        "team_member_id": sale.cashier,
        "device_details": {"device_id": sale.device, "device_name": "Front till"},
        "application_details": {"square_product": "SQUARE_POS"},
        "version_token": f"v{stamp(pay.updated_at)}",
    }
    if pay.tip:
        payment["tip_money"] = Money(pay.tip, currency)
    if pay.status != "CANCELED":
        payment["receipt_number"] = pay.payment_id[:4]
    if sale.customer:
        payment["customer_id"] = sale.customer
    if pay.refund_ids:
        payment["refunded_money"] = Money(pay.refunded, currency)
        payment["refund_ids"] = pay.refund_ids
    if pay.offline_at is not None:
        payment["is_offline_payment"] = True
        payment["offline_payment_details"] = {"client_created_at": stamp(pay.offline_at)}
    _add_source(payment, pay, currency)
    return msgspec.json.encode(payment)


def _add_source(payment: Json, pay: Pay, currency: str) -> None:
    match pay.method:
        case "CASH":
            payment["source_type"] = "CASH"
            payment["cash_details"] = {
                "buyer_supplied_money": Money(pay.handed, currency),
                "change_back_money": Money(pay.handed - pay.total, currency),
            }
        case "WALLET":
            payment["source_type"] = "WALLET"
            payment["wallet_details"] = {
                "status": _CARD_STATUS[pay.status],
                "brand": "CASH_APP",
            }
        case "OTHER":
            payment["source_type"] = "EXTERNAL"
            payment["external_details"] = {"type": "OTHER", "source": "Voucher"}
        case _:
            payment["source_type"] = "CARD"
            timeline: Json = {"authorized_at": stamp(pay.created_at)}
            if pay.status == "COMPLETED":
                timeline["captured_at"] = stamp(pay.created_at + MILLISECOND * 600)
            payment["card_details"] = {
                "status": _CARD_STATUS[pay.status],
                "card": _card(pay),
                "entry_method": "CONTACTLESS" if pay.method == "CARD" else "SWIPED",
                "card_payment_timeline": timeline,
            }
