"""A request to a simulated provider, and its answer, without any HTTP library."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from connectors.contract import Response


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it arrives; names of headers are lower case."""

    method: str
    path: str
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def origin(self, otherwise: str) -> str:
        """
        Return scheme and host that links of the answer begin with, so that they lead back here.

        Args:
            otherwise: the provider's own, where a call came by no network.
        """
        host = self.headers.get("host")
        return f"http://{host}" if host else otherwise


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A response, and how long the provider takes to give it."""

    response: Response
    wait: timedelta = timedelta(0)
