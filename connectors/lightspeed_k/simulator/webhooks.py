"""
Endpoints for webhooks at a simulated K-Series; they belong to the application.

Source: api-docs.lsk.lightspeed.app, Order and Pay: Webhook
"""

from __future__ import annotations

import msgspec

from connectors.simulation.answers import Json, RefusedError
from connectors.simulation.calls import Call

ROOT = "/o/wh/1/webhook"


class _Wanted(msgspec.Struct, rename="camel"):
    endpoint_id: str
    url: str
    with_basic_auth: bool = False
    username: str = ""
    password: str = ""
    subscribe_to: list[dict[str, str]] = []


_wanted = msgspec.json.Decoder(_Wanted)


class Webhooks:
    """The endpoints, and which business locations were added to each."""

    def __init__(self) -> None:
        self._endpoints: dict[str, Json] = {}
        self._added: dict[str, list[str]] = {}

    def handle(self, call: Call, location: str) -> Json | list[Json]:
        """
        Answer a call about endpoints.

        Args:
            location: the only business location that the caller may add.

        Raises:
            RefusedError: it is not there, or asks for what cannot be.
        """
        pieces = call.path.removeprefix(ROOT).strip("/").split("/")
        match (call.method, *pieces):
            case ("PUT" | "POST", ""):
                return self._put(call)
            case ("GET", name) if name in self._endpoints:
                return self._endpoints[name]
            case ("DELETE", name) if name in self._endpoints:
                self.delete(name)
                return {}
            case ("GET", name, "business-locations") if name in self._endpoints:
                return [{"businessLocationId": int(one)} for one in self._added[name]]
            case ("PUT", name, "business-locations", one) if name in self._endpoints:
                if one != location:
                    raise RefusedError(403, "no access to this business location")
                self._added[name] = sorted({*self._added[name], one})
                return {"businessLocationId": int(one), "warnings": []}
            case ("DELETE", name, "business-locations", one) if name in self._endpoints:
                if one != location:
                    raise RefusedError(403, "no access to this business location")
                self._added[name] = [it for it in self._added[name] if it != one]
                return {}
            case _:
                raise RefusedError(404, "endpoint ID not found")

    def _put(self, call: Call) -> Json:
        try:
            wanted = _wanted.decode(call.body)
        except msgspec.DecodeError as error:
            raise RefusedError(400, "endpointId and url are needed") from error
        if (call.method == "PUT") == (wanted.endpoint_id in self._endpoints):
            raise RefusedError(400, "PUT makes an endpoint, POST changes one")
        self._endpoints[wanted.endpoint_id] = msgspec.to_builtins(wanted)
        self._added.setdefault(wanted.endpoint_id, [])
        return self._endpoints[wanted.endpoint_id]

    def delete(self, name: str) -> None:
        """Delete an endpoint."""
        del self._endpoints[name], self._added[name]

    @property
    def names(self) -> list[str]:
        """Return the names of all endpoints."""
        return sorted(self._endpoints)
