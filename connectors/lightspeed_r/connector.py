"""The R-Series, in the words that every connector speaks."""

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
from connectors.lightspeed_r.assemble import PROVIDER, assemble
from connectors.lightspeed_r.fetch import fetch, wanted_order
from connectors.lightspeed_r.poll import day_of, poll, snapshot
from connectors.lightspeed_r.read import read
from schemas.part import Part
from schemas.purchasing import ORDER_DRAFT
from schemas.raw import Channel, RawEvent
from schemas.transaction import Transaction


class LightspeedRConnector:
    """
    The R-Series' API answers and conversations; it sends no webhooks.

    `lookback_s` covers that a change is seen by its time and not by when it can be read.
    """

    provider = PROVIDER
    lookback_s = 600

    def authentic(self, delivery: Delivery, keys: Sequence[SigningKey], now: datetime) -> bool:
        """Say that it is not: the R-Series sends nothing by itself."""
        del delivery, keys, now
        return False

    def route(self, body: bytes) -> Route | Rejected:
        """Refuse: the R-Series sends nothing by itself."""
        del body
        return Rejected("unreadable", "the R-Series sends no webhooks")

    def read(self, raw: RawEvent, shop: Shop) -> Outcome:
        """Say what a body means; what it is shows in itself, `raw.resource` is not needed."""
        if raw.channel is Channel.PUSH and raw.resource == ORDER_DRAFT:
            return wanted_order(raw.body)
        return read(raw.body, shop)

    def assemble(
        self, transaction: str, parts: Mapping[str, Part], shop: Shop
    ) -> tuple[Transaction, ...]:
        """Make the transaction of one sale."""
        return assemble(transaction, parts, shop)

    def poll(self, shop: Shop, since: datetime, until: datetime) -> Conversation:
        """Ask for everything that changed in [since, until)."""
        return poll(shop, since, until)

    def snapshot(self, shop: Shop) -> Conversation:
        """Ask for all items, all stock and all unfinished purchase orders."""
        return snapshot(shop)

    def fetch(self, shop: Shop, resource: str) -> Conversation:
        """Ask for one wanted resource."""
        return fetch(shop, resource)

    def day(self, shop: Shop, day: date) -> Conversation:
        """Ask for the sales completed on a day."""
        return day_of(shop, day)
