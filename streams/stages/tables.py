"""Local rows of public compacted topics: Avro outside, MessagePack in the state."""

from __future__ import annotations

import msgspec

from schemas.codec import decode, encode, pack
from streams.log import Fold, Out, Record


def folded(cls: type[msgspec.Struct]) -> Fold:
    """Return the fold that turns a public record into the local row of the same key."""

    def fold(record: Record) -> tuple[tuple[bytes, bytes | None], ...]:
        if record.key is None:
            return ()
        if record.value is None:
            return ((record.key, None),)
        return ((record.key, pack(decode(cls, record.value))),)

    return fold


def row_out(key: bytes, row: msgspec.Struct | None, lane: int | None = None) -> Out:
    """Return the public record of a row; None is a tombstone."""
    return Out(key, None if row is None else encode(row), (), lane)
