"""
The webhooks of a simulated Square: signed, and as unreliable as the config wants.

Source: developer.squareup.com/docs/webhooks/overview, .../webhooks/step3validate
"""

from __future__ import annotations

import base64
import hmac
from datetime import datetime, timedelta

import msgspec

from connectors.contract import Delivery
from connectors.square.simulator.bills import Json
from connectors.square.simulator.chance import Chance, stamp
from connectors.square.simulator.config import SimulatorConfig
from connectors.square.simulator.lists import count_told
from connectors.square.simulator.timeline import Happening, Store

SIGNATURE = "x-square-hmacsha256-signature"


class Planned(msgspec.Struct, frozen=True, order=True):
    """One attempt to deliver one event; `event_id` is the same for its duplicates."""

    due: datetime
    number: int
    index: int
    type: str
    event_id: str
    retry: int = 0


def plan(
    config: SimulatorConfig, happenings: list[Happening], since: datetime
) -> list[Planned]:
    """Return the attempts for everything that happens after a time, in order of delivery."""
    throw, faults = Chance(config.seed, "webhooks"), config.faults
    found: list[Planned] = []
    for index, news in enumerate(happenings):
        if news.at <= since:
            continue
        for name in news.events:
            event_id = throw.uuid()
            if throw.happens(faults.losses):
                continue
            attempts = 2 if throw.happens(faults.duplicates) else 1
            for retry in range(attempts):
                due = news.at
                if retry or throw.happens(faults.delayed):
                    due += throw.between(
                        timedelta(milliseconds=1), timedelta(seconds=faults.max_delay_s)
                    )
                found.append(Planned(due, len(found), index, name, event_id, retry))
    return sorted(found)


class Postman:
    """Writes and signs deliveries."""

    def __init__(self, config: SimulatorConfig, store: Store) -> None:
        self._config, self._store = config, store

    def write(self, planned: Planned) -> Delivery | None:
        """Return one attempt; None for a count of what was never counted."""
        news = self._store.happenings[planned.index]
        told = self._told(planned.type, news)
        if told is None:
            return None
        data_type, name, thing = told
        data: Json = {"type": data_type, "id": name, "object": thing}
        body: Json = {
            "merchant_id": news.merchant_id,
            "type": planned.type,
            "event_id": planned.event_id,
            "created_at": stamp(news.at),
            "data": data,
        }
        retry = planned.retry
        headers = {"square-initial-delivery-timestamp": stamp(news.at)}
        if retry:
            headers |= {
                "square-retry-number": f"{retry}",
                "square-retry-reason": "http_timeout",
            }
        return self.sign(msgspec.json.encode(body), headers)

    def revocation(self, merchant: str, at: datetime) -> Delivery:
        """Return the news that a merchant took our authorisation back."""
        throw = Chance(self._config.seed, "revocation", merchant)
        body: Json = {
            "merchant_id": merchant,
            "type": "oauth.authorization.revoked",
            "event_id": throw.uuid(),
            "created_at": stamp(at),
            "data": {
                "type": "revocation",
                "id": throw.uuid(),
                "object": {"revocation": {"revoked_at": stamp(at), "revoker_type": "MERCHANT"}},
            },
        }
        return self.sign(msgspec.json.encode(body), {})

    def sign(self, body: bytes, headers: dict[str, str]) -> Delivery:
        """Return a delivery of exactly these bytes."""
        url, key = self._config.notification_url, self._config.signature_key
        digest = hmac.digest(key.encode(), url.encode() + body, "sha256")
        return Delivery(
            headers={
                "content-type": "application/json",
                "square-environment": "Production",
                **headers,
                SIGNATURE: base64.b64encode(digest).decode(),
            },
            url=url,
            body=body,
        )

    def _told(self, name: str, news: Happening) -> tuple[str, str, Json] | None:
        """Return the kind, the id and the object of an event's data."""
        match news.kind:
            case "order":
                stub: Json = {
                    "order_id": news.id,
                    "version": news.version,
                    "location_id": news.location_id,
                    "state": news.state,
                    "created_at": stamp(news.created_at),
                    "updated_at": stamp(news.at),
                }
                kind = name.replace(".", "_")
                return kind, news.id, {kind: stub}
            case "item":
                changed: Json = {"catalog_version": {"updated_at": stamp(news.at)}}
                return "catalog_version", news.id, changed
            case "change":
                count = count_told(self._store, news.place, news.location_id, news.count_of)
                if count is None:
                    return None
                return "inventory_counts", news.id, {"inventory_counts": [count[1]]}
            case _:
                return news.kind, news.id, {news.kind: msgspec.Raw(news.body)}
