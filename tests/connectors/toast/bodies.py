"""Toast bodies to the documented shapes, and what the connector makes of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from connectors.contract import Outcome, Parts, Shop
from connectors.toast.connector import ToastConnector
from schemas.businessday import BusinessCalendar
from schemas.part import Part
from schemas.raw import Channel, RawEvent
from schemas.transaction import Transaction, broken_laws

RESTAURANT = "6a1c1f5e-0a51-4f2c-8a0e-2d1d6c9b7e10"
SHOP = Shop(
    tenant_id="tenant",
    account_id="account",
    location_id=RESTAURANT,
    calendar=BusinessCalendar("America/New_York", 4),
    currency="USD",
)
TOAST = ToastConnector()
RECEIVED = datetime(2026, 5, 20, tzinfo=UTC)
NEVER = "1970-01-01T00:00:00.000+0000"


def guid(name: str) -> str:
    """Make a readable guid: the name, padded."""
    return f"{name:0<8.8}-0000-4000-8000-000000000000"


def ref(name: str, kind: str) -> dict[str, object]:
    return {"guid": guid(name), "entityType": kind, "externalId": None}


def tax(
    amount: float | None, name: str = "State Tax", rate: float = 0.0625
) -> dict[str, object]:
    return {
        "entityType": "AppliedTaxRate",
        "taxRate": {"guid": guid("rate"), "entityType": "TaxRate"},
        "name": name,
        "rate": rate,
        "taxAmount": amount,
        "type": "PERCENT",
    }


def selection(name: str, price: float, /, **more: object) -> dict[str, object]:
    """Make a line of one piece; `tax=` is also its only applied tax unless those are given."""
    due = more.get("tax", 0)
    return {
        "guid": guid(f"s{name}"),
        "entityType": "MenuItemSelection",
        "externalId": None,
        "deferred": False,
        "item": ref(name, "MenuItem"),
        "quantity": 1,
        "unitOfMeasure": "NONE",
        "receiptLinePrice": price,
        "preDiscountPrice": price,
        "price": price,
        "displayName": name.capitalize(),
        "appliedDiscounts": [],
        "modifiers": [],
        "selectionType": "NONE",
        "voided": False,
        "taxInclusion": "NOT_INCLUDED",
        "tax": 0,
        "appliedTaxes": [tax(due)] if due else [],  # type: ignore[arg-type]
        **more,
    }


def discount(name: str, amount: float, /, **more: object) -> dict[str, object]:
    return {
        "guid": guid(f"d{name}"),
        "entityType": "AppliedCustomDiscount",
        "name": name,
        "discountAmount": amount,
        "nonTaxDiscountAmount": amount,
        "processingState": None,
        **more,
    }


def charge(name: str, amount: float, /, **more: object) -> dict[str, object]:
    return {
        "guid": guid(f"c{name}"),
        "entityType": "AppliedServiceCharge",
        "name": name,
        "chargeAmount": amount,
        "chargeType": "FIXED",
        "gratuity": False,
        "taxable": False,
        "serviceChargeCategory": "SERVICE_CHARGE",
        "appliedTaxes": [],
        **more,
    }


def payment(name: str, amount: float, tip: float = 0, /, **more: object) -> dict[str, object]:
    return {
        "guid": guid(f"p{name}"),
        "entityType": "OrderPayment",
        "externalId": None,
        "type": "CREDIT",
        "amount": amount,
        "tipAmount": tip,
        "amountTendered": 0,
        "cardType": "VISA",
        "last4Digits": "4242",
        "paymentStatus": "CAPTURED",
        "refundStatus": "NONE",
        "refund": None,
        "voidInfo": None,
        "paidDate": "2026-05-04T16:30:00.000+0000",
        "paidBusinessDate": 20260504,
        **more,
    }


def cash(name: str, amount: float, tendered: float, **more: object) -> dict[str, object]:
    return payment(
        name,
        amount,
        type="CASH",
        cardType=None,
        last4Digits=None,
        amountTendered=tendered,
        paymentStatus="CAPTURED",
        **more,
    )


def refund(
    amount: float, tip: float = 0, *, day: int = 5, name: str = "rf1"
) -> dict[str, object]:
    return {
        "refundAmount": amount,
        "tipRefundAmount": tip,
        "refundDate": f"2026-05-{day:02d}T15:00:00.000+0000",
        "refundBusinessDate": 20260500 + day,
        "refundTransaction": {"guid": guid(name), "entityType": "RefundTransaction"},
    }


def refunded(amount: float, taxed: float, name: str = "rf1") -> dict[str, object]:
    return {
        "refundAmount": amount,
        "taxRefundAmount": taxed,
        "refundTransaction": {"guid": guid(name), "entityType": "RefundTransaction"},
    }


def check(
    name: str,
    selections: Sequence[object],
    payments: Sequence[object] = (),
    /,
    **more: object,
) -> dict[str, object]:
    """Make a closed check; amounts are the caller's to say."""
    return {
        "guid": guid(f"k{name}"),
        "entityType": "Check",
        "externalId": None,
        "displayNumber": name,
        "openedDate": "2026-05-04T16:00:00.000+0000",
        "paidDate": "2026-05-04T16:30:00.000+0000",
        "closedDate": "2026-05-05T08:05:00.000+0000",
        "deletedDate": NEVER,
        "modifiedDate": "2026-05-05T08:05:00.000+0000",
        "voidDate": None,
        "voided": False,
        "deleted": False,
        "paymentStatus": "CLOSED",
        "selections": list(selections),
        "appliedDiscounts": [],
        "appliedServiceCharges": [],
        "payments": list(payments),
        "customer": None,
        "createdDevice": {"id": "175785aa78a7c4dc"},
        **more,
    }


