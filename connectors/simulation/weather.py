"""What goes wrong between a simulated provider and us, in so many of a thousand cases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from connectors.simulation.chance import Chance
from connectors.simulation.config import Faults

BURST = 3
SLOWEST = timedelta(milliseconds=200)
SERVER_ERRORS = (500, 502, 503)


class Trouble(msgspec.Struct, frozen=True):
    """What a call gets instead of an answer; `retry_after` is the header, if there is one."""

    status: int
    retry_after: str = ""


class Weather:
    """Decides, call by call; the same seed and calls give the same troubles."""

    def __init__(self, seed: int, faults: Faults) -> None:
        self._chance = Chance(seed, "faults")
        self._faults = faults
        self._burst = 0
        self._retry_after = ""

    def wait(self) -> timedelta:
        """Return how long the provider takes for a call."""
        if not self._chance.happens(self._faults.slow):
            return timedelta(0)
        return self._chance.between(timedelta(milliseconds=20), SLOWEST)

    def trouble(self) -> Trouble | None:
        """Return what goes wrong with a call: a burst of 429s, or an error of the server."""
        if not self._burst and self._chance.happens(self._faults.rate_limited):
            self._burst = self._chance.randint(1, BURST)
            self._retry_after = self._chance.choice(("", "0", "1"))
        if self._burst:
            self._burst -= 1
            return Trouble(429, self._retry_after)
        if self._chance.happens(self._faults.server_errors):
            return Trouble(self._chance.choice(SERVER_ERRORS))
        return None


class Attempt(msgspec.Struct, frozen=True, order=True):
    """One attempt to deliver news number `index`; duplicates have the same `uid`."""

    due: datetime
    number: int
    index: int
    uid: str
    retry: int = 0


def attempts(seed: int, faults: Faults, news: Sequence[datetime]) -> list[Attempt]:
    """
    Return the attempts to deliver what becomes known at these times, in order of delivery.

    Some are lost, some come twice, some are overtaken by others.
    """
    throw = Chance(seed, "webhooks")
    found: list[Attempt] = []
    for index, at in enumerate(news):
        uid = throw.uuid()
        if throw.happens(faults.losses):
            continue
        times = 2 if throw.happens(faults.duplicates) else 1
        for retry in range(times):
            due = at
            if retry or throw.happens(faults.delayed):
                due += throw.between(
                    timedelta(milliseconds=1), timedelta(seconds=faults.max_delay_s)
                )
            found.append(Attempt(due, len(found), index, uid, retry))
    return sorted(found)
