"""The endpoints that answer one thing by its id, and the merchant's own particulars."""

from __future__ import annotations

import msgspec

from connectors.simulation.config import SimulatedShop, SimulatorConfig
from connectors.square.simulator.bills import Json
from connectors.square.simulator.inquiry import Inquiry
from connectors.square.simulator.paging import RefusedError
from connectors.square.simulator.timeline import Happening, Store
from connectors.square.simulator.wording import stamp

MAX_BATCH = 100


class _Batch(msgspec.Struct):
    order_ids: list[str]
    location_id: str = ""


_batch = msgspec.json.Decoder(_Batch)


class Desk:
    """Looks things up for one merchant; what belongs to another does not exist."""

    def __init__(self, config: SimulatorConfig, store: Store) -> None:
        self._config, self._store = config, store

    def locations(self, asked: Inquiry) -> Json:
        """GET /v2/locations."""
        return {"locations": [self._place(one) for one in self._of(asked.merchant)]}

    def location(self, asked: Inquiry) -> Json:
        """GET /v2/locations/{id}, where "main" is the main one."""
        for one in self._of(asked.merchant):
            if asked.name == one.location_id or (asked.name == "main" and one.main):
                return {"location": self._place(one)}
        raise RefusedError(404, "NOT_FOUND", "location_id")

    def merchants(self, asked: Inquiry) -> Json:
        """GET /v2/merchants."""
        return {"merchant": [self._merchant(asked.merchant)]}

    def merchant(self, asked: Inquiry) -> Json:
        """GET /v2/merchants/{id}, where "me" is the token's own."""
        if asked.name not in {"me", asked.merchant}:
            raise RefusedError(404, "NOT_FOUND", "merchant_id")
        return {"merchant": self._merchant(asked.merchant)}

    def payment(self, asked: Inquiry) -> Json:
        """GET /v2/payments/{id}."""
        return {"payment": msgspec.Raw(self._one("payment", asked.merchant, asked.name).body)}

    def refund(self, asked: Inquiry) -> Json:
        """GET /v2/refunds/{id}."""
        return {"refund": msgspec.Raw(self._one("refund", asked.merchant, asked.name).body)}

    def order(self, asked: Inquiry) -> Json:
        """GET /v2/orders/{id}."""
        return {"order": msgspec.Raw(self._one("order", asked.merchant, asked.name).body)}

    def orders(self, asked: Inquiry) -> Json:
        """POST /v2/orders/batch-retrieve: unknown ids are left out in silence."""
        batch = _batch.decode(asked.call.body)
        if len(batch.order_ids) > MAX_BATCH:
            raise RefusedError(400, "ARRAY_LENGTH_TOO_LONG", "order_ids")
        found = [self._store.one("order", name) for name in batch.order_ids]
        return {
            "orders": [
                msgspec.Raw(one.body)
                for one in found
                if one is not None and one.merchant_id == asked.merchant
            ]
        }

    def catalog_object(self, asked: Inquiry) -> Json:
        """GET /v2/catalog/object/{id}."""
        found = self._one("item", asked.merchant, asked.name)
        if found.deleted:
            raise RefusedError(404, "NOT_FOUND", "object_id")
        return {"object": msgspec.Raw(found.body)}

    def _one(self, kind: str, merchant: str, name: str) -> Happening:
        found = self._store.one(kind, name)
        if found is None or found.merchant_id != merchant:
            raise RefusedError(404, "NOT_FOUND", f"{kind}_id")
        return found

    def _of(self, merchant: str) -> list[SimulatedShop]:
        return [one for one in self._config.shops if one.merchant_id == merchant]

    def _place(self, bakery: SimulatedShop) -> Json:
        return {
            "id": bakery.location_id,
            "name": bakery.name,
            "timezone": bakery.timezone,
            "capabilities": ["CREDIT_CARD_PROCESSING"],
            "status": "ACTIVE",
            "created_at": stamp(self._config.now.replace(year=2020)),
            "merchant_id": bakery.merchant_id,
            "country": bakery.country,
            "language_code": "en-US",
            "currency": bakery.currency,
            "business_name": bakery.name,
            "type": "PHYSICAL",
        }

    def _merchant(self, merchant: str) -> Json:
        first = self._of(merchant)[0]
        return {
            "id": merchant,
            "business_name": first.name,
            "country": first.country,
            "language_code": "en-US",
            "currency": first.currency,
            "status": "ACTIVE",
            "main_location_id": first.location_id,
        }
