"""
Circuit breakers: who fails again and again is asked less and less; pure.

Everything follows from the rows of the runs, so a restart, or another process that takes the
lane over, goes on where the last one was. Open means that polls pause, each pause twice as long
as the one before; half open is the one poll after a pause, the probe: it closes the circuit or
makes the next pause longer. A provider is held back as a whole when most of its accounts fail.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from schemas.sync import Circuit

PAUSE_MAX_S = 6 * 3600.0
PROVIDER_PAUSE_S, PROVIDER_PAUSE_MAX_S = 60.0, 900.0
PROVIDER_ACCOUNTS_MIN = 3
"""Accounts that must fail before their provider is held back: fewer may have troubles alone."""
_DOUBLINGS_MAX = 16


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """
    How the last runs of one account went.

    Args:
        failures: runs that failed in a row.
        last_at: when the last run began; None where there was none.
    """

    failures: int
    last_at: datetime | None


def after_run(failures_before: int, opens_after: int, *, done: bool) -> Circuit:
    """Return where the circuit of an account is when a run has ended."""
    if done:
        return Circuit.RECOVERED if failures_before >= opens_after else Circuit.CLOSED
    failures = failures_before + 1
    if failures < opens_after:
        return Circuit.CLOSED
    return Circuit.OPENED if failures == opens_after else Circuit.OPEN


def is_open(failures: int, opens_after: int) -> bool:
    """Say whether polls of an account pause."""
    return failures >= opens_after


def pause_s(failures: int, opens_after: int, interval_s: float) -> float:
    """Return how long polls pause after so many failures; the interval while it is closed."""
    if failures < opens_after:
        return interval_s
    doublings = min(failures - opens_after + 1, _DOUBLINGS_MAX)
    return max(interval_s, min(interval_s * float(2**doublings), PAUSE_MAX_S))


def provider_is_open(accounts: Iterable[Standing]) -> bool:
    """
    Say whether a provider is in trouble, as its accounts tell.

    At least `PROVIDER_ACCOUNTS_MIN` and half of those ever polled fail, and the newest run of
    all was one that failed: the first that succeeds lets all the others try.
    """
    polled = [one for one in accounts if one.last_at is not None]
    failing = [one for one in polled if one.failures]
    if len(failing) < PROVIDER_ACCOUNTS_MIN or 2 * len(failing) < len(polled):
        return False
    return max(polled, key=_began).failures > 0


def provider_probe_due(accounts: Iterable[Standing]) -> datetime | None:
    """Return when one account of a provider in trouble may try again; None: it is in none."""
    polled = [one for one in accounts if one.last_at is not None]
    if not provider_is_open(polled):
        return None
    newest = max(polled, key=_began)
    doublings = min(newest.failures - 1, _DOUBLINGS_MAX)
    wait = min(PROVIDER_PAUSE_S * 2**doublings, PROVIDER_PAUSE_MAX_S)
    return _began(newest) + timedelta(seconds=wait)


def _began(one: Standing) -> datetime:
    if one.last_at is None:
        raise ValueError("it was never polled")
    return one.last_at
