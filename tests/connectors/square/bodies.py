"""Square bodies for tests, as small as they can be and still add up."""

from __future__ import annotations

import json
from typing import Any

from connectors.contract import Outcome, Shop
from connectors.square.connector import SquareConnector
from schemas.transaction import Transaction
from tests.connectors import golden
from tests.connectors.golden import BAKERY

SQUARE = SquareConnector()
MORNING = "2026-05-04T06:10:00Z"
Json = dict[str, Any]


def eur(amount: int) -> Json:
    return {"amount": amount, "currency": "EUR"}


def a_line(price: int = 300, quantity: str = "1", *, tax: int = 0, **more: Any) -> Json:
    whole = price * int(quantity)
    return {
        "uid": "line",
        "name": "Semmel",
        "quantity": quantity,
        "base_price_money": eur(price),
        "variation_total_price_money": eur(whole),
        "total_tax_money": eur(tax),
        "total_discount_money": eur(0),
        "total_money": eur(whole + tax),
        **more,
    }


def an_order(*lines: Json, **more: Any) -> Json:
    lines = lines or (a_line(),)
    return {
        "id": "ORDER",
        "location_id": "LBAKERY01",
        "state": "COMPLETED",
        "version": 2,
        "created_at": MORNING,
        "updated_at": MORNING,
        "closed_at": MORNING,
        "line_items": list(lines),
        "total_money": eur(sum(line["total_money"]["amount"] for line in lines)),
        "total_tax_money": eur(sum(line["total_tax_money"]["amount"] for line in lines)),
        "total_discount_money": eur(0),
        **more,
    }


def a_payment(amount: int = 300, **more: Any) -> Json:
    return {
        "id": "PAYMENT",
        "order_id": "ORDER",
        "location_id": "LBAKERY01",
        "status": "COMPLETED",
        "source_type": "CARD",
        "amount_money": eur(amount),
        "total_money": eur(amount),
        "created_at": MORNING,
        "updated_at": MORNING,
        **more,
    }


def a_refund(amount: int = 300, **more: Any) -> Json:
    return {
        "id": "REFUND",
        "order_id": "RETURN",
        "payment_id": "PAYMENT",
        "location_id": "LBAKERY01",
        "status": "COMPLETED",
        "amount_money": eur(amount),
        "created_at": MORNING,
        "updated_at": MORNING,
        **more,
    }


def a_webhook(kind: str, **about: Any) -> Json:
    return {
        "merchant_id": "MERCHANT",
        "type": kind,
        "event_id": "EVENT",
        "created_at": MORNING,
        "data": {"type": "x", "id": "x", "object": about},
    }


def read(body: Json | bytes, shop: Shop = BAKERY) -> Outcome:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return golden.read(SQUARE, raw, shop)


def made_of(*bodies: Json, shop: Shop = BAKERY) -> list[Transaction]:
    raws = [json.dumps(body).encode() for body in bodies]
    return golden.transactions(SQUARE, raws, shop)
