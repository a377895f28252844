"""Lightspeed Restaurant K-Series, in the words that every connector speaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from connectors.contract import (
    Conversation,
    Delivery,
    Outcome,
    Rejected,
    Route,
    Shop,
    SigningKey,
)
from connectors.lightspeed_k.assemble import assemble
from connectors.lightspeed_k.fetch import fetch
from connectors.lightspeed_k.poll import LOOKBACK, day_of_sales, poll, snapshot
from connectors.lightspeed_k.read import read, route
from connectors.lightspeed_k.sales import PROVIDER
from connectors.lightspeed_k.signature import authentic
from schemas.part import Part
from schemas.raw import RawEvent
from schemas.transaction import Transaction


class LightspeedKConnector:
    """
    K-Series' webhooks, API answers and conversations.

    `lookback_s` is two hours: a till that was offline hands in its sales late, and they are
    listed by the time at which they were closed. Some polls reach further back (`begin_of`),
    and the daily look does.
    """

    provider = PROVIDER
    lookback_s = int(LOOKBACK.total_seconds())

    def authentic(self, delivery: Delivery, keys: Sequence[SigningKey], now: datetime) -> bool:
        """Say whether it carries a password valid `now`; K-Series signs nothing."""
        return authentic(delivery, keys, now)

    def route(self, body: bytes) -> Route | Rejected:
        """Say which business location a webhook is about."""
        return route(body)

    def read(self, raw: RawEvent, shop: Shop) -> Outcome:
        """Say what a body means; what it is shows in itself, `raw.resource` is not needed."""
        return read(raw, shop)

    def assemble(
        self, transaction: str, parts: Mapping[str, Part], shop: Shop
    ) -> tuple[Transaction, ...]:
        """Make the transaction of one sale."""
        del transaction  # a sale's part says its own key
        return assemble(parts, shop)

    def poll(self, shop: Shop, since: datetime, until: datetime) -> Conversation:
        """Ask for what was closed or changed in [since, until)."""
        return poll(shop, since, until)

    def snapshot(self, shop: Shop) -> Conversation:
        """Ask for all items, and how much is left of them."""
        return snapshot(shop)

    def fetch(self, shop: Shop, resource: str) -> Conversation:
        """Ask for one wanted resource."""
        return fetch(shop, resource)

    def day(self, shop: Shop, day: date) -> Conversation:
        """Ask for a business day as K-Series counts it."""
        return day_of_sales(shop, day)
