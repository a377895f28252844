"""
Ranges of keys, read so that damage is an error.

The iterators of rocksdict end without a word at a block that cannot be read, exactly as they
end where there is no more. Asking once more behind the last key tells the two apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rocksdict import ReadOptions


def scan(family: Any, start: bytes, stop: bytes | None) -> Iterator[tuple[bytes, bytes]]:
    """
    Yield keys and values from `start` on and before `stop`; None is to the end.

    Raises:
        Exception: RocksDB's own, where something cannot be read.
    """
    bound = before(stop)
    last: bytes | None = None
    for entry in family.items(from_key=start, read_opt=bound):
        yield entry
        last = entry[0]
    confirm_end(family, start if last is None else last + b"\x00", bound)


def before(stop: bytes | None) -> Any:
    """Return options for reading before `stop`."""
    options = ReadOptions()
    if stop is not None:
        options.set_iterate_upper_bound(stop)
    return options


def confirm_end(family: Any, start: bytes, bound: Any) -> None:
    """
    Return where there is nothing from `start` on.

    Raises:
        Exception: RocksDB's own, where something cannot be read.
    """
    again = family.iter(bound)
    again.seek(start)
    again.status()
    if again.valid():
        raise OSError("Corruption: an iterator ended before its last key")


def following(prefix: bytes) -> bytes:
    """Return the first key behind all that begin with `prefix` (which is not all 0xff)."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1])
