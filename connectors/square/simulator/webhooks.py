"""
The webhooks of a simulated Square: signed, and as unreliable as the config wants.

Source: developer.squareup.com/docs/webhooks/overview, .../webhooks/step3validate
"""

from __future__ import annotations

import base64
import hmac
from datetime import datetime

import msgspec

from connectors.contract import Delivery
from connectors.simulation.chance import Chance
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.weather import Attempt, attempts
from connectors.square.simulator.bills import Json
from connectors.square.simulator.lists import count_told
from connectors.square.simulator.timeline import Happening, Store
from connectors.square.simulator.wording import stamp

SIGNATURE = "x-square-hmacsha256-signature"


class Planned(msgspec.Struct, frozen=True):
    """One attempt to deliver one event of a happening."""

    attempt: Attempt
    index: int
    type: str

    @property
    def due(self) -> datetime:
        """Return when it is sent."""
        return self.attempt.due


def plan(
    config: SimulatorConfig, happenings: list[Happening], since: datetime
) -> list[Planned]:
    """Return the attempts for everything that happens after a time, in order of delivery."""
    events = [
        (index, name)
        for index, news in enumerate(happenings)
        if news.at > since
        for name in news.events
    ]
    times = [happenings[index].at for index, _ in events]
    return [
        Planned(attempt, *events[attempt.index])
        for attempt in attempts(config.seed, config.faults, times)
    ]


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
            "event_id": planned.attempt.uid,
            "created_at": stamp(news.at),
            "data": data,
        }
        retry = planned.attempt.retry
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
