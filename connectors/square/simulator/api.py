"""
The endpoints of a simulated Square: a pure function of the store and one request.

What the real API is particular about, this one is too: payments without location_id are the
main location's, refunds without are every location's; orders are filtered by one time only,
and sorted by the same; begin_time of the catalogue excludes its instant.

Source: developer.squareup.com/reference/square, docs/build-basics/handling-errors
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import unquote

import msgspec

from connectors.contract import Response
from connectors.simulation.calls import Answer, Call
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.weather import Weather
from connectors.square.simulator.bills import Json
from connectors.square.simulator.desk import Desk
from connectors.square.simulator.grants import Grants
from connectors.square.simulator.inquiry import Inquiry
from connectors.square.simulator.lists import Lists
from connectors.square.simulator.paging import RefusedError
from connectors.square.simulator.subscriptions import Subscriptions
from connectors.square.simulator.timeline import Store

TOO_MANY = 429


class Api:
    """Answers calls; what it knows is what the store has released."""

    def __init__(self, config: SimulatorConfig, store: Store, grants: Grants) -> None:
        self._config = config
        self._grants = grants
        self._weather = Weather(config.seed, config.faults)
        desk = Desk(config, store)
        lists = Lists(config, store)
        subscriptions = Subscriptions(config)
        self._routes: dict[tuple[str, str], Callable[[Inquiry], Json]] = {
            ("GET", "locations"): desk.locations,
            ("GET", "locations/*"): desk.location,
            ("GET", "merchants"): desk.merchants,
            ("GET", "merchants/*"): desk.merchant,
            ("GET", "payments/*"): desk.payment,
            ("GET", "refunds/*"): desk.refund,
            ("GET", "orders/*"): desk.order,
            ("POST", "orders/batch-retrieve"): desk.orders,
            ("GET", "catalog/object/*"): desk.catalog_object,
            ("GET", "payments"): lists.payments,
            ("GET", "refunds"): lists.refunds,
            ("POST", "orders/search"): lists.orders,
            ("GET", "catalog/list"): lists.catalog,
            ("POST", "catalog/search"): lists.changed_catalog,
            ("POST", "inventory/counts/batch-retrieve"): lists.counts,
            ("POST", "inventory/changes/batch-retrieve"): lists.changes,
            ("GET", "inventory/*"): lists.count,
            ("GET", "webhooks/subscriptions"): subscriptions.listed,
            ("POST", "webhooks/subscriptions"): subscriptions.create,
            ("PUT", "webhooks/subscriptions/*"): subscriptions.update,
            ("DELETE", "webhooks/subscriptions/*"): subscriptions.delete,
        }

    def handle(self, call: Call, now: datetime) -> Answer:
        """Answer one call, unless something goes wrong with it."""
        fault = self._fault(call)
        if fault is not None:
            return Answer(response=fault)
        wait = self._weather.wait()
        try:
            if (call.method, call.path) == ("GET", "/oauth2/authorize"):
                return Answer(response=_redirect(self._grants.authorize(call.query, now)))
            body = self._routed(call, now)
        except RefusedError as refused:
            return Answer(response=_error(refused), wait=wait)
        except (msgspec.DecodeError, ValueError) as error:
            unread = RefusedError(400, "BAD_REQUEST", "", f"{error}")
            return Answer(response=_error(unread), wait=wait)
        return Answer(response=_json(200, body), wait=wait)

    def _routed(self, call: Call, now: datetime) -> Json:
        pieces = [unquote(piece) for piece in call.path.strip("/").split("/")]
        match pieces:
            case ["oauth2", "token"] if call.method == "POST":
                return self._grants.token(call.body, now)
            case ["oauth2", "revoke"] if call.method == "POST":
                return self._grants.revoke(call.headers, call.body)
            case ["v2", *rest] if rest:
                merchant = self._grants.merchant(call.headers, now)
                named = (call.method, "/".join([*rest[:-1], "*"]))
                for route, name in (((call.method, "/".join(rest)), ""), (named, rest[-1])):
                    if route in self._routes:
                        inquiry = Inquiry(merchant=merchant, call=call, now=now, name=name)
                        return self._routes[route](inquiry)
            case _:
                pass
        raise RefusedError(404, "NOT_FOUND", "", "Resource not found.")

    def _fault(self, call: Call) -> Response | None:
        """Return what goes wrong instead of an answer, if it does."""
        trouble = self._weather.trouble() if call.path.startswith("/v2/") else None
        if trouble is None:
            return None
        headers = {"retry-after": trouble.retry_after} if trouble.retry_after else {}
        code = "RATE_LIMITED" if trouble.status == TOO_MANY else "API_ERROR"
        return _error(RefusedError(trouble.status, code), headers)


_CATEGORIES = {
    401: "AUTHENTICATION_ERROR",
    403: "AUTHENTICATION_ERROR",
    429: "RATE_LIMIT_ERROR",
    500: "API_ERROR",
    502: "API_ERROR",
    503: "API_ERROR",
}


def _error(refused: RefusedError, headers: Mapping[str, str] | None = None) -> Response:
    error = {
        "category": _CATEGORIES.get(refused.status, "INVALID_REQUEST_ERROR"),
        "code": refused.code,
        "detail": refused.detail or refused.code.replace("_", " ").capitalize(),
    }
    if refused.field:
        error["field"] = refused.field
    return _json(refused.status, {"errors": [error]}, headers)


def _redirect(url: str) -> Response:
    return Response(status=302, body=b"", headers={"location": url})


def _json(status: int, body: Json, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        status=status,
        body=msgspec.json.encode(body),
        headers={"content-type": "application/json", **(headers or {})},
    )
