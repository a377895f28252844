"""
The endpoints of a simulated Toast.

Source: doc.toasttab.com platform guide, "Getting detailed information about multiple orders",
"Getting information about a specific payment", "Rate limiting", "Pagination"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

from msgspec.structs import replace

from connectors.contract import Response
from connectors.simulation.answers import (
    Json,
    RefusedError,
    answer_of,
    number_asked,
    wait_of,
    write,
)
from connectors.simulation.books import Books
from connectors.simulation.calls import Answer, Call
from connectors.simulation.config import SimulatedShop, SimulatorConfig
from connectors.simulation.gate import Gate
from connectors.simulation.weather import Weather
from connectors.toast.simulator.desk import Desk, allowances, limit_headers
from connectors.toast.simulator.ledger import Known, Ledger
from connectors.toast.simulator.menu import Menus, stock
from connectors.toast.simulator.orders import Writer
from connectors.toast.simulator.wording import day_number, guid

LOGIN = "/authentication/v1/authentication/login"
HOST = "https://toast.example"
LONGEST_WINDOW = timedelta(days=31)
LARGEST_PAGE = 100
_DATES = {
    "paidBusinessDate": ("paidBusinessDate", None),
    "refundBusinessDate": ("refundBusinessDate", "refund"),
    "voidBusinessDate": ("voidBusinessDate", "voidInfo"),
}


Version = tuple[int, int, datetime]
"""Of an order: its place, its number there, and when it was changed."""


class Api:
    """Answers calls; what it knows is what was released, `until` says up to when."""

    def __init__(
        self, config: SimulatorConfig, books: Books, ledger: Ledger, writer: Writer
    ) -> None:
        self._config, self._ledger, self._writer = config, ledger, writer
        self._weather = Weather(config.seed, config.faults)
        menus = [Menus(config, place) for place in range(len(config.shops))]
        self._bodies: dict[Version, bytes] = {}
        self._payments: dict[Version, list[Json]] = {}
        self.desk, self.gate = Desk(config), Gate()
        self._lists: dict[str, Callable[[Call, int, datetime], Response]] = {
            "/orders/v2/ordersBulk": self._orders,
            "/orders/v2/payments": self._paid,
            "/menus/v2/metadata": lambda _, place, until: _json(menus[place].metadata(until)),
            "/menus/v2/menus": lambda _, place, until: _json(menus[place].menus(until)),
            "/stock/v1/inventory": lambda _, place, __: _json(stock(books, place)),
        }
        self._ones: dict[str, Callable[[str, int, datetime], Response]] = {
            "/orders/v2/orders": self._order,
            "/orders/v2/payments": self._payment,
            "/restaurants/v1/restaurants": self._restaurant,
        }

    def handle(self, call: Call, now: datetime, until: datetime) -> Answer:
        """Answer one call, unless it comes too soon or something goes wrong with it."""
        restaurant = call.headers.get("toast-restaurant-external-id", "")
        allowed = allowances(call.path, restaurant)
        full = self.gate.refused(now, allowed) is not None
        told = limit_headers(self.gate.nearest(now, allowed)) if call.path != LOGIN else {}
        if full:
            return Answer(response=_error(429, "too many requests", told))
        answer = self._tried(call, now, until)
        said = answer.response
        return replace(answer, response=replace(said, headers={**said.headers, **told}))

    def _tried(self, call: Call, now: datetime, until: datetime) -> Answer:
        trouble = self._weather.trouble()
        if trouble is not None:
            told = _error(trouble.status, "try again later", wait_of(trouble))
            return Answer(response=told)
        slow = self._weather.wait()
        try:
            return Answer(response=self._routed(call, now, until), wait=slow)
        except RefusedError as refused:
            return Answer(response=_error(refused.status, refused.message), wait=slow)

    def _routed(self, call: Call, now: datetime, until: datetime) -> Response:
        if (call.method, call.path) == ("POST", LOGIN):
            return _json(self.desk.login(call.body, now))
        place = self.desk.place(call.headers, now)
        listed = self._lists.get(call.path)
        if listed is not None and call.method == "GET":
            return listed(call, place, until)
        above, _, name = call.path.rpartition("/")
        named = self._ones.get(above)
        if named is not None and call.method == "GET":
            return named(name, place, until)
        raise RefusedError(404, "not found")

    def _orders(self, call: Call, place: int, until: datetime) -> Response:
        page, size = (
            number_asked(call.query, "page", 1),
            number_asked(call.query, "pageSize", 100),
        )
        if not 1 <= size <= LARGEST_PAGE or page < 1:
            raise RefusedError(400, "page begins at 1, pageSize is 100 at the most")
        size = min(size, self._config.page_limit or size)
        found = self._asked_for(call.query, place, until)
        found.sort(key=lambda known: (known.bill.opened_at, known.bill.number))
        begin = (page - 1) * size
        body = b",".join(self._body(known) for known in found[begin : begin + size])
        links = {"first": 1, "self": page}
        if page > 1:
            links["prev"] = page - 1
        if begin + size < len(found):
            links["next"] = page + 1
        told = ", ".join(
            f"<{call.origin(HOST)}{call.path}?{urlencode({**call.query, 'page': number})}>; "
            f'rel="{rel}"'
            for rel, number in links.items()
        )
        return answer_of(200, b"[" + body + b"]", {"link": told})

    def _asked_for(self, query: Mapping[str, str], place: int, until: datetime) -> list[Known]:
        """Return the orders changed in [startDate, endDate), or of a business date."""
        known = self._ledger.of(place, until)
        if "businessDate" in query:
            day = number_asked(query, "businessDate", 0)
            zone = self._config.shops[place].calendar
            return [it for it in known if day_number(zone.day_of(it.bill.closed_at)) == day]
        begin, end = _instant(query, "startDate"), _instant(query, "endDate")
        if not begin < end <= begin + LONGEST_WINDOW:
            raise RefusedError(400, "endDate is after startDate, and by a month at the most")
        return [it for it in known if begin <= it.modified_at < end]

    def _body(self, known: Known) -> bytes:
        version = _version(known)
        if version not in self._bodies:
            self._bodies[version] = write(self._writer.order(known, guests=True))
        return self._bodies[version]

    def _payments_of(self, known: Known) -> list[Json]:
        version = _version(known)
        if version not in self._payments:
            self._payments[version] = self._writer.payments(known)
        return self._payments[version]

    def _order(self, name: str, place: int, until: datetime) -> Response:
        known = self._ledger.order(name, until)
        if known is None or known.bill.place != place:
            raise RefusedError(404, "no such order")
        return answer_of(200, self._body(known))

    def _payment(self, name: str, place: int, until: datetime) -> Response:
        known = self._ledger.of_payment(name, until)
        told = None if known is None else self._writer.payment(known, name)
        if known is None or told is None or known.bill.place != place:
            raise RefusedError(404, "no such payment")
        return _json(told)

    def _paid(self, call: Call, place: int, until: datetime) -> Response:
        """Return the ids of payments made, refunded or voided on a business date."""
        query = call.query
        named = [name for name in _DATES if name in query]
        if len(named) != 1:
            raise RefusedError(400, "give one business date")
        (field, inside), day = _DATES[named[0]], number_asked(query, named[0], 0)
        found: list[object] = []
        for known in self._ledger.of(place, until):
            for told in self._payments_of(known):
                holder = told if inside is None else told[inside]
                if isinstance(holder, dict) and holder[field] == day:
                    found.append(told["guid"])
        return _json(found)

    def _restaurant(self, name: str, place: int, _until: datetime) -> Response:
        shop = self._config.shops[place]
        if name != shop.location_id:
            raise RefusedError(404, "no such restaurant")
        return _json(_general(shop))


def _version(known: Known) -> Version:
    return known.bill.place, known.bill.number, known.modified_at


def _general(shop: SimulatedShop) -> Json:
    return {
        "guid": shop.location_id,
        "general": {
            "name": shop.name,
            "locationName": None,
            "locationCode": None,
            "description": None,
            "timeZone": shop.timezone,
            "closeoutHour": shop.cut_off_hour,
            "managementGroupGuid": guid("group of", shop.location_id),
            "currencyCode": shop.currency,
            "firstBusinessDate": 20190224,
            "archived": False,
        },
    }


def _instant(query: Mapping[str, str], name: str) -> datetime:
    try:
        return datetime.strptime(query.get(name, ""), "%Y-%m-%dT%H:%M:%S.%f%z")
    except ValueError as error:
        raise RefusedError(400, f"{name} is no ISO 8601 time with milliseconds") from error


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    body: Json = {"status": status, "code": 10_000 + status, "message": message}
    return answer_of(status, write(body), headers)


def _json(body: object) -> Response:
    return answer_of(200, write(body))
