"""
The webhooks of simulated stores: where each store sends what.

Source: x-series-api.lightspeedhq.com/reference (ListWebhooks, CreateWebhook, UpdateWebhook,
DeleteWebhook)
"""

from __future__ import annotations

import msgspec

from connectors.contract import Response
from connectors.simulation.answers import Json, answer_of, write
from connectors.simulation.calls import Call

ROOT = "/api/2026-07/webhooks"
KINDS = {
    "sale.update", "product.update", "customer.update", "inventory.update",
    "register_closure.create", "consignment.send", "consignment.receive",
}  # fmt: skip


class _Wanted(msgspec.Struct):
    type: str
    url: str
    active: bool


_wanted = msgspec.json.Decoder(_Wanted)


class Webhooks:
    """What was asked for, store by store; one kind to one URL only once."""

    def __init__(self) -> None:
        self._stores: dict[int, dict[str, Json]] = {}
        self._made = 0

    def handle(self, call: Call, place: int) -> Response:
        """Answer a call about the webhooks of a store."""
        known = self._stores.setdefault(place, {})
        match (call.method, call.path.removeprefix(ROOT).strip("/")):
            case ("GET", ""):
                return answer_of(200, write({"data": list(known.values())}))
            case ("POST", ""):
                return _put(known, self._name(), call.body)
            case ("PUT", name) if name in known:
                return _put(known, name, call.body)
            case ("DELETE", name) if name in known:
                del known[name]
                return answer_of(204, b"")
            case _:
                return _error(404, "Not Found")

    def _name(self) -> str:
        self._made += 1
        return f"webhook-{self._made}"

    def switch_off(self, place: int) -> None:
        """Switch all webhooks of a store off, as somebody might in its back office."""
        for webhook in self._stores.get(place, {}).values():
            webhook["active"] = False


def _put(known: dict[str, Json], name: str, body: bytes) -> Response:
    try:
        wanted = _wanted.decode(body)
    except msgspec.DecodeError:
        return _error(400, "type, url and active are needed")
    if wanted.type not in KINDS:
        return _error(400, "no such type")
    asked = (wanted.type, wanted.url)
    same = {key for key, one in known.items() if (one["type"], one["url"]) == asked}
    if same - {name}:
        return _error(409, "a webhook with this type and URL exists")
    status = 200 if name in known else 201
    known[name] = {"id": name, **msgspec.to_builtins(wanted)}
    return answer_of(status, write({"data": known[name]}))


def _error(status: int, message: str) -> Response:
    return answer_of(status, write({"error": message}))
