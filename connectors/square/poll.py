"""
Ask Square for what changed in a window of time, and for everything there is.

One account is one location, so a conversation is about one location; the limit of ten a
search matters only to `order_search`, which guards it. Asking for several locations at once
would save calls for chains, but the pages would have to be divided by location again, and one
location's failure would hold up the others.

Windows are half open, [since, until), and exact: Square's own bounds are inclusive for some
calls, exclusive for others, so each call asks for a little more and what lies outside is left
out here. Slices of history therefore neither overlap nor leave gaps.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from datetime import datetime, timedelta

import msgspec

from connectors.contract import (
    Conversation,
    Page,
    PermanentError,
    Request,
    Response,
    Shop,
    TransientError,
)
from connectors.square.api import MAX_LOCATIONS, Instant, Talk, ask, stamp

ORDERS_A_PAGE = 500
PAYMENTS_A_PAGE = 100
OBJECTS_A_PAGE = 1000
COUNTS_A_PAGE = 1000

MARGIN = timedelta(seconds=1)
"""How much more is asked for at both ends, for bounds that exclude and rounded times."""

LIFE_OF_A_PAYMENT = timedelta(days=400)
"""
How long before a change the payment itself may have been made.

Square leaves out what was created more than a year before *now* unless told otherwise, so that
a change in an old window would be missed (reference/square/payments-api/list-payments).
"""

STALE_CURSORS = 5
"""Stale cursors in a row without a new body in between; cursors live for minutes."""

Chat = Generator[Request | Page, Response | None, None]


class TooManyLocationsError(ValueError):
    """Square searches the orders of at most ten locations at once."""


class Inner(msgspec.Struct):
    """The time of an inventory change inside its own kind."""

    created_at: Instant | None = None


class Seen(msgspec.Struct):
    """The little that polling needs of a body: when Square says it changed."""

    type: str = ""
    is_deleted: bool = False
    updated_at: Instant | None = None
    calculated_at: Instant | None = None
    physical_count: Inner | None = None
    adjustment: Inner | None = None
    transfer: Inner | None = None

    @property
    def changed_at(self) -> datetime | None:
        """Return when it changed; None when it does not say."""
        inner = self.physical_count or self.adjustment or self.transfer or Inner()
        return self.updated_at or self.calculated_at or inner.created_at

    @property
    def in_its_item(self) -> bool:
        """Say whether it is a variation that its item tells of."""
        return self.type == "ITEM_VARIATION" and not self.is_deleted


class Answer(msgspec.Struct):
    """Any list that Square answers, with its members left as exact bytes."""

    orders: list[msgspec.Raw] = []
    payments: list[msgspec.Raw] = []
    refunds: list[msgspec.Raw] = []
    objects: list[msgspec.Raw] = []
    counts: list[msgspec.Raw] = []
    changes: list[msgspec.Raw] = []
    cursor: str = ""

    def bodies(self) -> list[bytes]:
        """Return the members of the one list that the answer has."""
        lists = (
            self.orders,
            self.payments,
            self.refunds,
            self.objects,
            self.counts,
            self.changes,
        )
        return [bytes(one) for several in lists for one in several]


_answer = msgspec.json.Decoder(Answer)
_seen = msgspec.json.Decoder(Seen)


class Window(msgspec.Struct, frozen=True):
    """[since, until) of Square's own time of change; None is without bound."""

    since: datetime | None = None
    until: datetime | None = None

    def holds(self, instant: datetime | None) -> bool:
        """Say whether it lies inside; what does not tell its time is never left out."""
        if instant is None:
            return True
        return (self.since is None or self.since <= instant) and (
            self.until is None or instant < self.until
        )


Ask = Callable[[datetime | None, str], Request]
"""Makes the request for what changed at or after a time, and a cursor ("" for the first)."""


