"""What HTTP reads: committed rows of stages, and how far the stages are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from streams.log import TP, StageSpec


class NotSettledError(TimeoutError):
    """The stages have not caught up in time: answer 503, or what there is."""


class NotReadyError(Exception):
    """The table is not open yet, or is being rebuilt from the log: answer 503, ask later."""


class Views(Protocol):
    """
    Committed state; a table is named "stage.table".

    Every reading method raises NotReadyError while a lane of the table is not open, and
    KeyError where no stage has such a table.
    """

    def get(self, table: str, lane: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the row of each key, None where there is none."""
        ...

    def scan(
        self,
        table: str,
        lane: int,
        prefix: bytes,
        *,
        after: bytes | None = None,
        limit: int | None = None,
    ) -> list[tuple[bytes, bytes]]:
        """Return keys and rows in key order: keys begin with `prefix` and are above `after`."""
        ...

    async def settle(
        self, lanes: Iterable[int], timeout_s: float, *, stages: Iterable[str] | None = None
    ) -> None:
        """
        Wait until what was appended to these lanes before the call shows in the tables.

        Args:
            stages: whom to wait for; None means all that compute. Stages that talk to the
                world outside are waited for only when they are named.

        Raises:
            NotSettledError: names the stages that are behind.
        """
        ...

    def lag(self) -> dict[tuple[str, str, int], int]:
        """Return the records each (stage, topic, lane) has still to process."""
        ...

    def ends(self) -> dict[TP, int]:
        """Return the end of every partition."""
        ...


class Staleness(NamedTuple):
    """
    How old the rows may be, at most.

    Args:
        behind: the topic and lane that is furthest behind; empty when nothing is known to be.
    """

    seconds: float
    behind: str = ""


class Replica(Views, Protocol):
    """Views of all lanes in a process that does not own them all."""

    async def start(self) -> None:
        """
        Begin to fold; the lanes can be read as they become complete.

        Raises:
            SetupError: another process uses the folder.
        """
        ...

    async def stop(self) -> None:
        """Stop folding and let go of the files."""
        ...

    @property
    def unfolded(self) -> int:
        """Return how many lanes cannot be read yet."""
        ...

    @property
    def trouble(self) -> str:
        """Return why it stands still and what to do, empty while it does not."""
        ...

    def staleness(self) -> Staleness:
        """Return for how long, at most, something committed has not been shown."""
        ...


def settling_order(specs: Sequence[StageSpec]) -> list[str]:
    """
    Return stage names so that what a stage writes is read by one that comes later.

    Stages that feed each other in a circle come in their given order, twice in a row: then one
    round through the circle is waited for, the second round is not.
    """
    feeds = {
        spec.name: [other.name for other in specs if spec.writes() & set(other.sources)]
        for spec in specs
    }
    order: list[str] = []
    for circle in _circles(feeds):
        members = [spec.name for spec in specs if spec.name in circle]
        order += members * 2 if len(members) > 1 else members
    return order


def _circles(feeds: dict[str, list[str]]) -> list[set[str]]:
    """Return groups of stages that reach each other, those upstream first."""
    reach = {name: _reachable(feeds, name) for name in feeds}
    groups: list[set[str]] = []
    for name in feeds:
        if not any(name in group for group in groups):
            groups.append({name} | {other for other in reach[name] if name in reach[other]})
    placed: list[set[str]] = []
    while groups:
        # The group that no other one leads to; of several the first as given.
        first = next(
            group
            for group in groups
            if not any(
                group & reach[name] for other in groups if other is not group for name in other
            )
        )
        groups.remove(first)
        placed.append(first)
    return placed


def _reachable(feeds: dict[str, list[str]], start: str) -> set[str]:
    seen: set[str] = set()
    todo = list(feeds[start])
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += feeds[name]
    return seen
