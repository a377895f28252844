"""A till of one's own, in the words that every connector speaks."""

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
from connectors.push.draft import PROVIDER
from connectors.push.read import assemble, read
from schemas.part import Part
from schemas.raw import RawEvent
from schemas.transaction import Transaction


class PushConnector:
    """Reads what tenants hand in with their API key; nobody is ever asked for anything."""

    provider = PROVIDER
    lookback_s = 0

    def authentic(self, delivery: Delivery, keys: Sequence[SigningKey], now: datetime) -> bool:
        """Say that it is not: there are no webhooks, the API key is what proves the sender."""
        del delivery, keys, now
        return False

    def route(self, body: bytes) -> Route | Rejected:
        """Refuse: the account stands in the address that is posted to, not in the body."""
        del body
        return Rejected("unreadable", "transactions are posted to their account")

    def read(self, raw: RawEvent, shop: Shop) -> Outcome:
        """Say what a transaction, or a list of them, means."""
        return read(raw.body, shop)

    def assemble(
        self, transaction: str, parts: Mapping[str, Part], shop: Shop
    ) -> tuple[Transaction, ...]:
        """Make the transaction of its newest version."""
        del transaction  # its part says its own key
        return assemble(parts, shop)

    def poll(self, shop: Shop, since: datetime, until: datetime) -> Conversation:
        """Ask nobody."""
        del shop, since, until
        yield from ()

    def snapshot(self, shop: Shop) -> Conversation:
        """Ask nobody."""
        del shop
        yield from ()

    def fetch(self, shop: Shop, resource: str) -> Conversation:
        """Ask nobody."""
        del shop, resource
        yield from ()

    def day(self, shop: Shop, day: date) -> Conversation:
        """Ask nobody: there is no other side to compare with."""
        del shop, day
        yield from ()
