"""A call that has been let in."""

from __future__ import annotations

from datetime import datetime

import msgspec

from connectors.simulation.calls import Call


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """A call that has been let in: whose token it has, and the id at the end of its path."""

    merchant: str
    call: Call
    now: datetime
    name: str = ""
