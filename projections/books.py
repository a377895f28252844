"""The rows that one chunk touches: loaded once, changed in place, written once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

import msgspec

from schemas.codec import pack, unpack

RowT = TypeVar("RowT", bound=msgspec.Struct)

Changed = tuple[bytes, msgspec.Struct | None, bytes | None]
"""Key, row and packed row; None where the row is deleted."""


class State(Protocol):
    """The rows as they were before the chunk."""

    def get(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the row of each key, None where there is none."""
        ...

    def scan(self, table: str, prefix: bytes) -> dict[bytes, bytes]:
        """Return all rows whose key begins with `prefix`, in key order."""
        ...


class Book(Generic[RowT]):
    """
    One table: `rows` holds what was loaded; None is a row that is absent or deleted.

    Args:
        suffix: characters after the prefix by which rows are loaded together; 0: never.
    """

    def __init__(self, state: State, table: str, cls: type[RowT], suffix: int = 0) -> None:
        self._state = state
        self._cls = cls
        self._suffix = suffix
        self._families: dict[bytes, set[bytes]] = {}
        self._was: dict[bytes, bytes | None] = {}
        self.table = table
        self.rows: dict[bytes, RowT | None] = {}

    def load(self, keys: Iterable[bytes]) -> None:
        """Get the rows that are not here yet with one look-up."""
        missing = [key for key in dict.fromkeys(keys) if key not in self.rows]
        if not missing:
            return
        for key, data in zip(missing, self._state.get(self.table, missing), strict=True):
            self._keep(key, data)

    def load_prefix(self, prefix: bytes) -> list[bytes]:
        """
        Get all rows of a prefix whose keys have just the suffix more.

        Product ids may contain a slash, so the prefix of one may begin the keys of another;
        suffixes are of one length, which tells them apart.

        Returns:
            The keys of those that exist now, those of this chunk included, sorted.
        """
        size = len(prefix) + self._suffix
        for key, data in self._state.scan(self.table, prefix).items():
            if len(key) == size and key not in self.rows:
                self._keep(key, data)
        family = self._families.get(prefix, ())
        return sorted(key for key in family if self.rows[key] is not None)

    def existed(self, key: bytes) -> bool:
        """Say whether a loaded row was there before the chunk."""
        return self._was.get(key) is not None

    def changes(self) -> Iterator[Changed]:
        """Yield key, row and packed row of everything that differs from before, by key."""
        for key in sorted(self.rows):
            row = self.rows[key]
            packed = None if row is None else pack(row)
            if packed != self._was.get(key):
                yield key, row, packed

    def _keep(self, key: bytes, data: bytes | None) -> None:
        self._was[key] = data
        if self._suffix:
            self._families.setdefault(key[: -self._suffix], set()).add(key)
        self.rows[key] = None if data is None else unpack(self._cls, data)
