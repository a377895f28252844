"""
Structs to Avro bodies.

For every struct one function is made, whose source is a single join over its fields: three to
five times faster than a general writer, which looks at the schema again at every value. The
bytes are the same as fastavro's; the tests compare them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import count
from struct import Struct
from typing import Any

import msgspec

from schemas.avsc import Schema
from schemas.shapes import Orders, fields_of, items, optional, orders_of, values

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_MICROSECOND = timedelta(microseconds=1)
_LONG_MAX = 2**63
_REMEMBERED_MAX = 1 << 15
_REPEATING = frozenset(
    {"account_id", "category", "currency", "location_id", "location_name", "merchant", "name"}
    | {"pos_product_id", "pos_provider", "product_id", "provider", "register", "resource"}
    | {"sku", "tenant_id", "unit"}
)
"""Text fields of which a log holds few different values; their bytes are kept at hand."""

_TWO_GROUPS = [bytes((n & 127 | 128, n >> 7 | 128)) for n in range(1 << 14)]
"""The bytes of each 14 bits of a number that goes on after them."""


class _Longs(dict[int, bytes]):
    """Zigzag varints; the short ones are kept."""

    def __missing__(self, number: int) -> bytes:
        if not -_LONG_MAX <= number < _LONG_MAX:
            raise OverflowError("more than 64 bits")
        rest = (number << 1) ^ (number >> 63)
        groups = b""
        while rest >= 1 << 14:
            groups += _TWO_GROUPS[rest & 0x3FFF]
            rest >>= 14
        last = (rest,) if rest < 1 << 7 else (rest & 127 | 128, rest >> 7)
        groups += bytes(last)
        if -_REMEMBERED_MAX <= number < _REMEMBERED_MAX:
            self[number] = groups
        return groups


class _Texts(dict[str, bytes]):
    """Texts with their length, for fields that repeat; forgets all when it is full."""

    def __missing__(self, value: str) -> bytes:
        if len(self) >= _REMEMBERED_MAX:
            self.clear()
        framed = self[value] = _text(value)
        return framed


class _MaybeTexts(dict[str | None, bytes]):
    """The same for fields that may be null."""

    def __missing__(self, value: str | None) -> bytes:
        if len(self) >= _REMEMBERED_MAX:
            self.clear()
        framed = self[value] = _maybe_text(value)
        return framed


_LONGS = _Longs()
_DOUBLE = Struct("<d").pack


def _text(value: str) -> bytes:
    encoded = value.encode()
    return _LONGS[len(encoded)] + encoded


def _maybe_text(value: str | None) -> bytes:
    if value is None:
        return b"\x00"
    encoded = value.encode()
    return b"\x02" + _LONGS[len(encoded)] + encoded


def _instant(value: datetime) -> bytes:
    return _LONGS[(value - _EPOCH) // _MICROSECOND]


def _day(value: date) -> bytes:
    return _LONGS[value.toordinal() - _EPOCH_DAY]


_SCALARS = {
    int: "longs[{}]",
    bytes: "longs[len({0})] + {0}",
    bool: '(b"\\x01" if {} else b"\\x00")',
    float: "double({})",
    Decimal: "texts[str({})]",
    datetime: "instant({})",
    date: "day({})",
}


class _Source:
    """Makes the functions of one schema; each record type gets one."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._names = count()
        self.scope: dict[str, Any] = {
            "join": b"".join,
            "longs": _LONGS,
            "texts": _Texts(),
            "maybe_texts": _MaybeTexts(),
            "text": _text,
            "maybe_text": _maybe_text,
            "instant": _instant,
            "day": _day,
            "double": _DOUBLE,
        }

    def function(self, cls: type[msgspec.Struct], first: str = "") -> str:
        """Make the function of a record type unless it is there, and return its name."""
        name = f"write_{cls.__name__}"
        if name not in self.scope:
            fields = fields_of(cls, self._orders)
            parts = [first] if first else []
            parts += [self._of(hint, f"v.{field}", field) for field, hint in fields]
            source = f"def {name}(v):\n    return join(({', '.join(parts)},))"
            exec(source, self.scope)  # noqa: S102 - made of our own schemas, like a dataclass
        return name

    def _of(self, hint: Any, value: str, field: str = "") -> str:
        """Return the expression that writes `value`, itself an expression."""
        if (inside := optional(hint)) is not None:
            return self._nullable(inside, value, field)
        if items(hint) is not None or values(hint) is not None:
            return self._blocks(hint, value)
        if hint in _SCALARS:
            return _SCALARS[hint].format(value)
        if hint is str or issubclass(hint, StrEnum):
            repeats = field in _REPEATING or hint is not str
            return f"texts[{value}]" if repeats else f"text({value})"
        return f"{self.function(hint)}({value})"

    def _nullable(self, inside: Any, value: str, field: str) -> str:
        if inside is str:
            return f"maybe_texts[{value}]" if field in _REPEATING else f"maybe_text({value})"
        there = self._of(inside, value)
        return f'(b"\\x00" if {value} is None else b"\\x02" + {there})'

    def _blocks(self, hint: Any, value: str) -> str:
        """Write a sequence or a map as one block and the empty one that ends it."""
        each, key = f"x{next(self._names)}", f"k{next(self._names)}"
        if (item := items(hint)) is not None:
            every = f"*[{self._of(item, each)} for {each} in {value}]"
        else:
            pair = f"texts[{key}] + {self._of(values(hint), each)}"
            every = f"*[{pair} for {key}, {each} in {value}.items()]"
        return f'(join((longs[len({value})], {every}, b"\\x00")) if {value} else b"\\x00")'


def body_writer(
    cls: type[msgspec.Struct], schema: Schema, header: bytes
) -> Callable[[Any], bytes]:
    """
    Return a function that writes a record of `schema`: the header and then the body.

    It raises OverflowError for numbers of more than 64 bits, TypeError for naive times,
    UnicodeEncodeError for broken text.

    Raises:
        SchemaDriftError: struct and schema do not have the same fields.
    """
    source = _Source(orders_of(schema))
    source.scope["header"] = header
    writer: Callable[[Any], bytes] = source.scope[source.function(cls, "header")]
    return writer
