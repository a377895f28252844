"""Seconds on the wall and on the processor: the second do not depend on other processes."""

from __future__ import annotations

import time
from typing import NamedTuple


class Seconds(NamedTuple):
    """`cpu` is of all threads of this process, `loop` of the calling one alone."""

    wall: float
    cpu: float
    loop: float

    @classmethod
    def now(cls) -> Seconds:
        """Return the clocks as they stand."""
        return cls(time.perf_counter(), time.process_time(), time.thread_time())

    def passed(self) -> Seconds:
        """Return what has passed since then."""
        now = Seconds.now()
        return Seconds(*(after - before for after, before in zip(now, self, strict=True)))
