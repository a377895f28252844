"""Structs to Avro bodies, fast."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from io import BytesIO
from typing import Any

import fastavro
import msgspec

from schemas.avsc import Schema


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def body_writer(
    cls: type[msgspec.Struct], schema: Schema, header: bytes
) -> Callable[[Any], bytes]:
    """Return a function that writes header and body of a record."""

    def write(record: Any) -> bytes:
        target = BytesIO()
        target.write(header)
        fastavro.schemaless_writer(target, schema, _plain(record))
        return target.getvalue()

    return write
