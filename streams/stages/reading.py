"""A raw event on its way through `normalise`, opened and with its account."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.account import Account
from schemas.raw import RawEvent
from schemas.transaction import Cause
from streams.log import Record


@dataclass(slots=True)
class Reading:
    """
    One raw event of the chunk.

    Args:
        raw: as it is in the log, its body sealed.
        body: the exact bytes that arrived.
    """

    record: Record
    raw: RawEvent
    account: Account
    body: bytes

    @property
    def cause(self) -> Cause:
        """Return why whatever follows from it happened."""
        return Cause(
            raw_id=self.raw.raw_id, channel=self.raw.channel.value, resource=self.raw.resource
        )


def row_key(account: str, name: str) -> bytes:
    """Return the key of a row that belongs to an account."""
    return f"{account}/{name}".encode()
