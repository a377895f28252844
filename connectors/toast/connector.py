"""Toast, in the words that every connector speaks."""

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
from connectors.toast.assemble import assemble
from connectors.toast.drafts import PROVIDER
from connectors.toast.fetch import fetch
from connectors.toast.poll import day_of, poll, snapshot
from connectors.toast.read import read, route
from connectors.toast.signature import authentic
from schemas.part import Part
from schemas.raw import RawEvent
from schemas.transaction import Transaction


class ToastConnector:
    """
    Toast's webhooks, API answers and conversations.

    `lookback_s` is an hour: an order that changes while pages are read moves out of the window,
    and another one takes its place on a page that was read already; the next poll finds it.
    """

    provider = PROVIDER
    lookback_s = 3600

    def authentic(self, delivery: Delivery, keys: Sequence[SigningKey], now: datetime) -> bool:
        """Say whether Toast signed it with a key valid `now`."""
        return authentic(delivery, keys, now)

    def route(self, body: bytes) -> Route | Rejected:
        """Say which restaurant a webhook is about."""
        return route(body)

    def read(self, raw: RawEvent, shop: Shop) -> Outcome:
        """Say what a body means; what it is shows in itself, `raw.resource` is not needed."""
        return read(raw, shop)

    def assemble(
        self, transaction: str, parts: Mapping[str, Part], shop: Shop
    ) -> tuple[Transaction, ...]:
        """Make the checks and refunds of one order."""
        del transaction  # an order's part says its own key
        return assemble(parts, shop)

    def poll(self, shop: Shop, since: datetime, until: datetime) -> Conversation:
        """Ask for everything that changed in [since, until)."""
        return poll(shop, since, until)

    def snapshot(self, shop: Shop) -> Conversation:
        """Ask for all menus and all stock."""
        return snapshot(shop)

    def fetch(self, shop: Shop, resource: str) -> Conversation:
        """Ask for one wanted resource."""
        return fetch(shop, resource)

    def day(self, shop: Shop, day: date) -> Conversation:
        """Ask for a business date as Toast counts it."""
        return day_of(shop, day)
