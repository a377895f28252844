"""
Ask Square for one business day as its own books have it.

Orders by when they were closed, money by when it moved: that is what decides on which day
something counts. A bill that was paid shortly before or after the day it was closed on needs
its payments, too, so the neighbouring hours are asked for; they are left out by who compares.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from connectors.contract import Conversation, Request, Shop
from connectors.square.api import stamp
from connectors.square.poll import (
    ORDERS_A_PAGE,
    Ask,
    Window,
    money_list,
    pages,
    post,
)

NEIGHBOURING = timedelta(hours=3)
FINAL = ("COMPLETED", "CANCELED")


def day_of(shop: Shop, day: date) -> Conversation:
    """
    Ask for what was closed, paid or refunded on a business day.

    Source: reference/square/orders-api/search-orders (closed_at needs states that are final),
    payments-api/list-payments, refunds-api/list-payment-refunds
    """
    begin = shop.calendar.begins(day) - NEIGHBOURING
    end = shop.calendar.ends(day) + NEIGHBOURING
    everything = Window()
    yield from pages("order", _closed(shop.location_id, begin, end), everything)
    for kind in ("payments", "refunds"):
        moved = _moved(kind, shop.location_id, begin, end)
        yield from pages(kind.removesuffix("s"), moved, everything)


def _closed(place: str, begin: datetime, end: datetime) -> Ask:
    def request(_begin: datetime | None, cursor: str) -> Request:
        closed = {"start_at": stamp(begin), "end_at": stamp(end)}
        search: dict[str, object] = {
            "location_ids": [place],
            "limit": ORDERS_A_PAGE,
            "query": {
                "filter": {
                    "date_time_filter": {"closed_at": closed},
                    "state_filter": {"states": FINAL},
                },
                "sort": {"sort_field": "CLOSED_AT", "sort_order": "ASC"},
            },
        }
        return post("/v2/orders/search", search, cursor, "orders")

    return request


def _moved(kind: str, place: str, begin: datetime, end: datetime) -> Ask:
    def request(_begin: datetime | None, cursor: str) -> Request:
        times = {"begin_time": stamp(begin), "end_time": stamp(end)}
        return money_list(kind, place, "CREATED_AT", times, cursor)

    return request
