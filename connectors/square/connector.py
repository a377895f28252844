"""Square, in the words that every connector speaks."""

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
from connectors.square.assemble import PROVIDER, assemble
from connectors.square.days import day_of
from connectors.square.fetch import fetch
from connectors.square.poll import poll, snapshot
from connectors.square.read import read, route
from connectors.square.signature import authentic
from schemas.part import Part
from schemas.raw import RawEvent
from schemas.transaction import Transaction


class SquareConnector:
    """
    Square's webhooks, API answers and conversations.

    `lookback_s` covers that Square's searches are eventually consistent and that a till's clock
    may lag: what a poll just missed, the next one finds.
    """

    provider = PROVIDER
    lookback_s = 600

    def authentic(self, delivery: Delivery, keys: Sequence[SigningKey], now: datetime) -> bool:
        """Say whether Square signed it with a key valid `now`."""
        return authentic(delivery, keys, now)

    def route(self, body: bytes) -> Route | Rejected:
        """Say which merchant and locations a webhook is about."""
        return route(body)

    def read(self, raw: RawEvent, shop: Shop) -> Outcome:
        """Say what a body means; what it is shows in itself, `raw.resource` is not needed."""
        return read(raw.body, shop)

    def assemble(
        self, transaction: str, parts: Mapping[str, Part], shop: Shop
    ) -> tuple[Transaction, ...]:
        """Make the transactions of one order, or of money without one."""
        return assemble(transaction, parts, shop)

    def poll(self, shop: Shop, since: datetime, until: datetime) -> Conversation:
        """Ask for everything that changed in [since, until)."""
        return poll(shop, since, until)

    def snapshot(self, shop: Shop) -> Conversation:
        """Ask for the whole catalogue and all stock."""
        return snapshot(shop)

    def fetch(self, shop: Shop, resource: str) -> Conversation:
        """Ask for one wanted resource."""
        return fetch(shop, resource)

    def day(self, shop: Shop, day: date) -> Conversation:
        """Ask for orders closed, and payments and refunds made, on a day."""
        return day_of(shop, day)
