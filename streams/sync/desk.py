"""What is going on with the accounts of a lane, in the process that polls them."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime

from schemas.account import Account
from streams.sync.circuit import Standing
from streams.sync.days import DayDesk
from streams.sync.plan import DAILY_ATTEMPTS, History, Order, daily_of

MAX_PENDING = 100
"""Orders waiting for one account; more are refused, and stay in the command's topic."""


class Desk:
    """What is going on with one account."""

    def __init__(self, history: History, days: DayDesk) -> None:
        self.days = days
        self.daily_done = history.daily_done
        self.daily_failures = 0
        self.last_at = history.last_started
        self.watermark = history.watermark
        self.failures = history.failures
        self.complete_before = history.complete_before
        self.failed_with = b""
        self.due: datetime | None = None
        self.pending: deque[Order] = deque(maxlen=MAX_PENDING)
        self.known: set[str] = set()
        self.task: asyncio.Task[None] | None = None

    def take(self, order: Order) -> None:
        """Have an order carried out whose begin is in the log, unless it is known."""
        if order.sync_id not in self.known:
            self.known.add(order.sync_id)
            self.pending.append(order)

    def forgive(self, account: Account) -> None:
        """Try new credentials at once, however long the pause after the old ones' failure."""
        if self.failed_with and account.credentials != self.failed_with:
            self.failed_with, self.due = b"", None

    def note_daily(self, order: Order, *, done: bool) -> None:
        """Note how a daily look ended; one that fails again and again is given up."""
        if (day := daily_of(order.sync_id, order.kind)) is None:
            return
        self.daily_failures = 0 if done else self.daily_failures + 1
        if done or self.daily_failures >= DAILY_ATTEMPTS:
            self.daily_done, self.daily_failures = day, 0

    @property
    def standing(self) -> Standing:
        """Return how its last runs went."""
        return Standing(failures=self.failures, last_at=self.last_at)

    @property
    def history(self) -> History:
        """Return what the next run goes by."""
        return History(
            watermark=self.watermark,
            failures=self.failures,
            complete_before=self.complete_before,
        )


class Hold:
    """
    The desks of one lane for as long as it is ours.

    `is_current` says that the tables show all that was written before the lane came: else a
    run that the predecessor began last would be forgotten.
    """

    def __init__(self, tenure: object) -> None:
        self.tenure = tenure
        self.desks: dict[str, Desk] = {}
        self.is_current = False
        self.catching_up: asyncio.Task[None] | None = None

    def tasks(self) -> list[asyncio.Task[None]]:
        """Return what runs for the lane."""
        running = [desk.task for desk in self.desks.values()]
        return [task for task in (self.catching_up, *running) if task is not None]
