"""
Ask Toast for what changed: the way that nothing gets lost, for webhooks are tried only thrice.

Source: doc.toasttab.com platform guide, "Getting detailed information about multiple orders",
"Getting information about a specific payment", "Menus API", "Using the stock API"
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
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
from connectors.toast.api import ask, segment, stamp
from connectors.toast.wire import LIST, Id, When

WINDOW = timedelta(days=28)
"""Of one ordersBulk search; Toast wants at most a month."""

PAGE_SIZE = 100
MAX_PAGES = 10_000
"""A million orders in a month is no restaurant but a list that does not end."""

# Toast keeps milliseconds: an end cut to them would leave a part of one out.
_MILLISECOND = timedelta(milliseconds=1)

Chat = Generator[Request | Page, Response | None, None]


class _PaymentSeen(msgspec.Struct, rename="camel"):
    guid: Id
    refund: msgspec.Raw = msgspec.Raw(b"null")
    void_info: msgspec.Raw = msgspec.Raw(b"null")


class _CheckSeen(msgspec.Struct):
    payments: list[_PaymentSeen] | None = None


class _OrderSeen(msgspec.Struct):
    guid: Id
    checks: list[_CheckSeen] | None = None


class _Owner(msgspec.Struct, rename="camel"):
    order_guid: Id | None = None


class _Published(msgspec.Struct, rename="camel"):
    last_updated: When


_order_seen = msgspec.json.Decoder(_OrderSeen)
_owner = msgspec.json.Decoder(_Owner)
_published = msgspec.json.Decoder(_Published)
_guids = msgspec.json.Decoder(list[Id])


class Seen:
    """Which orders a poll has brought, and which payments it has seen in what state."""

    def __init__(self) -> None:
        self.orders: set[str] = set()
        self.payments: dict[str, set[str]] = {"paid": set(), "refund": set(), "void": set()}

    def note(self, body: bytes) -> None:
        """Take an order's body in; one that cannot be read is left to the reader to refuse."""
        try:
            order = _order_seen.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        self.orders.add(order.guid)
        for check in order.checks or ():
            for payment in check.payments or ():
                self.payments["paid"].add(payment.guid)
                if bytes(payment.refund) != b"null":
                    self.payments["refund"].add(payment.guid)
                if bytes(payment.void_info) != b"null":
                    self.payments["void"].add(payment.guid)


def poll(shop: Shop, since: datetime, until: datetime) -> Conversation:
    """
    Ask for orders changed in [since, until), late refunds and voids, menus and stock.

    Orders come as one body each. Payments are then looked up by the business day of their
    refund or void, and where the window holds the whole day, of their payment: what the orders
    did not show is fetched.

    Raises:
        PermanentError: Toast refused, or an answer cannot be read.
    """
    seen = Seen()
    for begin, end in windows(since, until):
        until_then = stamp(end + _MILLISECOND)
        yield from _orders((("startDate", stamp(begin)), ("endDate", until_then)), seen)
    for day in days(shop, since, until):
        whole = shop.calendar.begins(day) >= since and shop.calendar.ends(day) <= until
        for kind in ("refund", "void", "paid") if whole else ("refund", "void"):
            yield from _late(day, kind, seen)
    yield from _menus_since(since)
    yield from stock()


def day_of(_shop: Shop, day: date) -> Conversation:
    """
    Ask for the orders of a business date, and those paid, refunded or voided on it.

    Raises:
        PermanentError: as in `poll`.

    Source: doc.toasttab.com/openapi/orders, ordersBulk (businessDate, yyyyMMdd)
    """
    seen = Seen()
    yield from _orders((("businessDate", f"{day:%Y%m%d}"),), seen)
    for kind in ("refund", "void", "paid"):
        yield from _late(day, kind, seen)


def snapshot(_shop: Shop) -> Conversation:
    """Ask for all menus and all stock there is a number of."""
    yield from menus()
    yield from stock()


