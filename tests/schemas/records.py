"""Values of every record type: one that is always the same, and a strategy for any."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import NoneType
from typing import Any, get_origin, get_type_hints
from zlib import crc32

import msgspec
from hypothesis import strategies as st

from schemas.shapes import items, optional, values
from schemas.topics import CATALOGUE

RECORDS = sorted(
    {spec.record for spec in CATALOGUE if spec.record is not None}, key=lambda one: one.__name__
)
TOPIC_OF = {spec.record: spec.name for spec in CATALOGUE if spec.record is not None}

_LONGS = st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200)
_SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=80),
    int: _LONGS,
    bool: st.booleans(),
    bytes: st.binary(max_size=300),
    float: st.floats(allow_nan=False),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    datetime: st.datetimes(timezones=st.just(UTC)),
    date: st.dates(),
    NoneType: st.none(),
}


def records(cls: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(cls)
    return st.builds(cls, **{name: _any(hints[name]) for name in cls.__struct_fields__})


def _any(hint: Any) -> st.SearchStrategy[Any]:
    if (inside := optional(hint)) is not None:
        return st.none() | _any(inside)
    if (item := items(hint)) is not None:
        return st.lists(_any(item), max_size=3).map(get_origin(hint))
    if (item := values(hint)) is not None:
        return st.dictionaries(st.text(max_size=10), _any(item), max_size=3)
    if hint in _SCALARS:
        return _SCALARS[hint]
    return st.sampled_from(hint) if issubclass(hint, StrEnum) else records(hint)


def example(cls: type[msgspec.Struct]) -> Any:
    """Return a value whose every field is set, to something that its name alone decides."""
    hints = get_type_hints(cls)
    return cls(**{name: _one(hints[name], name) for name in cls.__struct_fields__})


def _one(hint: Any, name: str) -> Any:
    if (inside := optional(hint)) is not None:
        return _one(inside, name)
    if (item := items(hint)) is not None:
        return get_origin(hint)([_one(item, name), _one(item, name + " again")])
    if (item := values(hint)) is not None:
        return {name: _one(item, name), "é": _one(item, name + " again")}
    number = crc32(name.encode())
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return list(hint)[number % len(hint)]
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return example(hint)
    made: dict[Any, Any] = {
        str: f"{name} ☕",
        int: number - 2**31,
        bool: True,
        bytes: name.encode() + bytes(range(256)),
        float: (number % 100) / 100,
        Decimal: Decimal(number - 2**31).scaleb(-3),
        datetime: datetime(2026, 3, 29, tzinfo=UTC) + timedelta(microseconds=number * 997),
        date: date(2026, 1, 1) + timedelta(days=number % 365),
    }
    return made[hint]


def assert_same(one: msgspec.Struct, other: msgspec.Struct) -> None:
    """Equal, and written the same: 1.0 and 1.00 are equal numbers but not the same text."""
    assert one == other
    assert msgspec.json.encode(one) == msgspec.json.encode(other)
