"""
What comes back: itemised refunds, refunds of an amount only, and exchanges.

Source: developer.squareup.com/docs/orders-api/order-returns-exchanges,
.../docs/refunds-api/overview
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from connectors.simulation.chance import Chance
from connectors.simulation.config import SimulatedShop
from connectors.simulation.truth import Figures
from connectors.square.simulator.bills import (
    Json,
    Piece,
    discounts,
    return_items,
    tax_line,
    taxes,
)
from connectors.square.simulator.sale import METHODS, Pay, Sale, amounts
from connectors.square.simulator.wording import Money, stamp
from schemas.money import round_minor


class Back(msgspec.Struct, kw_only=True):
    """
    What comes back of one sale.

    Args:
        pieces: each with the uid of the line that it was sold on ("" for an amount only).
        tip: given back, too.
    """

    source: Sale
    pieces: list[tuple[Piece, str]]
    tip: int = 0

    @property
    def total(self) -> int:
        """Return the money that goes back."""
        return sum(piece.due for piece, _ in self.pieces) + self.tip


class Refund(msgspec.Struct, kw_only=True):
    """One PaymentRefund, with the return order that it makes; `reason` as typed in."""

    refund_id: str
    order_id: str
    back: Back
    pay: Pay
    created_at: datetime
    updated_at: datetime
    reason: str
    status: str = "COMPLETED"
    version: int = 0


def itemised(sale: Sale, throw: Chance, *, everything: bool) -> Back | None:
    """Return some or all lines of a sale that have not come back yet; None if none is left."""
    left = [piece for piece in sale.pieces if piece.kind == "ITEM" and piece.due > 0]
    left = [piece for piece in left if piece.uid not in sale.gone]
    if not left:
        return None
    chosen = left if everything else [throw.choice(left)]
    pieces = []
    for piece in chosen:
        part = piece.quantity
        if not piece.weighed and part > 1 and not everything and throw.happens(600):
            part = Decimal(throw.randrange(1, int(part)))
        pieces.append((_part(sale.bakery, piece, part), piece.uid))
        sale.gone = {**sale.gone, piece.uid: part}
    return Back(source=sale, pieces=pieces)


def amount_only(sale: Sale, amount: int) -> Back:
    """Return a sum that goes back without saying for what."""
    piece = Piece(
        uid="amount",
        kind="CUSTOM_AMOUNT",
        name="Custom Amount",
        quantity=Decimal(1),
        price=amount,
        plain=amount,
        gross=amount,
    )
    return Back(source=sale, pieces=[(piece, "")])


def _part(bakery: SimulatedShop, sold: Piece, quantity: Decimal) -> Piece:
    """Return so much of a line: its price, and its share of discounts and tax."""
    piece = msgspec.structs.replace(sold, uid=f"back-{sold.uid}", quantity=quantity)
    if quantity == sold.quantity:
        return piece
    piece.plain = round_minor(sold.price * quantity)
    piece.gross = piece.plain + sum(
        round_minor(price * quantity) for _, price in sold.modifiers
    )
    piece.cuts = {
        number: min(piece.gross, round_minor(cut * quantity / sold.quantity))
        for number, cut in sold.cuts.items()
    }
    if piece.discount > piece.gross:
        piece.cuts = dict.fromkeys(piece.cuts, 0)
    tax_line(bakery, piece)
    return piece


def return_of(back: Back, uid: str) -> Json:
    """Return the entry of an order's `returns`."""
    bakery, cuts = back.source.bakery, back.source.cuts
    pieces = [piece for piece, _ in back.pieces]
    told: Json = {
        "uid": uid,
        "source_order_id": back.source.order_id,
        "return_line_items": return_items(bakery, back.pieces, cuts),
        "return_amounts": amounts(_sums(back), bakery.currency),
    }
    for name, parts in (
        ("return_taxes", taxes(bakery, pieces, (), back=True)),
        ("return_discounts", discounts(bakery, pieces, cuts, back=True)),
    ):
        if parts:
            told[name] = parts
    if back.tip:
        told["return_tips"] = [
            {
                "uid": f"{uid}-tip",
                "applied_money": Money(back.tip, bakery.currency),
                "source_tender_id": back.source.paid[0].payment_id,
            }
        ]
    return told