def windows(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Cut a span into windows that meet, none of them longer than `WINDOW`."""
    while since < until:
        end = min(since + WINDOW, until)
        yield since, end
        since = end


def days(shop: Shop, since: datetime, until: datetime) -> Iterator[date]:
    """Yield the business days that a span touches."""
    day, last = shop.calendar.day_of(since), shop.calendar.day_of(until)
    while day <= last:
        yield day
        day += timedelta(days=1)


def _orders(asked: tuple[tuple[str, str], ...], seen: Seen) -> Chat:
    for page in range(1, MAX_PAGES + 1):
        request = Request(
            method="GET",
            path="/orders/v2/ordersBulk",
            query=(*asked, ("page", str(page)), ("pageSize", str(PAGE_SIZE))),
            budget="orders-bulk",
        )
        answer = yield from ask(request)
        bodies = () if answer is None else _split(request, answer)
        for body in bodies:
            seen.note(body)
        yield Page(resource="orders", bodies=bodies)
        if answer is None or not _goes_on(answer, len(bodies)):
            return
    raise PermanentError(f"ordersBulk: more than {MAX_PAGES} pages")


def _goes_on(answer: Response, found: int) -> bool:
    """
    Say whether there is a next page: the link header says it; without one, a full page.

    Source: platform guide, "Pagination" (rel first, self, prev, next; there is no last)
    """
    link = answer.headers.get("link")
    if link is None or not found:
        return found == PAGE_SIZE
    return 'rel="next"' in link or "rel=next" in link


def _split(request: Request, answer: Response) -> tuple[bytes, ...]:
    try:
        return tuple(bytes(one) for one in LIST.decode(answer.body))
    except (msgspec.DecodeError, RecursionError) as error:
        raise PermanentError(f"{request.path}: the answer cannot be read") from error


def _late(day: date, kind: str, seen: Seen) -> Chat:
    """Fetch the orders of payments that were refunded, voided or made on a business day."""
    request = Request(
        method="GET",
        path="/orders/v2/payments",
        query=((f"{kind}BusinessDate", f"{day:%Y%m%d}"),),
    )
    answer = yield from ask(request)
    if answer is None:
        return
    try:
        guids = _guids.decode(answer.body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise PermanentError(f"{request.path}: the answer cannot be read") from error
    for guid in guids:
        if guid not in seen.payments[kind]:
            yield from order_of_payment(guid, seen)


def order_of_payment(guid: str, seen: Seen) -> Chat:
    """Ask for the order that a payment belongs to, unless this poll has brought it already."""
    path = f"/orders/v2/payments/{segment(guid)}"
    answer = yield from ask(Request(method="GET", path=path))
    if answer is None:
        return
    try:
        order = _owner.decode(answer.body).order_guid
    except (msgspec.DecodeError, RecursionError) as error:
        raise PermanentError(f"{path}: the answer cannot be read") from error
    if order is not None and order not in seen.orders:
        yield from order_named(order, seen)


def order_named(guid: str, seen: Seen) -> Chat:
    """Ask for one order."""
    path = f"/orders/v2/orders/{segment(guid)}"
    answer = yield from ask(Request(method="GET", path=path))
    if answer is not None:
        seen.note(answer.body)
        yield Page(resource="orders", bodies=(answer.body,))


def _menus_since(since: datetime) -> Chat:
    """Ask for the menus where they were published since; to ask for the date is cheap."""
    path = "/menus/v2/metadata"
    answer = yield from ask(Request(method="GET", path=path, budget="menus"))
    if answer is None:
        return
    try:
        published = _published.decode(answer.body).last_updated
    except (msgspec.DecodeError, RecursionError) as error:
        raise PermanentError(f"{path}: the answer cannot be read") from error
    if published >= since:
        yield from menus()


def menus() -> Chat:
    """Ask for all menus."""
    answer = yield from ask(Request(method="GET", path="/menus/v2/menus", budget="menus"))
    yield Page(resource="menus", bodies=() if answer is None else (answer.body,))


def stock() -> Chat:
    """Ask for the items that are out of stock or limited; the others have no number."""
    answer = yield from ask(Request(method="GET", path="/stock/v1/inventory"))
    yield Page(resource="stock", bodies=() if answer is None else (answer.body,))