def poll(shop: Shop, since: datetime, until: datetime) -> Conversation:
    """
    Ask for all that changed at Square in [since, until).

    Orders come before their payments and refunds, so that these find their order known and
    need not fetch it. On UPDATED_AT, because offline orders arrive up to 72 hours late and
    keep their original created_at.

    Source: docs/orders-api/manage-orders/search-orders, docs/payments-api/offline-payments
    """
    window, place = Window(since, until), shop.location_id
    yield from pages("catalog_object", _catalog(), window)
    yield from pages("order", order_search((place,), window), window)
    yield from pages("payment", _listed("payments", place, window), window)
    yield from pages("refund", _listed("refunds", place, window), window)
    yield from pages("inventory_change", _changes(place, window), window)
    yield from pages("inventory_count", _counts(place), window)


def snapshot(shop: Shop) -> Conversation:
    """Ask for the whole catalogue, deleted products left out, and all stock."""
    everything = Window()
    yield from pages("catalog_object", _catalog(deleted=False), everything)
    yield from pages("inventory_count", _counts(shop.location_id), everything)


def catalog_since(since: datetime) -> Conversation:
    """Ask for what changed in the catalogue at or after a time."""
    yield from pages("catalog_object", _catalog(), Window(since))


def pages(resource: str, request: Ask, window: Window) -> Chat:
    """
    Read a list to its end and yield its pages.

    A stale cursor begins the list again at the last change seen, less a margin: lists sorted
    by time go on there; the others are asked for anew from the start of the window, and what
    comes twice changes nothing.

    Raises:
        TransientError: cursors go stale again and again without anything new between.
        PermanentError: an answer cannot be read.
    """
    goes_on = resource in {"order", "payment", "refund"}
    begin, cursor, stale, newest = window.since, "", 0, window.since
    while True:
        question = request(begin, cursor)
        talk = yield from ask(question)
        if talk.stale_cursor:
            stale += 1
            if stale > STALE_CURSORS:
                raise TransientError(f"{question.path}: its cursors keep going stale")
            begin = _resumed(window, newest) if goes_on else window.since
            cursor = ""
            continue
        answer = _read(question, talk)
        bodies, last = _inside(answer.bodies(), window)
        if last is not None and (newest is None or last > newest):
            newest, stale = last, 0
        yield Page(resource=resource, bodies=bodies)
        cursor = answer.cursor
        if not cursor:
            return


def _resumed(window: Window, newest: datetime | None) -> datetime | None:
    if newest is None or window.since is None:
        return window.since
    return max(window.since, newest - MARGIN)


def _read(question: Request, talk: Talk) -> Answer:
    if talk.missing:
        return Answer()
    try:
        return _answer.decode(talk.body)
    except msgspec.DecodeError as error:
        raise PermanentError(f"{question.path}: the answer cannot be read") from error


def _inside(
    bodies: Sequence[bytes], window: Window
) -> tuple[tuple[bytes, ...], datetime | None]:
    """Return the bodies that changed inside the window, and the newest change of all."""
    kept, newest = [], None
    for body in bodies:
        try:
            seen = _seen.decode(body)
        except msgspec.DecodeError:
            seen = Seen()
        at = seen.changed_at
        if at is not None and (newest is None or at > newest):
            newest = at
        if window.holds(at) and not seen.in_its_item:
            kept.append(body)
    return tuple(kept), newest


def order_search(places: tuple[str, ...], window: Window) -> Ask:
    """
    Make searches for the orders of up to ten locations, oldest change first.

    Raises:
        TooManyLocationsError: more than ten.

    Source: reference/square/orders-api/search-orders
    """
    if len(places) > MAX_LOCATIONS:
        raise TooManyLocationsError(f"{len(places)} locations, at most {MAX_LOCATIONS}")

    def request(begin: datetime | None, cursor: str) -> Request:
        changed = _range(begin, window.until, "start_at", "end_at")
        # the sort field has to be that of the filter, else Square refuses
        search = {
            "location_ids": places,
            "limit": ORDERS_A_PAGE,
            "query": {
                "filter": {"date_time_filter": {"updated_at": changed}},
                "sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"},
            },
        }
        return post("/v2/orders/search", search, cursor, "orders")

    return request


