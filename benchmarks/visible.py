"""
How soon a sale is a visible row: orders through ingest at 200 a second.

A webhook of an order is only a stub, whose order is fetched; the provider's answer time is not
ours to measure. So the whole order is appended as the answer of a fetch is, and the clock runs
from when it was due until the sale's row can be read from the view, as the API reads it.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import msgspec
import uvloop

from benchmarks.corpus import LANES, Event, Till, account_outs, events
from benchmarks.throughput import runtime_of
from benchmarks.webhooks import Percentiles, percentiles
from connectors.contract import Parts
from connectors.square.connector import SquareConnector
from schemas import topics
from schemas.identity import transaction_id
from streams.log import lane_of
from streams.runtime import Runtime
from streams.shop import shop_of

RATE = 200


class Visible(msgspec.Struct, kw_only=True):
    """From an order that comes in to the row of its sale."""

    rate_per_s: int
    latency: Percentiles


def measure(seconds: int) -> Visible:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="tillstream-bench-") as name:
        return uvloop.run(_measure(Path(name), RATE * seconds))


def new_sales(count: int) -> list[tuple[Event, bytes]]:
    """Return orders that are sales at their first word, and the sales' ids."""
    square, found, known = SquareConnector(), list[tuple[Event, bytes]](), set[str]()
    till = Till()
    for event in events(count * 8):
        if event.resource != "order" or len(found) == count:
            continue
        told = square.read(till.raw(event), shop_of(event.account))
        for part in told.parts if isinstance(told, Parts) else ():
            parts = {part.part_id: part}
            made = square.assemble(part.transaction, parts, shop_of(event.account))
            name = transaction_id(event.account.account_id, "square", part.transaction)
            if name not in known and [tx.transaction_id for tx in made] == [name]:
                found.append((event, name.encode()))
            known.add(name)
    assert len(found) == count, (len(found), count)
    return found


async def _measure(folder: Path, count: int) -> Visible:
    till, sales = Till(), new_sales(count)
    runtime = runtime_of(folder, till)
    await runtime.start()
    try:
        accounts = {event.account.account_id: event.account for event, _ in sales}
        await runtime.log.append(topics.ACCOUNTS, account_outs(list(accounts.values())))
        await runtime.views.settle(range(LANES), 30)
        watch = _Watch(runtime)
        watching = asyncio.create_task(watch.run(count))
        begin = time.perf_counter() + 0.1
        async with asyncio.TaskGroup() as group:
            for number, (event, name) in enumerate(sales):
                due = begin + number / RATE
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                lane = lane_of(event.account.account_id.encode(), LANES)
                watch.due[lane][name] = due
                group.create_task(runtime.log.append(topics.RAW, [till.out(event)]))
        await watching
        return Visible(rate_per_s=RATE, latency=percentiles(watch.took, count))
    finally:
        await runtime.stop()


class _Watch:
    """Looks for rows whenever something was written, as a waiting reader would."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.due: list[dict[bytes, float]] = [{} for _ in range(LANES)]
        self.took: list[float] = []

    async def run(self, count: int) -> None:
        """Watch until so many were seen."""
        news = asyncio.Event()
        waiters = self._runtime.log.waiters  # type: ignore[attr-defined]
        waiters.add(news)
        while len(self.took) < count:
            await news.wait()
            news.clear()
            for lane, waiting in enumerate(self.due):
                self._look(lane, waiting)

    def _look(self, lane: int, waiting: dict[bytes, float]) -> None:
        names = list(waiting)
        rows = self._runtime.views.get("project.places", lane, names)
        now = time.perf_counter()
        for name, row in zip(names, rows, strict=True):
            if row is not None:
                self.took.append(now - waiting.pop(name))
