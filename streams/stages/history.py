"""
The versions of things: what differs from the version before it, by the provider's order.

What is told twice, or tells nothing new, makes no version. One that arrives after a newer one
still becomes a version, a late one, and changes nothing else: the log that a provider keeps
itself is often read after the product. Only `number`, the order of learning, and how finely an
unchanged stretch is cut, depend on what came first.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import Any, Generic

from msgspec.structs import replace

from schemas.codec import pack
from schemas.history import Noticed, VersionEvent
from schemas.identity import derived_id
from schemas.sync import SyncRun
from streams.log import Out, Rows, StateView
from streams.stages.kinds import Kind, T, Version, differences
from streams.stages.reading import Reading, row_key
from streams.stages.tables import row_out

NUMBER_DIGITS = 8


def history_key(account: str, name: str, number: int | None = None) -> bytes:
    """Return the key of a version; without a number the prefix of all of that name."""
    # an id may hold any character that people type, also "/": so it ends where none can be
    text = "" if number is None else f"{number:0{NUMBER_DIGITS}d}"
    return row_key(account, f"{name}\x00{text}")


@dataclass(frozen=True, slots=True)
class Telling:
    """
    How something was told of: in which raw event, by which run, by whom and how.

    Args:
        dated: the provider's own time of the thing is that of this change.
    """

    reading: Reading
    run: SyncRun | None
    noticed: Noticed = Noticed.TOLD
    changed_by: str | None = None
    dated: bool = True


class History(Generic[T]):
    """The versions of what a chunk speaks of, of one kind."""

    def __init__(self, kind: Kind[T], state: StateView) -> None:
        self._kind: Kind[T] = kind
        self._state = state
        self._known: dict[bytes, list[Version[T]]] = {}
        # a protocol cannot say that they are structs, too
        self._new: dict[bytes, Any] = {}

    def take(self, one: T, telling: Telling) -> None:
        """Keep what it was, unless that is known or differs in nothing."""
        known = self._versions(one)
        at = bisect_left(known, _standing(one), key=_standing_of)
        before = known[at - 1].after if at else None
        again = at < len(known) and _standing_of(known[at]) == _standing(one)
        if again or (before is not None and not differences(before, one)):
            return
        version = self._version(one, before, len(known) + 1, telling, late=at < len(known))
        insort(known, version, key=_standing_of)
        name = self._kind.name_of(one)
        self._new[history_key(one.account_id, name, version.number)] = version

    def rows(self) -> tuple[Rows, list[Out]]:
        """Return the new versions and their public records."""
        rows: Rows = {key: pack(version) for key, version in self._new.items()}
        return rows, [row_out(key, version) for key, version in self._new.items()]

    def _versions(self, one: T) -> list[Version[T]]:
        prefix = history_key(one.account_id, self._kind.name_of(one))
        known = self._known.get(prefix)
        if known is None:
            rows = self._state.scan(self._kind.versions, prefix).values()
            opened = self._kind.open_version
            known = sorted((opened(row) for row in rows if row), key=_standing_of)
            self._known[prefix] = known
        return known

    def _version(
        self, one: T, before: T | None, number: int, telling: Telling, *, late: bool
    ) -> Version[T]:
        raw, run = telling.reading.raw, telling.run
        named: dict[str, str] = self._kind.named(one)
        names = (self._kind.label, one.account_id, *named.values(), str(number))
        return self._kind.version(
            **named,
            version_id=derived_id(*names),
            tenant_id=one.tenant_id,
            account_id=one.account_id,
            number=number,
            event=_event(one, before),
            noticed=telling.noticed,
            fields=() if before is None else differences(before, one),
            before=before,
            after=one,
            late=late,
            valid_from=one.changed_at if telling.dated else None,
            recorded_at=raw.received_at,
            changed_by=telling.changed_by,
            sync_id=raw.sync_id,
            run_as=None if run is None else run.run_as,
            message=None if run is None else run.message,
            cause=telling.reading.cause,
        )


def _standing(one: T) -> tuple[int, bytes]:
    """Return where something stands among its versions."""
    return one.version, pack(replace(one, version=0, changed_at=None))


def _standing_of(version: Version[T]) -> tuple[int, bytes]:
    return _standing(version.after)


def _event(one: T, before: T | None) -> VersionEvent:
    if before is None:
        return VersionEvent.DELETED if one.deleted else VersionEvent.CREATED
    if one.deleted != before.deleted:
        return VersionEvent.DELETED if one.deleted else VersionEvent.REVIVED
    return VersionEvent.UPDATED
