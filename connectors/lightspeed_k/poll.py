"""
Ask K-Series for what changed: in-store sales come in no other way.

Source: api-docs.lsk.lightspeed.app, Financial V2 (getSales, getBusinessDaySales), Items
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from datetime import date, datetime, timedelta

import msgspec

from connectors.contract import (
    Conversation,
    Page,
    PermanentError,
    Request,
    Response,
    Shop,
)
from connectors.lightspeed_k.api import ask, segment, stamp

WINDOW = timedelta(days=364)
"""Of one question for sales; K-Series takes at most 365 days."""

PAGE_SIZE = 100
ITEMS_A_PAGE = 200
MAX_PAGES = 10_000

# Payments and the guest's id come only when asked for.
INCLUDE = ("include", "payments,consumer")

# Times have milliseconds: an end cut to them would leave a part of one out.
_MILLISECOND = timedelta(milliseconds=1)

Chat = Generator[Request | Page, Response | None, None]


class _Sales(msgspec.Struct, rename="camel"):
    sales: list[msgspec.Raw]
    next_page_token: str | None = None


_sales = msgspec.json.Decoder(_Sales)
_list = msgspec.json.Decoder(list[msgspec.Raw])


def poll(shop: Shop, since: datetime, until: datetime) -> Conversation:
    """
    Ask for sales closed, and back-office changes made, in [since, until); each is one body.

    Items have no time of change: they are asked for once a business day, by the first poll
    that reaches into it.

    Raises:
        PermanentError: K-Series refused, or an answer cannot be read.
    """
    for begin, end in windows(since, until):
        yield from _closed(shop, begin, end)
    if shop.calendar.day_of(since) != shop.calendar.day_of(until):
        yield from items(shop)


def snapshot(shop: Shop) -> Conversation:
    """Ask for all items; how much is left of them only webhooks tell."""
    yield from items(shop)


def windows(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Cut a span into windows that meet, none of them longer than `WINDOW`."""
    while since < until:
        end = min(since + WINDOW, until)
        yield since, end
        since = end


def _closed(shop: Shop, since: datetime, until: datetime) -> Chat:
    span = (("from", stamp(since)), ("to", stamp(until + _MILLISECOND)))
    token = ""
    seen: set[str] = set()
    for _ in range(MAX_PAGES):
        query = (*span, INCLUDE, ("pageSize", str(PAGE_SIZE)))
        request = Request(
            method="GET",
            path=f"/f/v2/business-location/{segment(shop.location_id)}/sales",
            query=(*query, ("nextPageToken", token)) if token else query,
            budget="financial",
        )
        page = yield from _page(request)
        yield Page(resource="sales", bodies=tuple(bytes(one) for one in page.sales))
        token = page.next_page_token or ""
        if not token:
            return
        if token in seen:
            break
        seen.add(token)
    raise PermanentError("sales: the pages do not end")


def _page(request: Request) -> Generator[Request | Page, Response | None, _Sales]:
    answer = yield from ask(request)
    if answer is None:
        return _Sales(sales=[])
    try:
        return _sales.decode(answer.body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise PermanentError(f"{request.path}: the answer cannot be read") from error


def day_of_sales(shop: Shop, day: date) -> Conversation:
    """Ask for all sales of a business day as K-Series counts it, late ones included."""
    request = Request(
        method="GET",
        path=f"/f/v2/business-location/{segment(shop.location_id)}/sales-daily",
        query=(("date", day.isoformat()), INCLUDE),
        budget="financial",
    )
    page = yield from _page(request)
    yield Page(resource="sales", bodies=tuple(bytes(one) for one in page.sales))


def items(shop: Shop) -> Chat:
    """Ask for all items of the business location."""
    for number in range(MAX_PAGES):
        query: Mapping[str, str] = {
            "businessLocationId": shop.location_id,
            "offset": str(number * ITEMS_A_PAGE),
            "amount": str(ITEMS_A_PAGE),
        }
        request = Request(method="GET", path="/items/v1/items", query=tuple(query.items()))
        answer = yield from ask(request)
        if answer is None:
            return
        try:
            found = tuple(bytes(one) for one in _list.decode(answer.body))
        except (msgspec.DecodeError, RecursionError) as error:
            raise PermanentError(f"{request.path}: the answer cannot be read") from error
        yield Page(resource="items", bodies=found)
        if len(found) < ITEMS_A_PAGE:
            return
    raise PermanentError("items: the pages do not end")
