"""
How soon a webhook is answered: 500 a second over HTTP, in the quiet and beside a backlog.

The process is the real one (`tillstream up`); the load comes from a process of its own. Each
latency counts from the moment at which the webhook was due, so a stall is not hidden by a
sender that waits. The webhooks are payments without an order, which need no fetch.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import uvloop

from benchmarks.corpus import LANES, TENANT, Till, account_outs, events
from benchmarks.throughput import load, runtime_of
from schemas import topics
from schemas.codec import encode
from streams.log import Out, lane_of
from tests.proof.site import SIGNATURE_KEY, Site
from tests.proof.site import Till as Process

RATE = 500


class Percentiles(msgspec.Struct, kw_only=True):
    """Milliseconds; `ok` of `sent` were answered 202."""

    sent: int
    ok: int
    p50_ms: float
    p99_ms: float
    max_ms: float


def percentiles(seconds: list[float], sent: int) -> Percentiles:
    """Return the figures of some latencies."""
    ranked = sorted(seconds) or [0.0]
    return Percentiles(
        sent=sent,
        ok=len(seconds),
        p50_ms=round(1000 * ranked[len(ranked) // 2], 1),
        p99_ms=round(1000 * ranked[min(len(ranked) * 99 // 100, len(ranked) - 1)], 1),
        max_ms=round(1000 * ranked[-1], 1),
    )


class Webhooks(msgspec.Struct, kw_only=True):
    """Accepting webhooks; `backlog` events waited when the second run began."""

    rate_per_s: int
    quiet: Percentiles
    backlog: int
    backlog_left: int
    beside_backlog: Percentiles


def measure(seconds: int, backlog: int) -> Webhooks:
    """Measure both."""
    quiet, _ = _run(seconds, 0)
    beside, left = _run(seconds, backlog)
    return Webhooks(
        rate_per_s=RATE,
        quiet=quiet,
        backlog=backlog,
        backlog_left=left,
        beside_backlog=beside,
    )


def _run(seconds: int, backlog: int) -> tuple[Percentiles, int]:
    with tempfile.TemporaryDirectory(prefix="tillstream-bench-") as name:
        till, site = Till(), Site(Path(name), lanes=LANES)
        site.keys = till.keys
        uvloop.run(load(Path(name), till, max(backlog, 1)))
        uvloop.run(_introduce(Path(name), till))
        process = Process(site)
        try:
            process.up()
            told = _deliver(site, seconds)
            process.terminate()
            left, total = uvloop.run(_left(Path(name), till))
        finally:
            process.leave()
    # Each webhook is one raw event of one account; a few may have been sent twice.
    expected = max(backlog, 1) + told.sent
    assert expected <= total <= expected + told.sent // 100, (total, expected)
    return told, left


def _deliver(site: Site, seconds: int) -> Percentiles:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.sender"]
    shop = next(events(1)).account
    where = [str(site.port), site.hook, SIGNATURE_KEY, shop.merchant, shop.location_id]
    done = subprocess.run(  # noqa: S603 - our own program
        [*command, *where, str(RATE), str(seconds)], stdout=subprocess.PIPE, check=True
    )
    return msgspec.json.decode(done.stdout, type=Percentiles)


async def _introduce(folder: Path, till: Till) -> None:
    """Write the tenant, as the API would."""
    runtime = runtime_of(folder, till, working=False)
    await runtime.start()
    key = TENANT.encode()
    out = Out(key, encode(till.tenant), (), lane_of(key, LANES))
    await runtime.log.append(topics.TENANTS, [out])
    await runtime.log.append(topics.ACCOUNTS, account_outs([next(events(1)).account]))
    await runtime.stop()


async def _left(folder: Path, till: Till) -> tuple[int, int]:
    """Return how many raw events were not processed when the load ended, and how many are."""
    runtime = runtime_of(folder, till, working=False)
    await runtime.start()
    try:
        tps = list(runtime.log.book.of(topics.RAW))  # type: ignore[attr-defined]
        done = await runtime.log.committed("normalise", tps)
        bounds = await runtime.log.bounds(tps)
        ends = {tp: end for tp, (_, end) in bounds.items()}
        return sum(ends[tp] - done[tp] for tp in tps), sum(ends.values())
    finally:
        await runtime.stop()