def amounts(amount: float, taxed: float, total: float) -> dict[str, object]:
    return {"amount": amount, "taxAmount": taxed, "totalAmount": total}


def order(name: str, /, *checks: object, **more: object) -> dict[str, object]:
    return {
        "guid": guid(f"o{name}"),
        "entityType": "Order",
        "externalId": None,
        "businessDate": 20260504,
        "openedDate": "2026-05-04T16:00:00.000+0000",
        "closedDate": "2026-05-05T08:05:00.000+0000",
        "deletedDate": NEVER,
        "modifiedDate": "2026-05-05T08:05:00.000+0000",
        "voided": False,
        "deleted": False,
        "createdInTestMode": False,
        "server": ref("server1", "RestaurantUser"),
        "createdDevice": {"id": "175785aa78a7c4dc"},
        "checks": list(checks),
        **more,
    }


def webhook(category: str, kind: str, details: Mapping[str, object]) -> dict[str, object]:
    return {
        "timestamp": "2026-05-04T16:31:00.000Z",
        "eventCategory": category,
        "eventType": kind,
        "guid": guid("event"),
        "details": {"restaurantGuid": RESTAURANT, **details},
    }


def bytes_of(body: object) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def read(body: object, shop: Shop = SHOP) -> Outcome:
    raw = RawEvent(
        raw_id="raw",
        tenant_id="tenant",
        account_id="account",
        provider="toast",
        channel=Channel.WEBHOOK,
        resource="",
        received_at=RECEIVED,
        body=bytes_of(body),
    )
    return TOAST.read(raw, shop)


def transactions(*bodies: object, shop: Shop = SHOP) -> list[Transaction]:
    """Return what these bodies make together, sales before their refunds; every law holds."""
    known: dict[str, Part] = {}
    for body in bodies:
        outcome = read(body, shop)
        assert isinstance(outcome, Parts), outcome
        for part in outcome.parts:
            if part.supersedes(known.get(part.transaction)):
                known[part.transaction] = part
    made = [
        transaction
        for key, part in known.items()
        for transaction in TOAST.assemble(key, {part.part_id: part}, shop)
    ]
    for one in made:
        assert list(broken_laws(one)) == []
    return made
