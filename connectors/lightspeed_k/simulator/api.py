"""
The endpoints of a simulated K-Series.

Sales are listed by the time they were closed, only closed ones, a hundred a page at the most.
No limits of calls are published, so none are counted.

Source: api-docs.lsk.lightspeed.app, Financial (businesses), Financial V2 (getSales,
getBusinessDaySales), Items, Order and Pay (apeGetRestrictedItemsByPost)
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

import msgspec

from connectors.contract import Response
from connectors.lightspeed_k.simulator.desk import Desk
from connectors.lightspeed_k.simulator.goods import items, left_of
from connectors.lightspeed_k.simulator.sales import Record, Writer
from connectors.lightspeed_k.simulator.webhooks import ROOT, Webhooks
from connectors.simulation.answers import (
    Json,
    RefusedError,
    answer_of,
    number_asked,
    wait_of,
    write,
)
from connectors.simulation.calls import Answer, Call
from connectors.simulation.config import SimulatedShop, SimulatorConfig
from connectors.simulation.weather import Weather

LONGEST_WINDOW = timedelta(days=365)
LARGEST_PAGE, USUAL_PAGE = 100, 50


class _Skus(msgspec.Struct):
    skus: list[str]


_asked = msgspec.json.Decoder(_Skus)


class Api:
    """Answers calls; what it knows is what was released, `until` says up to when."""

    def __init__(self, config: SimulatorConfig, told: list[Record], writer: Writer) -> None:
        self._config, self._writer = config, writer
        self._told = sorted(told, key=lambda one: (one.closed_at, one.bill.number))
        self._weather = Weather(config.seed, config.faults)
        self.desk = Desk(config)
        self.webhooks = Webhooks()
        self._routes: dict[str, Callable[[Call, int, datetime], Json | list[Json]]] = {
            "/f/data/businesses": self._businesses,
            "/items/v1/items": self._items,
        }
        for shop in config.shops:
            location = f"/f/v2/business-location/{shop.location_id}"
            self._routes[f"{location}/sales"] = self._sales
            self._routes[f"{location}/sales-daily"] = self._daily

    def handle(self, call: Call, now: datetime, until: datetime) -> Answer:
        """Answer one call, unless something goes wrong with it."""
        trouble = self._weather.trouble()
        if trouble is not None:
            told = _error(trouble.status, "try again later", wait_of(trouble))
            return Answer(response=told)
        slow = self._weather.wait()
        try:
            return Answer(
                response=answer_of(200, write(self._routed(call, now, until))), wait=slow
            )
        except RefusedError as refused:
            answer = _error(refused.status, refused.message, code=refused.code)
            return Answer(response=answer, wait=slow)

    def _routed(self, call: Call, now: datetime, until: datetime) -> Json | list[Json]:
        if (call.method, call.path) == ("POST", "/oauth/token"):
            return self.desk.renewed(call.headers, call.query, now)
        place = self.desk.place(call.headers, now)
        if (call.method, call.path) == ("POST", "/o/op/1/itemAvailability"):
            return self._left(call, place, until)
        if call.path.startswith(ROOT):
            return self.webhooks.handle(call, self._config.shops[place].location_id)
        route = self._routes.get(call.path)
        if route is None or call.method != "GET":
            raise RefusedError(404, "Not found")
        return route(call, place, until)

    def _businesses(self, _call: Call, place: int, _until: datetime) -> Json:
        shop = self._config.shops[place]
        location = {
            "blName": shop.name,
            "blID": int(shop.location_id),
            "country": shop.country,
            "timezone": shop.timezone,
        }
        business = {
            "businessName": shop.name,
            "businessId": int(shop.location_id) - 1,
            "currencyCode": shop.currency,
            "businessLocations": [location],
        }
        return {"_embedded": {"businessList": [business]}, "page": {"totalPages": 1}}

    def _items(self, call: Call, place: int, _until: datetime) -> list[Json]:
        shop = self._config.shops[place]
        if call.query.get("businessLocationId") != shop.location_id:
            raise RefusedError(403, "no access to this business location")
        begin, amount = (
            number_asked(call.query, "offset", 0),
            number_asked(call.query, "amount", 100),
        )
        return items(self._config, shop)[begin : begin + amount]

    def _left(self, call: Call, place: int, until: datetime) -> Json:
        shop = self._config.shops[place]
        if call.query.get("businessLocationId") != shop.location_id:
            raise RefusedError(403, "no access to this business location")
        page, size = number_asked(call.query, "page", 0), number_asked(call.query, "size", 25)
        if not 1 <= size <= LARGEST_PAGE:
            raise RefusedError(400, "size is 100 at the most")
        try:
            skus = _asked.decode(call.body).skus
        except msgspec.DecodeError as error:
            raise RefusedError(400, "the SKUs are missing") from error
        known = left_of(self._config, shop, skus, until)
        current = {"page": page, "pageSize": size}
        metadata = {"current": current, "total": len(known), "warnings": []}
        return {"data": known[page * size : (page + 1) * size], "metadata": metadata}

    def _sales(self, call: Call, place: int, until: datetime) -> Json:
        self._must_be_its_own(call, self._config.shops[place])
        begin, end = _instant(call.query, "from"), _instant(call.query, "to")
        if not begin < end <= begin + LONGEST_WINDOW:
            raise RefusedError(400, "from is before to, by 365 days at the most")
        size = number_asked(call.query, "pageSize", USUAL_PAGE)
        if not 1 <= size <= LARGEST_PAGE:
            raise RefusedError(400, "pageSize is 100 at the most")
        size = min(size, self._config.page_limit or size)
        listed = [one for one in self._listed(place, until) if begin <= one.closed_at < end]
        first = _position(call.query.get("nextPageToken", ""), call.query)
        told: Json = {"sales": self._written(listed[first : first + size], call.query, until)}
        if first + size < len(listed):
            told["nextPageToken"] = _token(first + size, call.query)
        return told

    def _daily(self, call: Call, place: int, until: datetime) -> Json:
        shop = self._config.shops[place]
        self._must_be_its_own(call, shop)
        try:
            day = date.fromisoformat(call.query.get("date", ""))
        except ValueError as error:
            raise RefusedError(400, "date is no day") from error
        listed = [
            one
            for one in self._listed(place, until)
            if shop.calendar.day_of(one.closed_at) == day
        ]
        return {
            "businessDate": day.isoformat(),
            "nextStartOfDayAsIso8601": shop.calendar.ends(day).isoformat(),
            "dataComplete": shop.calendar.ends(day) <= until,
            "sales": self._written(listed, call.query, until),
        }

    def _must_be_its_own(self, call: Call, shop: SimulatedShop) -> None:
        if f"/{shop.location_id}/" not in call.path:
            raise RefusedError(403, "no access to this business location")

    def _listed(self, place: int, until: datetime) -> list[Record]:
        return [it for it in self._told if it.bill.place == place and it.known_at <= until]

    def _written(
        self, listed: list[Record], query: Mapping[str, str], until: datetime
    ) -> list[Json]:
        undone = {_name(it) for it in self._told if it.undoes and it.known_at <= until}
        include = frozenset(query.get("include", "").split(","))
        return [
            self._writer.sale(one, include, undone=not one.undoes and _name(one) in undone)
            for one in listed
        ]


def _name(record: Record) -> tuple[int, int]:
    return record.bill.place, record.bill.number


def _token(first: int, query: Mapping[str, str]) -> str:
    """Return the token of a page: it is good for its own question only."""
    span = f"{first}|{query['from']}|{query['to']}"
    return urlsafe_b64encode(span.encode()).decode()


def _position(token: str, query: Mapping[str, str]) -> int:
    if not token:
        return 0
    try:
        first, begin, end = urlsafe_b64decode(token).decode().split("|")
        if (begin, end) == (query["from"], query["to"]):
            return int(first)
    except (ValueError, binascii.Error) as error:
        raise RefusedError(400, "nextPageToken is none") from error
    raise RefusedError(400, "nextPageToken is of another question")


def _instant(query: Mapping[str, str], name: str) -> datetime:
    try:
        found = datetime.fromisoformat(query.get(name, ""))
    except ValueError as error:
        raise RefusedError(400, f"{name} is no ISO 8601 time") from error
    if found.tzinfo is None:
        raise RefusedError(400, f"{name} has no zone")
    return found


def _error(
    status: int, message: str, headers: Mapping[str, str] | None = None, *, code: str = ""
) -> Response:
    body: Json = {"status": status, "error": code or message, "message": message}
    return answer_of(status, write(body), headers)
