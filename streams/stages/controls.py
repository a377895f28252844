"""Control records of `pos.raw`: what we say to ourselves in the order of what providers say."""

from __future__ import annotations

import msgspec

from connectors.contract import Outcome, Parts
from schemas.part import Part
from schemas.raw import RawEvent
from schemas.reconciliation import Reconciliation
from schemas.sync import SyncControl

REPLAY = "replay"
"""Resource of the control record by which `tillstream replay` hands in parts read anew."""

SYNC = "sync"
RECONCILIATION = "reconciliation"
"""Of the one that says that a day is to be compared, or how it compared."""

Control = SyncControl | Reconciliation


class Replayed(msgspec.Struct, frozen=True):
    """Body of a replay control record: parts of one key, as today's connector reads them."""

    transaction: str
    parts: tuple[Part, ...]


def control_of(raw: RawEvent, body: bytes) -> Outcome | Control:
    """Read a control record; it was written by us, so what is unreadable is our bug."""
    if raw.resource == REPLAY:
        return Parts(parts=msgspec.msgpack.decode(body, type=Replayed).parts)
    if raw.resource == RECONCILIATION:
        return msgspec.json.decode(body, type=Reconciliation)
    return msgspec.json.decode(body, type=SyncControl)
