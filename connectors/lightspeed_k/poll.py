"""
Ask K-Series for what changed: in-store sales come in no other way.

Source: api-docs.lsk.lightspeed.app, Financial V2 (getSales, getBusinessDaySales), Items,
Order and Pay (apeGetRestrictedItemsByPost)
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

import msgspec

from connectors.contract import (
    Conversation,
    Page,
    PermanentError,
    Request,
    Response,
    Shop,
)
from connectors.lightspeed_k.api import ORDERS_SCOPE, ask, segment, stamp

WINDOW = timedelta(days=364)
"""Of one question for sales; K-Series takes at most 365 days."""

PAGE_SIZE = 100
ITEMS_A_PAGE = 200
SKUS_A_QUESTION = 100
"""How much is left of so many items fits one page, the largest there is."""

REGULAR = timedelta(days=1)
"""Longer polls look back; how much is left is only known of now."""

MAX_PAGES = 10_000

LOOKBACK = timedelta(hours=2)
"""How far polls reach behind what the one before them saw."""

QUARTER_HOURS = 6

# Payments and the guest's id come only when asked for.
INCLUDE = ("include", "payments,consumer")

# Times have milliseconds: an end cut to them would leave a part of one out.
_MILLISECOND = timedelta(milliseconds=1)

Chat = Generator[Request | Page, Response | None, None]
Skus = tuple[str, ...]
Decoded = TypeVar("Decoded")


class _Sales(msgspec.Struct, rename="camel"):
    sales: list[msgspec.Raw]
    next_page_token: str | None = None


class _Named(msgspec.Struct):
    sku: str | None = None


class _Rows(msgspec.Struct):
    data: list[msgspec.Raw]


class _Counted(msgspec.Struct):
    count: Decimal | None = None


class _Left(msgspec.Struct):
    data: list[_Counted]


_sales = msgspec.json.Decoder(_Sales)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_named = msgspec.json.Decoder(list[_Named])
_rows = msgspec.json.Decoder(_Rows)
_left = msgspec.json.Decoder(_Left)


def poll(shop: Shop, since: datetime, until: datetime) -> Conversation:
    """
    Ask for sales closed, and back-office changes made, in [since, until); each is one body.

    Items have no time of change: they are told once a business day, by the polls that reach
    from one into the next. How much is left of them is asked for by every poll but those that
    look back. The first poll of each quarter of a day reads from the begin of the business day
    before on, for what a till hands in that was without network since.

    Raises:
        PermanentError: K-Series refused, or an answer cannot be read.
    """
    for begin, end in windows(begin_of(shop, since, until), until):
        yield from _closed(shop, begin, end)
    new_day = shop.calendar.day_of(since) != shop.calendar.day_of(until)
    if until - since < REGULAR:
        yield from stock(shop, (yield from items(shop, told=new_day)))
    elif new_day:
        yield from items(shop)


def begin_of(shop: Shop, since: datetime, until: datetime) -> datetime:
    """Return from when on a poll reads sales; they are listed by when they were closed."""
    seen = min(since + LOOKBACK, until)
    if until - since >= REGULAR or _quarter(seen) == _quarter(until):
        return since
    yesterday = shop.calendar.day_of(until) - timedelta(days=1)
    return min(since, shop.calendar.begins(yesterday))


def _quarter(at: datetime) -> tuple[date, int]:
    utc = at.astimezone(UTC)
    return utc.date(), utc.hour // QUARTER_HOURS


def snapshot(shop: Shop) -> Conversation:
    """Ask for all items, and how much is left of them."""
    yield from stock(shop, (yield from items(shop)))


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
    return _Sales(sales=[]) if answer is None else _decoded(_sales, request, answer)


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


def items(shop: Shop, *, told: bool = True) -> Generator[Request | Page, Response | None, Skus]:
    """Ask for all items of the business location and return their SKUs; pages where `told`."""
    skus: dict[str, None] = {}
    for number in range(MAX_PAGES):
        query: Mapping[str, str] = {
            "businessLocationId": shop.location_id,
            "offset": str(number * ITEMS_A_PAGE),
            "amount": str(ITEMS_A_PAGE),
        }
        request = Request(method="GET", path="/items/v1/items", query=tuple(query.items()))
        answer = yield from ask(request)
        if answer is None:
            return tuple(skus)
        found = _decoded(_list, request, answer)
        for one in _decoded(_named, request, answer):
            if one.sku:
                skus[one.sku] = None
        if told:
            yield Page(resource="items", bodies=tuple(bytes(one) for one in found))
        if len(found) < ITEMS_A_PAGE:
            return tuple(skus)
    raise PermanentError("items: the pages do not end")


def stock(shop: Shop, skus: Skus) -> Chat:
    """
    Ask how much is left of items; only those come that somebody counts.

    An authorisation without the scope of online ordering may not ask: then webhooks tell.

    Source: api-docs.lsk.lightspeed.app, Order and Pay (apeGetRestrictedItemsByPost; 1 to 100
    rows a page)
    """
    for begin in range(0, len(skus), SKUS_A_QUESTION):
        query = (
            ("businessLocationId", shop.location_id),
            ("page", "0"),
            ("size", str(SKUS_A_QUESTION)),
        )
        request = Request(
            method="POST",
            path="/o/op/1/itemAvailability",
            query=query,
            body=msgspec.json.encode({"skus": skus[begin : begin + SKUS_A_QUESTION]}),
            forgone=ORDERS_SCOPE,
        )
        answer = yield from ask(request)
        if answer is None:
            return
        rows = zip(
            _decoded(_rows, request, answer).data,
            _decoded(_left, request, answer).data,
            strict=True,
        )
        counted = tuple(bytes(row) for row, left in rows if left.count is not None)
        if counted:
            yield Page(resource="availability", bodies=counted)


def _decoded(
    decoder: msgspec.json.Decoder[Decoded], request: Request, answer: Response
) -> Decoded:
    try:
        return decoder.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PermanentError(f"{request.path}: the answer cannot be read") from error
