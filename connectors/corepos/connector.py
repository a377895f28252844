"""CORE-POS, in the words that every connector speaks."""

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
from connectors.corepos.assemble import PROVIDER, assemble
from connectors.corepos.days import day_of
from connectors.corepos.fetch import fetch
from connectors.corepos.poll import poll, snapshot
from connectors.corepos.position import LOOKBACK
from connectors.corepos.read import read
from schemas.part import Part
from schemas.raw import RawEvent
from schemas.transaction import Transaction


class CoreposConnector:
    """
    CORE-POS's tables and web service; it sends no webhooks.

    `lookback_s` makes the polls of the first hours after midnight see the nightly rotation
    (00:30) behind them; what arrives late with its own old time is in the live table till then.
    """

    provider = PROVIDER
    lookback_s = int(LOOKBACK.total_seconds())

    def authentic(self, delivery: Delivery, keys: Sequence[SigningKey], now: datetime) -> bool:
        """Say that it is not: CORE-POS sends nothing by itself."""
        del delivery, keys, now
        return False

    def route(self, body: bytes) -> Route | Rejected:
        """Refuse: CORE-POS sends nothing by itself."""
        del body
        return Rejected("unreadable", "CORE-POS sends no webhooks")

    def read(self, raw: RawEvent, shop: Shop) -> Outcome:
        """Say what rows mean; their columns tell of which table they are."""
        return read(raw.body, shop, raw.received_at)

    def assemble(
        self, transaction: str, parts: Mapping[str, Part], shop: Shop
    ) -> tuple[Transaction, ...]:
        """Make the transaction of these rows, once they are all there."""
        return assemble(transaction, parts, shop)

    def poll(self, shop: Shop, since: datetime, until: datetime) -> Conversation:
        """Ask for the rows of [since, until), the day's and the archive's."""
        return poll(shop, since, until)

    def snapshot(self, shop: Shop) -> Conversation:
        """Ask for all products and counts."""
        return snapshot(shop)

    def fetch(self, shop: Shop, resource: str) -> Conversation:
        """Ask for one wanted resource."""
        return fetch(shop, resource)

    def day(self, shop: Shop, day: date) -> Conversation:
        """Ask for the rows of a day, and its sums."""
        return day_of(shop, day)
