"""Published rate limits, counted as a provider counts them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec


class Allowance(msgspec.Struct, frozen=True):
    """So many calls in any window; `counted` names whose calls are counted together."""

    counted: str
    calls: int
    window: timedelta


class Nearest(msgspec.Struct, frozen=True):
    """So many calls are left of an allowance; `again` is when there will be more."""

    allowance: Allowance
    left: int
    again: datetime


class Gate:
    """Lets calls in; `over_budget` counts those that came too soon, and were refused."""

    def __init__(self) -> None:
        self.over_budget = 0
        self._times: dict[Allowance, deque[datetime]] = {}

    def refused(self, now: datetime, allowances: Sequence[Allowance]) -> timedelta | None:
        """Let a call in, or return how long it is until there is room for one."""
        waits = [self._wait(one, now) for one in allowances]
        if any(waits):
            self.over_budget += 1
            return max(waits)
        for one in allowances:
            self._times[one].append(now)
        return None

    def nearest(self, now: datetime, allowances: Sequence[Allowance]) -> Nearest:
        """Return the allowance that has the fewest calls left, and how many."""
        return min(
            (self._nearest(one, now) for one in allowances), key=lambda it: (it.left, it.again)
        )

    def _nearest(self, allowance: Allowance, now: datetime) -> Nearest:
        self._wait(allowance, now)
        times = self._times[allowance]
        again = (times[0] if times else now) + allowance.window
        return Nearest(allowance, allowance.calls - len(times), again)

    def _wait(self, allowance: Allowance, now: datetime) -> timedelta:
        times = self._times.setdefault(allowance, deque(maxlen=allowance.calls))
        while times and times[0] <= now - allowance.window:
            times.popleft()
        if len(times) < allowance.calls:
            return timedelta(0)
        return times[0] + allowance.window - now
