"""A request to the simulated Square, and its answer, without any HTTP library."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from connectors.contract import Response


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it arrives; names of headers are lower case."""

    method: str
    path: str
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A response, and how long Square takes to give it."""

    response: Response
    wait: timedelta = timedelta(0)


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """A call that has been let in: whose token it has, and the id at the end of its path."""

    merchant: str
    call: Call
    now: datetime
    name: str = ""
