"""The X-Series, in the words that every connector speaks."""

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
from connectors.lightspeed_x.assemble import PROVIDER, assemble
from connectors.lightspeed_x.fetch import fetch
from connectors.lightspeed_x.poll import day_of, poll, snapshot
from connectors.lightspeed_x.read import read, route
from connectors.lightspeed_x.signature import authentic
from schemas.part import Part
from schemas.raw import RawEvent
from schemas.transaction import Transaction


class LightspeedXConnector:
    """
    The X-Series' webhooks, API answers and conversations.

    `lookback_s` is an hour: changes are found by their versions, and the place among these by a
    time that some of them keep when they change.
    """

    provider = PROVIDER
    lookback_s = 3600

    def authentic(self, delivery: Delivery, keys: Sequence[SigningKey], now: datetime) -> bool:
        """Say whether Lightspeed signed it with a key valid `now`."""
        return authentic(delivery, keys, now)

    def route(self, body: bytes) -> Route | Rejected:
        """Say which store and outlet a webhook is about."""
        return route(body)

    def read(self, raw: RawEvent, shop: Shop) -> Outcome:
        """Say what a body means; what it is shows in itself, `raw.resource` is not needed."""
        return read(raw, shop)

    def assemble(
        self, transaction: str, parts: Mapping[str, Part], shop: Shop
    ) -> tuple[Transaction, ...]:
        """Make the transaction of one sale or return."""
        return assemble(transaction, parts, shop)

    def poll(self, shop: Shop, since: datetime, until: datetime) -> Conversation:
        """Ask for everything that changed in [since, until)."""
        return poll(shop, since, until)

    def snapshot(self, shop: Shop) -> Conversation:
        """Ask for all products, all stock and unfinished consignments."""
        return snapshot(shop)

    def fetch(self, shop: Shop, resource: str) -> Conversation:
        """Ask for one wanted resource."""
        return fetch(shop, resource)

    def day(self, shop: Shop, day: date) -> Conversation:
        """Ask for the sales made on a day."""
        return day_of(shop, day)
