"""The endpoints that answer lists, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated, TypeVar

import msgspec

from connectors.simulation.config import SimulatorConfig
from connectors.simulation.goods import ASSORTMENT
from connectors.square.simulator.bills import Json
from connectors.square.simulator.inquiry import Inquiry
from connectors.square.simulator.paging import Pager, RefusedError, Row, fingerprint, window
from connectors.square.simulator.shop_window import category
from connectors.square.simulator.timeline import Happening, Store
from connectors.square.simulator.wording import stamp

A_YEAR = timedelta(days=365)
PAYMENTS_A_PAGE, OBJECTS_A_PAGE, ORDERS_A_PAGE, LARGEST_PAGE = 100, 100, 500, 1000
MAX_LOCATIONS = 10

T = TypeVar("T")
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class Range(msgspec.Struct):
    """Both ends are inside."""

    start_at: Instant | None = None
    end_at: Instant | None = None


class TimeFilter(msgspec.Struct):
    """Exactly one of these may be given."""

    created_at: Range | None = None
    updated_at: Range | None = None
    closed_at: Range | None = None


class StateFilter(msgspec.Struct):
    """Orders in any of these states."""

    states: list[str] = []


class Filter(msgspec.Struct):
    """What orders to find."""

    date_time_filter: TimeFilter | None = None
    state_filter: StateFilter | None = None


class Sort(msgspec.Struct):
    """The field has to be that of the time filter."""

    sort_field: str = "CREATED_AT"
    sort_order: str = "DESC"


class OrderQuery(msgspec.Struct):
    """Filter and order of a search."""

    filter: Filter = msgspec.field(default_factory=Filter)
    sort: Sort = msgspec.field(default_factory=Sort)


class OrderSearch(msgspec.Struct):
    """The body of orders/search."""

    location_ids: list[str]
    query: OrderQuery = msgspec.field(default_factory=OrderQuery)
    limit: int = ORDERS_A_PAGE
    cursor: str = ""
    return_entries: bool = False


class CatalogSearch(msgspec.Struct):
    """The body of catalog/search."""

    object_types: list[str] = []
    begin_time: Instant | None = None
    include_deleted_objects: bool = False
    limit: int = LARGEST_PAGE
    cursor: str = ""


class StockSearch(msgspec.Struct):
    """The body of both inventory searches."""

    catalog_object_ids: list[str] = []
    location_ids: list[str] = []
    updated_after: Instant | None = None
    updated_before: Instant | None = None
    types: list[str] = []
    states: list[str] = []
    limit: int = LARGEST_PAGE
    cursor: str = ""


class _Kind(msgspec.Struct):
    type: str


class _Variations(msgspec.Struct):
    variations: list[msgspec.Raw]


class _Item(msgspec.Struct):
    item_data: _Variations


class _Id(msgspec.Struct):
    id: str


class _Closed(msgspec.Struct):
    closed_at: Instant | None = None


_kind = msgspec.json.Decoder(_Kind)
_item = msgspec.json.Decoder(_Item)
_id = msgspec.json.Decoder(_Id)
_closed = msgspec.json.Decoder(_Closed)


class Lists:
    """Answers lists for one merchant at a time."""

    def __init__(self, config: SimulatorConfig, store: Store) -> None:
        self._config, self._store = config, store
        self._pager = Pager(config.seed, config.faults.stale_cursors)
        self._places = {
            bakery.location_id: (number, bakery) for number, bakery in enumerate(config.shops)
        }

    def payments(self, about: Inquiry) -> Json:
        """GET /v2/payments: without location_id, of the main location only."""
        main = [b for b in self._config.shops if b.merchant_id == about.merchant and b.main]
        place = about.call.query.get("location_id") or main[0].location_id
        return self._money("payment", "payments", (place,), about)

    def refunds(self, about: Inquiry) -> Json:
        """GET /v2/refunds: without location_id, of every location."""
        place = about.call.query.get("location_id")
        places = (place,) if place else tuple(self._places)
        return self._money("refund", "refunds", places, about)

    def _money(
        self,
        kind: str,
        name: str,
        places: Sequence[str],
        about: Inquiry,
    ) -> Json:
        query, now = about.call.query, about.now
        field = query.get("sort_field", "CREATED_AT")
        begin = _time(query.get("begin_time"), "begin_time") or now - A_YEAR
        end = _time(query.get("end_time"), "end_time") or now
        changed = (
            _time(query.get("updated_at_begin_time"), "updated_at_begin_time"),
            _time(query.get("updated_at_end_time"), "updated_at_end_time"),
        )
        rows = [
            _row(one, field)
            for one in self._of(kind, about.merchant, places)
            if begin <= one.created_at <= end
            and (changed[0] is None or changed[0] <= one.at)
            and (changed[1] is None or one.at <= changed[1])
        ]
        limit = min(int(query.get("limit", PAYMENTS_A_PAGE)), PAYMENTS_A_PAGE)
        down = query.get("sort_order", "DESC") == "DESC"
        return self._page(name, rows, about, query.get("cursor", ""), limit, down=down)

    def orders(self, about: Inquiry) -> Json:
        """POST /v2/orders/search."""
        asked = _read(OrderSearch, about)
        self._check_places(asked.location_ids, about.merchant)
        field, span = _time_filter(asked.query)
        states = asked.query.filter.state_filter
        rows = [
            _row(one, field)
            for one in self._of("order", about.merchant, asked.location_ids)
            if states is None or one.state in states.states
        ]
        rows = window(rows, span.start_at, span.end_at)
        found = self._page(
            "orders",
            rows,
            about,
            asked.cursor,
            min(asked.limit, LARGEST_PAGE),
            down=asked.query.sort.sort_order == "DESC",
        )
        if asked.return_entries:
            orders = found.pop("orders")
            found["order_entries"] = [
                {"order_id": _id.decode(one).id}
                for one in (orders if isinstance(orders, list) else ())
            ]
        return found

    def catalog(self, about: Inquiry) -> Json:
        """GET /v2/catalog/list: nothing that is deleted."""
        types = [name for name in about.call.query.get("types", "").upper().split(",") if name]
        rows = list(self._objects(about.merchant, types or ["ITEM", "CATEGORY"], deleted=False))
        cursor = about.call.query.get("cursor", "")
        return self._page("objects", rows, about, cursor, OBJECTS_A_PAGE)

    def changed_catalog(self, about: Inquiry) -> Json:
        """POST /v2/catalog/search: begin_time itself is left out."""
        asked = _read(CatalogSearch, about)
        types = asked.object_types or ["ITEM", "CATEGORY"]
        rows = [
            row
            for row in self._objects(
                about.merchant, types, deleted=asked.include_deleted_objects
            )
            if asked.begin_time is None or row.by > asked.begin_time
        ]
        limit = min(asked.limit, LARGEST_PAGE)
        found = self._page("objects", rows, about, asked.cursor, limit)
        return {**found, "latest_time": stamp(about.now)}

    def counts(self, about: Inquiry) -> Json:
        """POST /v2/inventory/counts/batch-retrieve: newest first."""
        asked = _read(StockSearch, about)
        rows = [
            row
            for row in self._counts(
                about.merchant, asked.location_ids, asked.catalog_object_ids
            )
            if (asked.updated_after is None or row.by > asked.updated_after)
            and (not asked.states or "IN_STOCK" in asked.states)
        ]
        limit = min(asked.limit, LARGEST_PAGE)
        return self._page("counts", rows, about, asked.cursor, limit, down=True)

    def count(self, about: Inquiry) -> Json:
        """GET /v2/inventory/{catalog_object_id}."""
        places = [one for one in about.call.query.get("location_ids", "").split(",") if one]
        rows = list(self._counts(about.merchant, places, [about.name]))
        cursor = about.call.query.get("cursor", "")
        return self._page("counts", rows, about, cursor, OBJECTS_A_PAGE, down=True)

    def changes(self, about: Inquiry) -> Json:
        """POST /v2/inventory/changes/batch-retrieve: oldest first, both bounds left out."""
        asked = _read(StockSearch, about)
        places = asked.location_ids or tuple(self._places)
        rows = [
            _row(one, "CREATED_AT")
            for one in self._of("change", about.merchant, places)
            if (not asked.types or _kind.decode(one.body).type in asked.types)
            and (asked.updated_after is None or one.created_at > asked.updated_after)
            and (asked.updated_before is None or one.created_at < asked.updated_before)
            and (not asked.catalog_object_ids or one.count_of in asked.catalog_object_ids)
        ]
        limit = min(asked.limit, LARGEST_PAGE)
        return self._page("changes", rows, about, asked.cursor, limit)

    def _page(
        self,
        name: str,
        rows: Sequence[Row],
        about: Inquiry,
        cursor: str,
        limit: int,
        *,
        down: bool = False,
    ) -> Json:
        page, following = self._pager.cut(
            rows,
            query=fingerprint(about.call.path, about.call.query, about.call.body),
            cursor=cursor,
            limit=min(limit, self._config.page_limit or limit),
            descending=down,
            now=about.now,
        )
        found: Json = {name: [msgspec.Raw(row.body) for row in page]} if page else {}
        if following:
            found["cursor"] = following
        return found

    def _of(self, kind: str, merchant: str, places: Sequence[str]) -> Iterator[Happening]:
        wanted = set(places)
        for one in self._store.all_of(kind):
            if one.location_id in wanted and one.merchant_id == merchant:
                yield one

    def _check_places(self, places: Sequence[str], merchant: str) -> None:
        if not places:
            raise RefusedError(400, "MISSING_REQUIRED_PARAMETER", "location_ids")
        if len(places) > MAX_LOCATIONS:
            raise RefusedError(400, "ARRAY_LENGTH_TOO_LONG", "location_ids")
        for place in places:
            known = self._places.get(place)
            if known is None or known[1].merchant_id != merchant:
                raise RefusedError(403, "FORBIDDEN", "location_ids")

    def _objects(self, merchant: str, types: Sequence[str], *, deleted: bool) -> Iterator[Row]:
        for one in self._store.all_of("item"):
            if one.merchant_id != merchant or (one.deleted and not deleted):
                continue
            if "ITEM" in types:
                yield Row(one.at, one.id, one.body)
            if "ITEM_VARIATION" in types:
                for raw in _item.decode(one.body).item_data.variations:
                    yield Row(one.at, _id.decode(raw).id, bytes(raw))
        if "CATEGORY" in types:
            made = self._config.now.replace(year=2020, microsecond=0)
            for name in sorted({good.category for good in ASSORTMENT}):
                told = category(name, made)
                yield Row(made, str(told["id"]), msgspec.json.encode(told))

    def _counts(
        self, merchant: str, places: Sequence[str], names: Sequence[str]
    ) -> Iterator[Row]:
        for location_id, (number, bakery) in self._places.items():
            if bakery.merchant_id != merchant or (places and location_id not in places):
                continue
            shelf = self._store.shelf(number)
            for name in names or tuple(shelf.on_hand):
                told = count_told(self._store, number, location_id, name)
                if told is not None:
                    yield Row(told[0], f"{location_id}/{name}", msgspec.json.encode(told[1]))


def count_told(
    store: Store, place: int, location_id: str, name: str
) -> tuple[datetime, Json] | None:
    """Return when a count was calculated and the count; None for what was never counted."""
    found = store.shelf(place).calculated(name)
    if found is None:
        return None
    quantity, at = found
    return at, {
        "catalog_object_id": name,
        "catalog_object_type": "ITEM_VARIATION",
        "state": "IN_STOCK",
        "location_id": location_id,
        "quantity": f"{quantity}",
        "calculated_at": stamp(at),
        "is_estimated": False,
    }


def _read(kind: type[T], about: Inquiry) -> T:
    """Read the body of a search; Square takes null for not given."""
    told = msgspec.json.decode(about.call.body, type=dict[str, object])
    return msgspec.convert({name: it for name, it in told.items() if it is not None}, kind)


def _time_filter(query: OrderQuery) -> tuple[str, Range]:
    """Return the field that orders are filtered and sorted by, and its range."""
    given = query.filter.date_time_filter or TimeFilter()
    ranges = {
        "CREATED_AT": given.created_at,
        "UPDATED_AT": given.updated_at,
        "CLOSED_AT": given.closed_at,
    }
    used = [name for name, span in ranges.items() if span is not None]
    field = query.sort.sort_field
    if len(used) > 1:
        raise RefusedError(400, "BAD_REQUEST", "query.filter.date_time_filter")
    if used and used[0] != field:
        raise RefusedError(400, "BAD_REQUEST", "query.sort.sort_field")
    if field not in ranges:
        raise RefusedError(400, "INVALID_ENUM_VALUE", "query.sort.sort_field")
    return field, ranges[field] or Range()


def _row(one: Happening, field: str) -> Row:
    match field:
        case "UPDATED_AT":
            by = one.at
        case "CLOSED_AT":
            by = _closed.decode(one.body).closed_at or one.at
        case _:
            by = one.created_at
    return Row(by, one.id, one.body)


def _time(text: str | None, field: str) -> datetime | None:
    if not text:
        return None
    try:
        return msgspec.convert(text, Instant)
    except msgspec.ValidationError as error:
        raise RefusedError(400, "INVALID_TIME", field) from error