def _listed(kind: str, place: str, window: Window) -> Ask:
    """
    Make requests for payments or refunds, oldest change first.

    The location is always given: left out it means the main location for payments and every
    location for refunds.

    Source: reference/square/payments-api/list-payments, refunds-api/list-payment-refunds
    """

    def request(begin: datetime | None, cursor: str) -> Request:
        times = _range(begin, window.until, "updated_at_begin_time", "updated_at_end_time")
        if window.since is not None:
            times["begin_time"] = stamp(window.since - LIFE_OF_A_PAYMENT)
        return money_list(kind, place, "UPDATED_AT", times, cursor)

    return request


def money_list(
    kind: str, place: str, sort_field: str, times: dict[str, str], cursor: str
) -> Request:
    """Ask for payments or refunds of a location between times, oldest first."""
    query = {
        **times,
        "sort_field": sort_field,
        "sort_order": "ASC",
        "location_id": place,
        "limit": str(PAYMENTS_A_PAGE),
    }
    if cursor:
        query["cursor"] = cursor
    return Request(
        method="GET", path=f"/v2/{kind}", query=tuple(query.items()), budget="payments"
    )


def _catalog(*, deleted: bool = True) -> Ask:
    """
    Make searches for items with their variations; begin_time excludes the time itself.

    Variations are asked for by themselves, too, because one that was deleted is no longer in
    its item; those that are still in theirs are not kept.

    Source: reference/square/catalog-api/search-catalog-objects
    """

    def request(begin: datetime | None, cursor: str) -> Request:
        search: dict[str, object] = {
            "object_types": ["ITEM", "ITEM_VARIATION"] if deleted else ["ITEM"],
            "include_deleted_objects": deleted,
            "limit": OBJECTS_A_PAGE,
        }
        if begin is not None:
            search["begin_time"] = stamp(begin - MARGIN)
        return post("/v2/catalog/search", search, cursor, "catalog")

    return request


def _counts(place: str) -> Ask:
    """
    Make requests for what is in stock; a variation that was never counted is absent.

    Source: reference/square/inventory-api/batch-retrieve-inventory-counts
    """

    def request(begin: datetime | None, cursor: str) -> Request:
        search: dict[str, object] = {
            "location_ids": [place],
            "states": ["IN_STOCK"],
            "limit": COUNTS_A_PAGE,
        }
        if begin is not None:
            search["updated_after"] = stamp(begin - MARGIN)
        return post("/v2/inventory/counts/batch-retrieve", search, cursor, "inventory")

    return request


def _changes(place: str, window: Window) -> Ask:
    """
    Make requests for physical counts and adjustments.

    Source: reference/square/inventory-api/batch-retrieve-inventory-changes
    """

    def request(begin: datetime | None, cursor: str) -> Request:
        times = _range(begin, window.until, "updated_after", "updated_before")
        search = {
            "location_ids": [place],
            "types": ["PHYSICAL_COUNT", "ADJUSTMENT"],
            "limit": COUNTS_A_PAGE,
            **times,
        }
        return post("/v2/inventory/changes/batch-retrieve", search, cursor, "inventory")

    return request


def _range(
    begin: datetime | None, until: datetime | None, after: str, before: str
) -> dict[str, str]:
    times: dict[str, str] = {}
    if begin is not None:
        times[after] = stamp(begin - MARGIN)
    if until is not None:
        times[before] = stamp(until + MARGIN)
    return times


def post(path: str, search: dict[str, object], cursor: str, budget: str) -> Request:
    """Make a search, and go on with it at a cursor."""
    if cursor:
        search = {**search, "cursor": cursor}
    return Request(method="POST", path=path, body=msgspec.json.encode(search), budget=budget)
