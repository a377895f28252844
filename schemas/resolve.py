"""Avro by fastavro: reads what past versions of a schema wrote, as today's version sees it."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TypeVar

import fastavro
import msgspec

from schemas.avsc import Schema

R = TypeVar("R", bound=msgspec.Struct)


def resolving_reader(cls: type[R], writer: Schema, today: Schema) -> Callable[[bytes, int], R]:
    """
    Return a function that reads one record which an older schema wrote.

    It takes the bytes and where the body begins in them.

    Raises:
        ValueError: bytes are left over; whatever fastavro raises on bytes that are no record.
    """
    reader = None if writer is today else today

    def read(data: bytes, start: int) -> R:
        source = BytesIO(data)
        source.seek(start)
        value = fastavro.schemaless_reader(source, writer, reader)
        if source.tell() != len(data):
            raise ValueError("bytes are left over")
        return msgspec.convert(value, cls)

    return read
