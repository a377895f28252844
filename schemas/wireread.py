"""
Avro bodies to structs, for bytes that today's schema wrote; older ones go through `resolve`.

For every struct one function is made that reads its fields one after the other and calls the
constructor: twice as fast as a general reader followed by a conversion.

Damaged bytes end in some ordinary exception, never in a loop or in much memory: lengths are
never negative, so a reader only moves forward, and every item takes at least one byte.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import count
from struct import Struct
from typing import Any, get_origin

import msgspec

from schemas.avsc import Schema
from schemas.shapes import Orders, fields_of, items, optional, orders_of, values

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONG_BITS = 64

_LONG = """
n = d[i]; i += 1
if n > 127:
    n += (d[i] << 7) - 128; i += 1
    if n > 16383: n, i = longer(d, n, i)
"""
_LENGTH = """
n = d[i]; i += 1
if n & 129: n, i = length(d, n, i)
"""
_READ = {
    int: _LONG + "{} = n >> 1 ^ -(n & 1)",
    str: _LENGTH + "{} = d[i : (i := i + (n >> 1))].decode()",
    bytes: _LENGTH + "{} = d[i : (i := i + (n >> 1))]",
    bool: "{} = truth[d[i]]; i += 1",
    float: "({},) = double(d, i); i += 8",
    Decimal: _LENGTH + "{} = decimal(d[i : (i := i + (n >> 1))].decode())",
    datetime: _LONG + "{} = epoch + microsecond * (n >> 1 ^ -(n & 1))",
    date: _LONG + "{} = day(epoch_day + (n >> 1 ^ -(n & 1)))",
}
_NULLABLE = """
n = d[i]; i += 1
if n == 0:
    {0} = None
elif n != 2:
    raise no_branch
else:
{1}
"""
_BLOCKS = """
{0} = {2}
n = d[i]; i += 1
while n:
    if n & 129: n, i = block(d, n, i)
    for _ in range(n >> 1):
{1}
    n = d[i]; i += 1
"""


def _longer(data: bytes, number: int, at: int) -> tuple[int, int]:
    """
    Go on reading a varint of which two bytes have been read, with the mark that more follow.

    Returns it, still zigzag, and where the next value begins.
    """
    number &= 0x3FFF
    for shift in range(14, _LONG_BITS, 7):
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:  # noqa: PLR2004 - the bit that says whether more follows
            return number, at
    raise ValueError("a number of more than 64 bits")


def _long(data: bytes, first: int, at: int) -> tuple[int, int]:
    """Go on reading a varint of which one byte has been read."""
    if first < 128:  # noqa: PLR2004
        return first, at
    number = first + (data[at] << 7) - 128
    at += 1
    return (number, at) if number < 1 << 14 else _longer(data, number, at)


def _length(data: bytes, first: int, at: int) -> tuple[int, int]:
    number, at = _long(data, first, at)
    if number & 1:
        raise ValueError("a negative length")
    return number, at


def _block(data: bytes, first: int, at: int) -> tuple[int, int]:
    """Read the size of a block; a negative one is followed by its bytes, which we need not."""
    number, at = _long(data, first, at)
    if number & 1:
        _, at = _long(data, data[at], at + 1)
        return number + 1, at
    return number, at


class _Source:
    """Makes the functions of one schema; each record type gets one."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._names = count()
        self.scope: dict[str, Any] = {
            "longer": _longer,
            "length": _length,
            "block": _block,
            "truth": {0: False, 1: True},
            "double": Struct("<d").unpack_from,
            "decimal": Decimal,
            "epoch": _EPOCH,
            "microsecond": timedelta(microseconds=1),
            "day": date.fromordinal,
            "epoch_day": _EPOCH.toordinal(),
            "no_branch": ValueError("no such branch of a union"),
        }

    def function(self, cls: type[msgspec.Struct]) -> str:
        """Make the function of a record type unless it is there, and return its name."""
        name = f"read_{cls.__name__}"
        if name not in self.scope:
            fields = fields_of(cls, self._orders)
            lines = [self._of(hint, f"v_{field}") for field, hint in fields]
            given = ", ".join(f"{field}=v_{field}" for field, _ in fields)
            self.scope[cls.__name__] = cls
            body = _indented("\n".join([*lines, f"return {cls.__name__}({given}), i"]))
            exec(f"def {name}(d, i):\n{body}", self.scope)  # noqa: S102 - as in `wirewrite`
        return name

    def _of(self, hint: Any, target: str) -> str:
        """Return the lines that read one value into the variable `target`."""
        if (inside := optional(hint)) is not None:
            return _NULLABLE.format(target, _indented(self._of(inside, target)))
        if items(hint) is not None or values(hint) is not None:
            return self._blocks(hint, target)
        if hint in _READ:
            return _READ[hint].format(target)
        if issubclass(hint, StrEnum):
            self.scope[f"set_{hint.__name__}"] = {str(one): one for one in hint}
            return self._of(str, target) + f"\n{target} = set_{hint.__name__}[{target}]"
        return f"{target}, i = {self.function(hint)}(d, i)"

    def _blocks(self, hint: Any, target: str) -> str:
        """Read a sequence or a map, in however many blocks it comes."""
        each, key = f"x{next(self._names)}", f"k{next(self._names)}"
        if (item := items(hint)) is not None:
            inner = f"{self._of(item, each)}\n{target}.append({each})"
            lines = _BLOCKS.format(target, _indented(inner, 2), "[]")
            frozen = get_origin(hint) is tuple
            return lines + (f"{target} = tuple({target})" if frozen else "")
        pair = f"{self._of(str, key)}\n{self._of(values(hint), each)}"
        pair += f"\n{target}[{key}] = {each}"
        return _BLOCKS.format(target, _indented(pair, 2), "{}")


def body_reader(cls: type[msgspec.Struct], schema: Schema) -> Callable[[bytes, int], Any]:
    """
    Return a function that reads a record from bytes, beginning at an index.

    It raises ValueError when bytes are left over, and IndexError, KeyError, UnicodeDecodeError,
    ArithmeticError or OverflowError when they are damaged.

    Raises:
        SchemaDriftError: struct and schema do not have the same fields.
    """
    source = _Source(orders_of(schema))
    read: Callable[[bytes, int], tuple[Any, int]] = source.scope[source.function(cls)]

    def read_all(data: bytes, start: int) -> Any:
        record, end = read(data, start)
        if end != len(data):
            raise ValueError("bytes are left over or missing")
        return record

    return read_all


def _indented(lines: str, steps: int = 1) -> str:
    margin = "    " * steps
    return "\n".join(margin + line for line in lines.splitlines() if line.strip())
