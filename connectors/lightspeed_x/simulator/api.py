"""
The endpoints of a simulated X-Series.

Source: x-series-api.lightspeedhq.com/docs/pagination, .../docs/rate_limiting (300 calls for
each register and 50 more in five minutes; Retry-After is an HTTP date), .../docs/authorization
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlencode

import msgspec
from msgspec.structs import replace

from connectors.contract import Response
from connectors.lightspeed_x.simulator.ledger import Change, Ledger
from connectors.lightspeed_x.simulator.places import CLIENT_ID
from connectors.lightspeed_x.simulator.webhooks import ROOT, Webhooks
from connectors.lightspeed_x.simulator.writing import outlet
from connectors.simulation.answers import RefusedError, answer_of, number_asked, write
from connectors.simulation.calls import Answer, Call
from connectors.simulation.config import SimulatorConfig
from connectors.simulation.desk import Desk
from connectors.simulation.gate import Allowance, Gate
from connectors.simulation.weather import Weather

LISTS = ("sales", "products", "inventory", "consignments", "suppliers")
REGISTERS = 3
CALLS, WINDOW = 300 * REGISTERS + 50, timedelta(minutes=5)
LARGEST_PAGE = 200


class Api:
    """Answers calls; what it knows is what was released, `until` says up to when."""

    def __init__(self, config: SimulatorConfig, ledger: Ledger) -> None:
        self._config, self._ledger = config, ledger
        self._weather = Weather(config.seed, config.faults)
        self._places = {shop.merchant_id: place for place, shop in enumerate(config.shops)}
        self.gate = Gate()
        self.webhooks = Webhooks()
        # The application's secret signs its webhooks, too.
        self.desk = Desk(config, CLIENT_ID, config.signature_key)

    def handle(self, call: Call, now: datetime, until: datetime) -> Answer:
        """Answer one call, unless it comes too soon or something goes wrong with it."""
        try:
            match (call.method, call.path):
                case ("GET", "/connect"):
                    return Answer(response=self._consent(call, now))
                case ("POST", "/api/1.0/token"):
                    return Answer(response=self._token(call, now))
                case _:
                    merchant = self.desk.owner(call.headers, now)
        except RefusedError as refused:
            body = {"error": refused.code or refused.message}
            return Answer(response=answer_of(refused.status, write(body)))
        allowed = (Allowance(merchant, CALLS, WINDOW),)
        soon = self.gate.refused(now, allowed)
        left = self.gate.nearest(now, allowed).left
        told = {"x-ratelimit-limit": f"{CALLS}", "x-ratelimit-remaining": f"{left}"}
        if soon is not None:
            headers = {**told, **_later(now + soon)}
            return Answer(response=_error(429, "Too Many Requests", headers))
        answer = self._tried(call, merchant, now, until)
        said = answer.response
        return replace(answer, response=replace(said, headers={**said.headers, **told}))

    def _tried(self, call: Call, merchant: str, now: datetime, until: datetime) -> Answer:
        """Answer a call that came in time, unless something goes wrong with it."""
        trouble = self._weather.trouble()
        if trouble is not None:
            wait = timedelta(seconds=int(trouble.retry_after or 0))
            headers = _later(now + wait) if trouble.retry_after else {}
            return Answer(response=_error(trouble.status, "try again later", headers))
        place = self._places[merchant]
        if call.path.startswith(ROOT):
            answer = self.webhooks.handle(call, place)
        else:
            answer = self._routed(call, place, until)
        return Answer(response=answer, wait=self._weather.wait())

    def _consent(self, call: Call, now: datetime) -> Response:
        """Send the browser back; the store's prefix goes along."""
        there = self.desk.consent(call.query, now)
        prefix = urlencode({"domain_prefix": self.desk.book.signed_in})
        return Response(status=302, body=b"", headers={"location": f"{there}&{prefix}"})

    def _token(self, call: Call, now: datetime) -> Response:
        pair = self.desk.token(call.body, now)
        whose = {"authorization": f"Bearer {pair['access_token']}"}
        return answer_of(200, write({**pair, "domain_prefix": self.desk.owner(whose, now)}))

    def _routed(self, call: Call, place: int, until: datetime) -> Response:
        match call.path.strip("/").split("/"):
            case ["api", "2.0", name] if name in LISTS and call.method == "GET":
                known = self._known(name, place, until)
                return self._list(call, known, spanned=name != "inventory")
            case ["api", "2.0", "outlets"] if call.method == "GET":
                return self._list(call, [self._outlet(place, until)])
            case ["api", "2.0", "outlets", name] if call.method == "GET":
                one = self._outlet(place, until)
                return _data(one.body) if name == one.id else _not_found()
            case ["api", "2.0", "consignments", name, "products"] if call.method == "GET":
                return self._list(call, self._known(f"products of {name}", place, until))
            case ["api", "2.0", kind, name] if kind in LISTS and call.method == "GET":
                rows = [it for it in self._known(kind, place, until) if it.id == name]
                return _data(rows[0].body) if rows else _not_found()
            case _:
                return _not_found()

    def _known(self, resource: str, place: int, until: datetime) -> Sequence[Change]:
        """Return the newest version of everything of a kind, in the order of versions."""
        newest = {
            change.id: change
            for change in self._ledger.known(until)
            if change.resource == resource and change.place == place
        }
        return sorted(newest.values(), key=lambda change: change.version)

    def _outlet(self, place: int, until: datetime) -> Change:
        """Return the one outlet of a store, as it was from the beginning."""
        body = outlet(self._config.shops[place])
        version = msgspec.convert(body["version"], int)
        return Change(until, version, "outlets", place, str(body["id"]), body)

    def _list(self, call: Call, rows: Sequence[Change], *, spanned: bool = True) -> Response:
        """Return a page of a list, and between which versions it is if it is told so."""
        try:
            after = number_asked(call.query, "after", 0)
            size = min(number_asked(call.query, "page_size", 50), LARGEST_PAGE)
        except RefusedError as refused:
            return _error(refused.status, refused.message)
        size = min(size, self._config.page_limit or size)
        status = call.query.get("status", "")
        meant = [row for row in rows if status in {"", row.body.get("status")}]
        page = [row for row in meant if row.version > after][:size]
        versions = [row.version for row in page]
        span = {"min": min(versions, default=None), "max": max(versions, default=None)}
        told = {"data": [row.body for row in page]}
        return answer_of(200, write({**told, "version": span} if spanned else told))


def _later(at: datetime) -> Mapping[str, str]:
    return {"retry-after": format_datetime(at.replace(microsecond=0), usegmt=True)}


def _data(body: object) -> Response:
    return answer_of(200, write({"data": body}))


def _not_found() -> Response:
    return _error(404, "Not Found")


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return answer_of(status, write({"error": message}), headers)