def _sums(back: Back) -> list[int]:
    pieces = [piece for piece, _ in back.pieces]
    return [
        back.total,
        sum(piece.tax_amount for piece in pieces),
        sum(piece.discount for piece in pieces),
        back.tip,
        0,
    ]


def back_figures(back: Back, at: datetime, tenders: dict[str, int]) -> Figures:
    """Return what coming back adds to its day: all of it negative."""
    bakery = back.source.bakery
    lines = tuple(piece.moved(-1) for piece, _ in back.pieces)
    return Figures(
        location_id=bakery.location_id,
        day=bakery.calendar.day_of(at),
        at=at,
        kind="refund",
        lines=lines,
        service_charge=0,
        tax=sum(line.tax for line in lines),
        tip=-back.tip,
        total=-back.total,
        tenders=tenders,
    )


def refund_figures(refund: Refund) -> Figures | None:
    """Return what a refund adds to its day; None until the money has gone back."""
    if refund.status != "COMPLETED":
        return None
    back = refund.back
    return back_figures(back, refund.created_at, {METHODS[refund.pay.method]: -back.total})


def refund_body(refund: Refund) -> bytes:
    """Return the PaymentRefund as it now stands."""
    bakery, pay = refund.back.source.bakery, refund.pay
    told: Json = {
        "id": refund.refund_id,
        "status": refund.status,
        "location_id": bakery.location_id,
        "unlinked": False,
        "destination_type": "CASH" if pay.method == "CASH" else "CARD",
        "amount_money": Money(refund.back.total, bakery.currency),
        "payment_id": pay.payment_id,
        "order_id": refund.order_id,
        "reason": refund.reason,
        "created_at": stamp(refund.created_at),
        "updated_at": stamp(refund.updated_at),
        "team_member_id": refund.back.source.cashier,
    }
    match pay.method:
        case "CASH":
            told["destination_details"] = {
                "cash_details": {"seller_supplied_money": told["amount_money"]}
            }
        case "WALLET":
            told["destination_type"] = "WALLET"
        case "OTHER":
            told["destination_type"] = "EXTERNAL"
            told["destination_details"] = {
                "external_details": {"type": "OTHER", "source": "Voucher"}
            }
        case _:
            brand = "SQUARE_GIFT_CARD" if pay.method == "SQUARE_GIFT_CARD" else pay.brand
            told["destination_details"] = {
                "card_details": {"card": {"card_brand": brand, "last_4": pay.last_four}}
            }
    return msgspec.json.encode(told)


_IN_ORDER = {"COMPLETED": "APPROVED", "PENDING": "PENDING", "FAILED": "FAILED"}


def return_order_body(refund: Refund) -> bytes:
    """Return the return order of a refund: its own total is zero, the return's is not."""
    back, bakery = refund.back, refund.back.source.bakery
    currency = bakery.currency
    nothing = Money(0, currency)
    sums = _sums(back)
    order: Json = {
        "id": refund.order_id,
        "location_id": bakery.location_id,
        "created_at": stamp(refund.created_at),
        "updated_at": stamp(refund.updated_at),
        "closed_at": stamp(refund.created_at),
        "state": "COMPLETED",
        "version": refund.version,
        "returns": [return_of(back, f"{refund.order_id}-r")],
        "return_amounts": amounts(sums, currency),
        "net_amounts": amounts([-one for one in sums], currency),
        "refunds": [
            {
                "id": refund.refund_id,
                "location_id": bakery.location_id,
                "transaction_id": back.source.order_id,
                "tender_id": refund.pay.payment_id,
                "created_at": stamp(refund.created_at),
                "reason": refund.reason,
                "amount_money": Money(back.total, currency),
                "status": _IN_ORDER[refund.status],
            }
        ],
        "total_money": nothing,
        "total_tax_money": nothing,
        "total_discount_money": nothing,
        "total_tip_money": nothing,
        "total_service_charge_money": nothing,
        "source": {"name": "Square Point of Sale"},
    }
    return msgspec.json.encode(order)
