"""A small job with every kind of table, for tests of the log and the runtime."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from streams.embedded.log import EmbeddedLog
from streams.embedded.options import EmbeddedOptions
from streams.kafka.log import KafkaLog
from streams.log import (
    TP,
    DeadLetter,
    Effects,
    EventLog,
    Out,
    Record,
    StageSpec,
    StateView,
    Table,
    Topic,
)
from streams.runtime import Job, Runtime

LANES = 2
TOPICS = (
    Topic("raw", LANES),
    Topic("prices", LANES, compact=True),
    Topic("sales", LANES),
    Topic("totals", LANES, compact=True),
    Topic("rejected", LANES),
    Topic("notes", LANES),
)


def fold_sale(record: Record) -> list[tuple[bytes, bytes | None]]:
    return [(json.loads(record.value)["id"].encode(), record.value)]


def fold_price(record: Record) -> list[tuple[bytes, bytes | None]]:
    return [(record.key, record.value)]


TILL = StageSpec(
    "till",
    ("raw", "prices"),
    ("sales",),
    (Table("sales", "sales", fold_sale), Table("prices", "prices", fold_price)),
    "rejected",
)
SUMS = StageSpec("sums", ("sales",), ("notes",), (Table("totals", "totals"),), "rejected")


def till(records: Sequence[Record], state: StateView) -> Effects:
    """Drop sales known already, stamp the others with the price of their product."""
    effects = Effects(rows={"sales": {}, "prices": {}})
    for record in records:
        if record.topic == "prices":
            effects.rows["prices"][record.key] = record.value
            continue
        if record.value == b"poison":
            raise RuntimeError("nobody thought of this")
        try:
            sale = json.loads(record.value)
        except ValueError:
            effects.rejected.append(DeadLetter(record, "unreadable", "not JSON"))
            continue
        key = sale["id"].encode()
        known = effects.rows["sales"].get(key) or state.get("sales", [key])[0]
        if known is not None:
            continue
        value = json.dumps(sale).encode()
        effects.rows["sales"][key] = value
        effects.outputs.setdefault("sales", []).append(Out(record.key, value))
    return effects


def sums(records: Sequence[Record], state: StateView) -> Effects:
    """Add up amounts by account; a deleted row stands for nothing."""
    totals: dict[bytes, int] = {}
    for record in records:
        sale = json.loads(record.value)
        key = record.key
        if key not in totals:
            totals[key] = int(state.get("totals", [key])[0] or b"0")
        totals[key] += sale["amount"]
    rows = {key: b"%d" % total if total else None for key, total in totals.items()}
    return Effects(rows={"totals": rows})


JOBS = (Job(TILL, till), Job(SUMS, sums))


def sale(number: int, account: str = "", amount: int | None = None) -> Out:
    account = account or f"account-{number % 7}"
    body = {"id": f"s{number}", "amount": number if amount is None else amount}
    return Out(account.encode(), json.dumps(body).encode())


def expected_totals(numbers: Sequence[int]) -> dict[bytes, bytes]:
    totals: dict[bytes, int] = {}
    for number in set(numbers):
        out = sale(number)
        totals[out.key] = totals.get(out.key, 0) + number
    return {key: b"%d" % total for key, total in totals.items() if total}


class Deaths(list):
    """What `fatal` was called with."""

    def __call__(self, error: BaseException) -> None:
        self.append(error)


def embedded_url(folder: Path, query: str) -> str:
    return f"embedded://{folder}/log?{query}"


url_of: Callable[[Path, str], str] = embedded_url
"""Which log the job runs on; tests of other logs put theirs here."""
app_id = "shop"


def runtime(
    folder: Path,
    *,
    jobs: Sequence[Job] = JOBS,
    topics: Sequence[Topic] = TOPICS,
    query: str = "sync=0&cache_mb=8",
    fatal: Callable[[BaseException], None] | None = None,
    watchdog_s: float = 60.0,
) -> Runtime:
    return Runtime(
        url_of(folder, query),
        app_id=app_id,
        datadir=folder,
        jobs=jobs,
        topics=topics,
        fatal=Deaths() if fatal is None else fatal,
        watchdog_s=watchdog_s,
    )


async def settled(running: Runtime, timeout_s: float = 5.0) -> None:
    await running.views.settle(range(LANES), timeout_s, stages=running.stages)


def rows_of(running: Runtime, table: str) -> dict[bytes, bytes]:
    return {
        key: row for lane in range(LANES) for key, row in running.views.scan(table, lane, b"")
    }


async def everything(log: EventLog, topic: str, lanes: int = LANES) -> list[Record]:
    bounds = await _settled_bounds(log, [TP(topic, lane) for lane in range(lanes)])
    reader = await log.reader({tp: begin for tp, (begin, _) in bounds.items()})
    records: list[Record] = []
    while any(reader.positions[tp] < end for tp, (_, end) in bounds.items()):
        for chunk in (await reader.read(0.5)).values():
            records += chunk.records
    await reader.close()
    return records


async def _settled_bounds(log: EventLog, tps: list[TP]) -> dict[TP, tuple[int, int]]:
    """
    Return where the topic begins and ends.

    A broker answers that a transaction is committed a little before readers may see it.
    """
    bounds = await log.bounds(tps)
    if isinstance(log, KafkaLog):
        ends, tries = await log.highwaters(tps), 0
        while any(bounds[tp][1] < ends[tp] for tp in tps) and tries < 200:
            await asyncio.sleep(0.01)
            bounds, tries = await log.bounds(tps), tries + 1
    return bounds


async def until(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - conditions have no event
            await asyncio.sleep(0.005)


def content(log: EmbeddedLog, topic: str) -> dict[bytes | None, bytes | None]:
    """Return the newest value of each key of a topic, as the log holds it now."""
    found: dict[bytes | None, bytes | None] = {}
    for tp in log.book.of(topic):
        for record in log.read(tp, log.book.begin[tp], log.book.ends[tp], 10**6).records:
            found[record.key] = record.value
    return found


@asynccontextmanager
async def opened(folder: Path, *topics: Topic, **options: float) -> AsyncIterator[EmbeddedLog]:
    """Open a log without stages."""
    log = EmbeddedLog(folder / "log", EmbeddedOptions(cache_mb=8, **options))
    await log.start()
    try:
        await log.create(topics)
        yield log
    finally:
        await log.stop()


@asynccontextmanager
async def started(folder: Path, **settings: object) -> AsyncIterator[Runtime]:
    running = runtime(folder, **settings)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()
