"""
The webhooks of a simulated Toast: signed over body and timestamp, tried three times at most.

Source: doc.toasttab.com platform guide, "Webhooks", "Message signing", "Stock webhook",
"Menus webhook"
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from hmac import digest
from typing import NamedTuple

from connectors.contract import Delivery
from connectors.simulation.answers import Json, write
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.shelves import Stock
from connectors.simulation.weather import Attempt
from connectors.toast.simulator.ledger import Ledger, Name
from connectors.toast.simulator.menu import Menus, multi_location_id, status_of
from connectors.toast.simulator.orders import Writer
from connectors.toast.simulator.wording import told_at

LOW = 5


class News(NamedTuple):
    """Something that Toast tells: a changed order, a count, or else that menus are new."""

    at: datetime
    place: int
    order: Name | None = None
    stock: Stock | None = None


def news(
    config: SimulatorConfig, ledger: Ledger, words: Sequence[tuple[int, Stock]], since: datetime
) -> list[News]:
    """Return all that there is to tell after a time, oldest first."""
    return sorted(_all(config, ledger, words, since), key=_by_time)


def _by_time(one: News) -> tuple[datetime, int, Name, str]:
    return one.at, one.place, one.order or (0, 0), one.stock.key if one.stock else ""


def _all(
    config: SimulatorConfig, ledger: Ledger, words: Sequence[tuple[int, Stock]], since: datetime
) -> Iterator[News]:
    for at, name in ledger.news():
        if at > since:
            yield News(at, name[0], order=name)
    for place, word in words:
        if word.at > since:
            yield News(word.at, place, stock=word)
    for place in range(len(config.shops)):
        for at in Menus(config, place).published(since):
            yield News(at, place)


class Postman:
    """Writes and signs deliveries; each tells what was known when it happened."""

    def __init__(self, config: SimulatorConfig, ledger: Ledger, writer: Writer) -> None:
        self._config, self._ledger, self._writer = config, ledger, writer

    def write(self, told: News, attempt: Attempt) -> Delivery:
        """Return one attempt; its body is the same at every attempt."""
        category, kind, details = self._details(told)
        restaurant = self._config.shops[told.place].location_id
        stamp = told_at(told.at)
        body = write(
            {
                "timestamp": stamp,
                "eventCategory": category,
                "eventType": kind,
                "guid": attempt.uid,
                "details": {"restaurantGuid": restaurant, **details},
            }
        )
        key = self._config.signature_key.encode()
        return Delivery(
            headers={
                "content-type": "application/json",
                "toast-event-type": kind,
                "toast-event-category": category,
                "toast-restaurant-external-id": restaurant,
                "toast-attempt-number": f"{attempt.retry + 1}",
                "toast-signature": b64encode(
                    digest(key, body + stamp.encode(), "sha256")
                ).decode(),
            },
            url=self._config.notification_url,
            body=body,
        )

    def _details(self, told: News) -> tuple[str, str, Json]:
        if told.stock is not None:
            return "stock", _stock_event(told.stock), _stock_details(told.stock)
        known = None if told.order is None else self._ledger.at(told.order, told.at)
        if known is None:
            return "menus", "menus_updated", {"publishedDate": told_at(told.at)}
        order = self._writer.order(known, guests=False)
        return "order_updated", "order_updated", {"order": order}


def _stock_event(word: Stock) -> str:
    """Return what happened: five or fewer are few, also where a person has set so many."""
    counted = word.counted or Decimal(0)
    if counted <= 0:
        return "out_of_stock"
    return "low_quantity" if counted <= LOW else "in_stock"


def _stock_details(word: Stock) -> Json:
    return {
        "itemGuid": word.key,
        **status_of(word.counted or Decimal(0)),
        "multiLocationId": multi_location_id(word.key),
        "versionId": word.key,
    }
