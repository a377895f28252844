"""Which worker has which lane: partition p of every topic goes to the same one."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from hashlib import blake2b
from typing import Any

import msgspec
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

VERSION = 1


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a worker says of itself when it joins.

    Args:
        owned: lanes it has, and since when (seconds since 1970).
        warm: lanes whose state is on its disk.
    """

    worker: str
    owned: dict[str, float] = {}
    warm: list[int] = []


def share(lanes: Iterable[int], claims: Mapping[str, Claim]) -> dict[str, list[int]]:
    """
    Share lanes out among workers, by name: complete, balanced to one, and sticky.

    Owners keep what they have as far as balance allows; a lane that moves goes first to a
    worker that has its state on disk. A pure function: whoever leads the group, same result.
    """
    return _Sharing(sorted(lanes), claims).result()


class _Sharing:
    def __init__(self, lanes: list[int], claims: Mapping[str, Claim]) -> None:
        self._lanes = lanes
        self._claims = claims
        self._warm = {name: set(claim.warm) for name, claim in claims.items()}
        self._owned = self._present_owners()
        base, extra = divmod(len(lanes), len(claims))
        # The biggest owners keep the odd lanes, so the fewest lanes move.
        by_size = sorted(claims, key=lambda name: (-len(self._owned[name]), name))
        self._quota = {name: base + (at < extra) for at, name in enumerate(by_size)}

    def _present_owners(self) -> dict[str, list[int]]:
        owned: dict[str, list[int]] = {name: [] for name in sorted(self._claims)}
        for lane in self._lanes:
            claimants = [
                (claim.owned[str(lane)], _score(lane, name), name)
                for name, claim in self._claims.items()
                if str(lane) in claim.owned
            ]
            if claimants:
                # Two claims: a frozen worker came back, and the younger claim is the real one.
                owned[max(claimants)[2]].append(lane)
        return owned

    def result(self) -> dict[str, list[int]]:
        """Return the sorted lanes of each worker."""
        taken = {lane for lanes in self._owned.values() for lane in lanes}
        free = [lane for lane in self._lanes if lane not in taken]
        for name in self._owned:
            free += self._give_away(name)
        for only_warm in (True, False):
            for lane in sorted(free):
                if name_ := self._taker(lane, only_warm=only_warm):
                    self._owned[name_].append(lane)
                    free.remove(lane)
        return {name: sorted(lanes) for name, lanes in self._owned.items()}

    def _give_away(self, name: str) -> list[int]:
        """Give first what another one has warm, and last what only we have warm."""
        needy = [other for other in self._owned if self._room(other)]
        ranked = sorted(
            self._owned[name],
            key=lambda lane: (
                not any(lane in self._warm[other] for other in needy),
                lane in self._warm[name],
                _score(lane, name),
            ),
        )
        surplus = ranked[: max(0, len(ranked) - self._quota[name])]
        self._owned[name] = [lane for lane in self._owned[name] if lane not in surplus]
        return surplus

    def _taker(self, lane: int, *, only_warm: bool) -> str | None:
        able = [
            name
            for name in self._owned
            if self._room(name) and (lane in self._warm[name] or not only_warm)
        ]
        return max(able, key=lambda name: _score(lane, name), default=None)

    def _room(self, name: str) -> bool:
        return len(self._owned[name]) < self._quota[name]


def _score(lane: int, name: str) -> bytes:
    """Rendezvous hash: breaks ties without regard to who leads the group."""
    return blake2b(f"{lane}|{name}".encode(), digest_size=8).digest()


class LaneAssignor(AbstractPartitionAssignor):  # type: ignore[misc]  # aiokafka is untyped
    """
    An instance per worker, where aiokafka's own assignors are classes: it remembers.

    Args:
        warm: returns the lanes whose state is on this disk.
    """

    name = "tillstream-lanes"

    def __init__(self, worker: str, warm: Callable[[], Collection[int]]) -> None:
        self._worker = worker
        self._warm = warm
        self._owned: dict[str, float] = {}

    def metadata(self, topics: Iterable[str]) -> Any:
        """Return what this worker joins with."""
        claim = Claim(worker=self._worker, owned=self._owned, warm=sorted(self._warm()))
        return ConsumerProtocolMemberMetadata(
            VERSION, sorted(topics), msgspec.json.encode(claim)
        )

    def on_assignment(self, assignment: Any) -> None:
        """Remember the lanes and since when."""
        lanes = {str(p) for _, numbers in assignment.assignment for p in numbers}
        now = time.time()
        self._owned = {lane: self._owned.get(lane, now) for lane in lanes}

    def assign(self, cluster: Any, members: Mapping[str, Any]) -> dict[str, Any]:
        """Return the partitions of each member; called in the group's leader."""
        parts = {
            topic: set(cluster.partitions_for_topic(topic) or ())
            for member in members.values()
            for topic in member.subscription
        }
        named = _named(members)
        lanes = set[int]().union(*parts.values())
        shared = share(lanes, dict(named.values()))
        assignments = {}
        for member, metadata in members.items():
            mine = shared[named[member][0]]
            # In a rolling upgrade a topic that only some know goes to the lane's owner or,
            # until that one is upgraded, to nobody: late, never split.
            topics = [
                (topic, [lane for lane in mine if lane in parts[topic]])
                for topic in sorted(metadata.subscription)
            ]
            given = [(topic, numbers) for topic, numbers in topics if numbers]
            assignments[member] = ConsumerProtocolMemberAssignment(VERSION, given, b"")
        return assignments


def _named(members: Mapping[str, Any]) -> dict[str, tuple[str, Claim]]:
    """Return name and claim of each member: a restarted worker has a new member id."""
    claims = {
        member: msgspec.json.decode(metadata.user_data, type=Claim)
        for member, metadata in members.items()
    }
    names = [claim.worker for claim in claims.values()]
    return {
        member: (
            claim.worker if names.count(claim.worker) == 1 else f"{claim.worker}|{member}",
            claim,
        )
        for member, claim in claims.items()
    }
