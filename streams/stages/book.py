"""Rows of one kind of thing that a chunk speaks of: what it is now, and was before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic

from schemas.codec import pack
from streams.log import Out, Rows, StateView
from streams.stages.history import History, Telling
from streams.stages.kinds import Kind, T
from streams.stages.reading import row_key
from streams.stages.tables import row_out


class Book(Generic[T]):
    """Rows of a table and their history, changed as the chunk is worked through."""

    def __init__(self, kind: Kind[T], state: StateView) -> None:
        self._kind: Kind[T] = kind
        self._state = state
        self._history: History[T] = History(kind, state)
        self._known: dict[bytes, T | None] = {}
        self._rows: Rows = {}
        self._outs: list[Out] = []

    def load(self, keys: Iterable[bytes]) -> None:
        """Get the rows of these keys with one look-up."""
        wanted = list(keys)
        found = self._state.get(self._kind.table, wanted) if wanted else []
        for key, row in zip(wanted, found, strict=True):
            self._known[key] = None if row is None else self._kind.open(row)

    def all_of(self, account: str, group: str = "") -> dict[str, T]:
        """Return all that is known of an account, by name; `group` begins the names."""
        prefix = row_key(account, group)
        rows = self._state.scan(self._kind.table, prefix) | self._rows
        known = {
            key: self._kind.open(row)
            for key, row in rows.items()
            if row is not None and key.startswith(prefix)
        }
        self._known.update(known)
        return {self._kind.name_of(one): one for one in known.values()}

    def past(self, one: T, telling: Telling) -> None:
        """Keep what something was; what it is now follows `know` alone."""
        self._history.take(one, telling)

    def know(self, one: T, telling: Telling) -> bool:
        """Take in what something is, unless a newer word is known; say whether it is new."""
        self._history.take(one, telling)
        key = row_key(one.account_id, self._kind.name_of(one))
        known = self._known.get(key)
        if known is not None and (one.version, pack(one)) <= (known.version, pack(known)):
            return False
        self._known[key] = one
        self._rows[key] = pack(one)
        self._outs.append(row_out(key, one))
        return known is None and not one.deleted

    def rows(self) -> tuple[Rows, list[Out]]:
        """Return the changed rows and their public records."""
        return self._rows, self._outs

    def versions(self) -> tuple[Rows, list[Out]]:
        """Return the new rows of the history and their public records."""
        return self._history.rows()
