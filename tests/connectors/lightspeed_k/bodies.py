"""K-Series bodies to the documented shapes, and what the connector makes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from connectors.contract import Outcome, Parts, Shop
from connectors.lightspeed_k.connector import LightspeedKConnector
from schemas.businessday import BusinessCalendar
from schemas.part import Part
from schemas.raw import Channel, RawEvent
from schemas.transaction import Transaction, broken_laws

SHOP = Shop(
    tenant_id="tenant",
    account_id="account",
    location_id="247158188015618",
    calendar=BusinessCalendar("Europe/Brussels", 5),
    currency="EUR",
)
KSERIES = LightspeedKConnector()
RECEIVED = datetime(2026, 5, 20, tzinfo=UTC)


def line(name: str, total: str | None, tax: str, /, **more: object) -> dict[str, object]:
    """
    Make a line of one piece, its price with 21 % tax inside.

    Give `total=None` and `totalNetAmountWithoutTax=` for a business whose prices have none.
    """
    made: dict[str, object] = {
        "id": f"S65315.{sum(name.encode())}",
        "totalNetAmountWithTax": total,
        "menuListPrice": total,
        "unitCostPrice": "1.00",
        "serviceCharge": "0.00",
        "serviceChargeType": "NO_SERVICE_CHARGE",
        "discountAmount": "0.00",
        "taxCode": "BTW21",
        "taxAmount": tax,
        "taxRatePercentage": "21.00",
        "accountDiscountAmount": "0.00",
        "totalDiscountAmount": "0.00",
        "sku": f"SKU-{name}",
        "name": name.capitalize(),
        "quantity": "1.000",
        "statisticGroup": "Food",
        "currency": "EUR",
    }
    return {**{key: value for key, value in made.items() if value is not None}, **more}


def payment(code: str, amount: str, tip: str = "0.00", /, **more: object) -> dict[str, object]:
    return {
        "code": code,
        "description": code.capitalize(),
        "paymentMethodId": 141948669132824,
        "netAmountWithTax": amount,
        "currency": "EUR",
        "tip": tip,
        "surcharge": "0.00",
        "type": "NORMAL",
        "fiscId": f"T72691.{sum(code.encode())}",
        "consumer": {},
        **more,
    }


def sale(
    account: str,
    lines: Sequence[object],
    payments: Sequence[object] = (),
    /,
    **more: object,
) -> dict[str, object]:
    return {
        "accountReference": "57X0j3hzTZ2oo9sdVWiUog==",
        "accountFiscId": account,
        "receiptId": f"R{account[1:]}",
        "source": {"initialAccountId": account},
        "salesLines": list(lines),
        "payments": list(payments),
        "timeOfOpening": "2026-05-04T17:05:00.000Z",
        "timeClosed": "2026-05-04T18:10:00.000Z",
        "cancelled": False,
        "ownerName": "Manager",
        "ownerId": 14670,
        "type": "SALE",
        "nbCovers": 2.0,
        "dineIn": True,
        "deviceId": 75125,
        **more,
    }


def bytes_of(body: object) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def read(body: object, shop: Shop = SHOP) -> Outcome:
    raw = RawEvent(
        raw_id="raw",
        tenant_id="tenant",
        account_id="account",
        provider="lightspeed-k",
        channel=Channel.POLL,
        resource="",
        received_at=RECEIVED,
        body=bytes_of(body),
    )
    return KSERIES.read(raw, shop)


def transactions(*bodies: object, shop: Shop = SHOP) -> list[Transaction]:
    """Return what these bodies make together; every law holds."""
    known: dict[str, dict[str, Part]] = {}
    for body in bodies:
        outcome = read(body, shop)
        assert isinstance(outcome, Parts), outcome
        for part in outcome.parts:
            bundle = known.setdefault(part.transaction, {})
            if part.supersedes(bundle.get(part.part_id)):
                bundle[part.part_id] = part
    made = [
        transaction
        for key, bundle in known.items()
        for transaction in KSERIES.assemble(key, bundle, shop)
    ]
    for one in made:
        assert list(broken_laws(one)) == []
    return made
