"""
The endpoints of a simulated R-Series.

A page is told apart from the next by the last row of it, so no token of a page ever expires;
each call fills the bucket of its account.

Source: developers.lightspeedhq.com/retail/introduction/pagination, .../parameters, .../errors,
.../ratelimits, .../authentication (errors of tokens are those of RFC 6749)
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from urllib.parse import urlencode

import msgspec

from connectors.contract import Response
from connectors.lightspeed_r.simulator.buckets import Buckets, FullError
from connectors.lightspeed_r.simulator.items import Stockroom
from connectors.lightspeed_r.simulator.orders import RELATIONS as ORDER_RELATIONS
from connectors.lightspeed_r.simulator.orders import Orders
from connectors.lightspeed_r.simulator.places import CLIENT_ID, CLIENT_SECRET
from connectors.lightspeed_r.simulator.sales import Writer, tax_category
from connectors.lightspeed_r.simulator.wording import few, flag, stamp
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
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.desk import Desk
from connectors.simulation.weather import Weather

LARGEST_PAGE = 100
ACCOUNT = "/API/V3/Account"
HOST = "https://api.lightspeedapp.com"

RELATIONS: Mapping[str, frozenset[str]] = {
    "Sale": frozenset(
        {
            "SaleLines",
            "SaleLines.Item",
            "SaleLines.Discount",
            "SaleLines.Note",
            "SalePayments",
            "SalePayments.PaymentType",
            "TaxCategory",
        }
    ),
    "Item": frozenset({"ItemShops", "Category"}),
    "ItemShop": frozenset(),
    "Order": ORDER_RELATIONS,
    "OrderLine": frozenset(),
    "Vendor": frozenset(),
    "Shop": frozenset(),
}
WRITTEN = {("POST", "Order"), ("PUT", "Order"), ("POST", "OrderLine")}
RELATION_COST = Decimal("0.2")

NAMED = ("shopID", "vendorID", "refNum", "complete")
TIMES, _NO_END = ("timeStamp", "completeTime"), "~"

_names = msgspec.json.Decoder(list[str])
_place = msgspec.json.Decoder(tuple[str, int])


class Api:
    """Answers calls; what it knows is what was released."""

    def __init__(self, config: SimulatorConfig, books: Books, writer: Writer) -> None:
        self._config, self._books, self._writer = config, books, writer
        self._stockroom = Stockroom(config, books)
        self._orders = Orders(config)
        self._weather = Weather(config.seed, config.faults)
        self.desk, self.buckets = Desk(config, CLIENT_ID, CLIENT_SECRET), Buckets(config)

    def handle(self, call: Call, now: datetime) -> Answer:
        """Answer one call, unless something goes wrong with it."""
        trouble = self._weather.trouble()
        if trouble is not None:
            said = _error(trouble.status, "Try again later.", wait_of(trouble))
            return Answer(response=said)
        return Answer(response=self._routed(call, now), wait=self._weather.wait())

    def _routed(self, call: Call, now: datetime) -> Response:
        try:
            match (call.method, call.path):
                case ("GET", "/auth/oauth/authorize"):
                    there = self.desk.consent(call.query, now)
                    return Response(status=302, body=b"", headers={"location": there})
                case ("POST", "/auth/oauth/token"):
                    return _plain(self.desk.token(call.body, now))
                case _:
                    return self._answered(call, now)
        except RefusedError as refused:
            if call.path.startswith("/auth/"):
                return _plain({"error": refused.code}, status=refused.status)
            return _error(refused.status, refused.message)
        except FullError as full:
            return _error(429, "Rate limit exceeded.", full.headers)

    def _answered(self, call: Call, now: datetime) -> Response:
        account = self.desk.owner(call.headers, now)
        if call.path == f"{ACCOUNT}.json":
            told = self.buckets.take(account, Decimal(1), now)
            return _plain(_account(account), told)
        named, _, path = call.path.removeprefix(f"{ACCOUNT}/").partition("/")
        if not call.path.startswith(f"{ACCOUNT}/") or not path.endswith(".json"):
            raise RefusedError(404, "No such resource.")
        if named != account:
            raise RefusedError(403, "The token is of another account.")
        kind, _, number = path.removesuffix(".json").partition("/")
        if (call.method, kind) in WRITTEN and bool(number) == (call.method == "PUT"):
            told = self.buckets.take(account, Decimal(1), now)
            row = self._orders.write(account, kind, number, call.body, now)
            return _plain({"@attributes": {"count": "1"}, kind: row}, told)
        if kind not in RELATIONS or call.method != "GET":
            raise RefusedError(404, f"No such resource: {kind}")
        wanted = _wanted(kind, call.query)
        each = RELATION_COST if number else 2 * RELATION_COST
        told = self.buckets.take(account, 1 + each * len(wanted), now)
        rows = self._rows(kind, account, wanted)
        if number:
            return _plain(_single(kind, number, rows), told)
        return _plain(self._page(kind, call, rows), told)

    def _rows(self, kind: str, account: str, wanted: frozenset[str]) -> Iterable[Json]:
        rows: Mapping[str, Callable[[], Iterable[Json]]] = {
            "Sale": lambda: self._sales(account, wanted),
            "Item": lambda: self._stockroom.items(account, wanted),
            "ItemShop": lambda: self._stockroom.shelves(account),
            "Shop": lambda: self._shops(account),
            "Order": lambda: self._orders.orders(account, wanted),
            "OrderLine": lambda: self._orders.lines(account),
            "Vendor": self._orders.vendors,
        }
        return rows[kind]()

    def _sales(self, account: str, wanted: frozenset[str]) -> Iterable[Json]:
        for place, shop in enumerate(self._config.shops):
            if shop.merchant_id == account:
                for bill in self._books.of(place):
                    yield self._writer.sale(bill, wanted)

    def _shops(self, account: str) -> Iterable[Json]:
        for shop in self._config.shops:
            if shop.merchant_id == account:
                row: Json = {
                    "shopID": shop.location_id,
                    "name": shop.name,
                    "serviceRate": "0",
                    "timeZone": shop.timezone,
                    "archived": flag(given=False),
                    "taxCategoryID": shop.location_id,
                    "TaxCategory": tax_category(shop),
                }
                yield row

    def _page(self, kind: str, call: Call, rows: Iterable[Json]) -> Json:
        query = call.query
        size = number_asked(query, "limit", LARGEST_PAGE)
        if not 1 <= size <= LARGEST_PAGE:
            raise RefusedError(400, "limit is 100 at the most.")
        if query.get("sort", "timeStamp") != "timeStamp":
            raise RefusedError(400, "Only timeStamp can be sorted by.")
        size = min(size, self._config.page_limit or size)
        after, meant = _position(query.get("after", "")), _filter(query)
        shown = sorted(
            ((_key(kind, row), row) for row in rows if meant(row)),
            key=lambda one: one[0],
        )
        shown = [one for one in shown if one[0] > after]
        told: Json = {"next": "", "previous": ""}
        if len(shown) > size:
            token = urlsafe_b64encode(write(shown[size - 1][0])).decode()
            there = f"{call.origin(HOST)}{call.path}"
            told["next"] = f"{there}?{urlencode({**query, 'after': token})}"
        return {"@attributes": told, **few(kind, [row for _, row in shown[:size]])}


def _key(kind: str, row: Json) -> tuple[str, int]:
    return str(row.get("timeStamp", "")), int(str(row[_id_of(kind)]))


def _id_of(kind: str) -> str:
    return f"{kind[0].lower()}{kind[1:]}ID"


def _single(kind: str, number: str, rows: Iterable[Json]) -> Json:
    for row in rows:
        if row[_id_of(kind)] == number:
            return {"@attributes": {"count": "1"}, kind: row}
    raise RefusedError(404, f"Object of type '{kind}' not found with primary ID '{number}'.")


def _wanted(kind: str, query: Mapping[str, str]) -> frozenset[str]:
    try:
        wanted = frozenset(_names.decode(query.get("load_relations", "[]")))
    except msgspec.MsgspecError as error:
        raise RefusedError(400, "load_relations is no list of names.") from error
    if unknown := wanted - RELATIONS[kind]:
        raise RefusedError(400, f"{kind} has no relation {min(unknown)}.")
    return wanted


def _filter(query: Mapping[str, str]) -> Callable[[Json], bool]:
    """Return what says whether a row is asked for, by what it names and its times."""
    spans = [(name, *_span(query[name])) for name in TIMES if name in query]
    named = [(name, query[name]) for name in NAMED if name in query]

    def meant(row: Json) -> bool:
        here = all(row.get(name, "") == value for name, value in named)
        return here and all(after < str(row.get(name, "")) <= end for name, after, end in spans)

    return meant


def _span(asked: str) -> tuple[str, str]:
    """Return the time that all are after, and the last one; as texts, as rows have them."""
    operator, *values = asked.split(",")
    times = [_instant(value) for value in values]
    match (operator, times):
        case (">", [after]):
            return stamp(after), _NO_END
        case ("><", [begin, end]):
            return stamp(begin - timedelta(seconds=1)), stamp(end)
        case _:
            raise RefusedError(400, "No such operator, or too few times for it.")


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise RefusedError(400, "That is no time.") from error
    if found.tzinfo is None:
        raise RefusedError(400, "The time has no zone.")
    return found.astimezone(UTC)


def _account(account: str) -> Json:
    return {"@attributes": {"count": "1"}, "Account": {"accountID": account, "name": "Larder"}}


def _position(token: str) -> tuple[str, int]:
    if not token:
        return "", 0
    try:
        return _place.decode(urlsafe_b64decode(token))
    except (msgspec.MsgspecError, binascii.Error) as error:
        raise RefusedError(400, "after is none.") from error


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    body: Json = {
        "httpCode": f"{status}",
        "httpMessage": HTTPStatus(status).phrase,
        "message": message,
        "errorClass": "Exception",
    }
    return _plain(body, headers, status)


def _plain(body: Json, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    return answer_of(status, write(body), headers)
