"""The pipeline on Kafka, broker on the same cores; and taking a large lane over."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import uvloop
from rich.console import Console
from rich.table import Table as Grid

from benchmarks import pipeline
from benchmarks.corpus import BODIES_PER_SHOP, LANES
from benchmarks.pipeline import Pipeline
from streams.kafka.log import KafkaLog
from streams.log import Out, StageSpec, Table, Topic
from streams.runtime import Runtime
from tests.services import kafka

REPORT = Path("build/kafka.json")
AT_ONCE = 5_000
ROW = bytes(60)
MANY, MOST = 2_500, 500
"""Events of each shop where many shops are to keep many lanes busy, or very many."""


class Takeover(msgspec.Struct, kw_only=True):
    """Seconds until a lane with so many rows is open, and the changelog records folded."""

    rows: int
    empty_s: float
    empty_folded: int
    warm_s: float
    warm_folded: int


class Wanted(NamedTuple):
    """One measurement of the pipeline; `of_each` are the events of one shop."""

    events: int
    lanes: int = LANES
    workers: int = 1
    of_each: int = BODIES_PER_SHOP


class OnKafka(msgspec.Struct, kw_only=True):
    """All figures; `load` is the machine's own when it began."""

    load: float
    pipeline: list[Pipeline]
    takeover: Takeover


def show(wanted: Sequence[Wanted], rows: int) -> None:
    """Measure, each size on a broker of its own; a table and build/kafka.json."""
    load = os.getloadavg()[0]
    report = OnKafka(
        load=load,
        pipeline=[
            pipeline.measure(it.events, lanes=it.lanes, workers=it.workers, of_each=it.of_each)
            for it in wanted
        ],
        takeover=_takeover(rows),
    )
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    Console().print(_pipelines(report.pipeline))
    Console().print(_lanes_taken(report.takeover))


def wanted(*, quick: bool, million: bool) -> list[Wanted]:
    """Return what to measure: growth, more lanes, a second worker."""
    if quick:
        return [Wanted(20_000)]
    grown = [Wanted(1_000_000), Wanted(3_000_000)] if million else []
    spread = [
        Wanted(300_000, 12, 1, MANY),
        Wanted(300_000, 12, 2, MANY),
        Wanted(100_000, 100, 1, MOST),
    ]
    return [Wanted(100_000), Wanted(300_000), *grown, *spread]


def _pipelines(found: Sequence[Pipeline]) -> Grid:
    heads = ("raw events", "lanes", "workers", "a second", "us of the workers",
             "us of the broker", "peak MB", "idle ms/s")  # fmt: skip
    grid = Grid(*heads, title="normalise and project, on Kafka")
    for it in found:
        cells = (it.lanes, it.workers, f"{it.per_s:,}", it.cpu_us, it.broker_us, it.peak_mb)
        grid.add_row(f"{it.events:,}", *map(str, cells), str(it.idle_ms))
    return grid


def _lanes_taken(taken: Takeover) -> Grid:
    grid = Grid(
        "disk", "seconds", "folded", title=f"a lane of {taken.rows:,} rows is taken over"
    )
    grid.add_row("empty", str(taken.empty_s), f"{taken.empty_folded:,}")
    grid.add_row("warm", str(taken.warm_s), f"{taken.warm_folded:,}")
    return grid


def _takeover(rows: int) -> Takeover:
    with (
        tempfile.TemporaryDirectory(prefix="tillstream-bench-") as name,
        kafka.serving(Path(name)) as address,
    ):
        return uvloop.run(_take_over(f"kafka://{address}", Path(name), rows))


async def _take_over(url: str, folder: Path, rows: int) -> Takeover:
    topics = (Topic("asked", 1), Topic("kept", 1, compact=True))
    spec = StageSpec("owner", ("asked",), (), (Table("rows", "kept"),))

    def fatal(error: BaseException) -> None:
        raise error

    runtime = Runtime(url, app_id="owner", datadir=folder, jobs=(), topics=topics, fatal=fatal)
    await runtime.start()
    try:
        log = runtime.log
        assert isinstance(log, KafkaLog)
        for at in range(0, rows, AT_ONCE):
            keys = range(at, min(at + AT_ONCE, rows))
            await log.append("kept", [Out(b"row-%012d" % key, ROW, (), 0) for key in keys])
        took = []
        for _ in range(2):
            began = time.perf_counter()
            lane = await log.open_lane(spec, 0)
            took.append((round(time.perf_counter() - began, 2), lane.recovered))
            await lane.close()
    finally:
        await runtime.stop()
    (empty_s, empty_folded), (warm_s, warm_folded) = took
    return Takeover(
        rows=rows,
        empty_s=empty_s,
        empty_folded=empty_folded,
        warm_s=warm_s,
        warm_folded=warm_folded,
    )
