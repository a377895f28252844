"""What simulated APIs of JSON have in common: bodies, refusals, numbers that are asked for."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from connectors.contract import Response
from connectors.simulation.weather import Trouble

Json = dict[str, object]

write = msgspec.json.Encoder(decimal_format="number").encode
"""Write a body; decimals are JSON numbers, with all their digits."""


class RefusedError(Exception):
    """A provider answers an error; `code` is its own word, or that of RFC 6749, if any."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


def answer_of(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response of JSON."""
    told = {"content-type": "application/json", **(headers or {})}
    return Response(status=status, body=body, headers=told)


def wait_of(trouble: Trouble) -> Mapping[str, str]:
    """Return the header that says how long to wait, where there is one."""
    return {"retry-after": trouble.retry_after} if trouble.retry_after else {}


def number_asked(query: Mapping[str, str], name: str, otherwise: int) -> int:
    """
    Return a whole number of a query.

    Raises:
        RefusedError: it is none.
    """
    try:
        return int(query.get(name, otherwise))
    except ValueError as error:
        raise RefusedError(400, f"{name} is no number") from error
