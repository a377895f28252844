"""The pipeline on Kafka, broker on the same cores; and taking a large lane over."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import msgspec
import uvloop
from rich.console import Console
from rich.table import Table as Grid

from benchmarks.corpus import Till
from benchmarks.throughput import load, work
from streams.kafka.log import KafkaLog
from streams.log import Out, StageSpec, Table, Topic
from streams.runtime import Runtime
from tests.services import kafka

REPORT = Path("build/kafka.json")
AT_ONCE = 5_000
ROW = bytes(60)


class Pipeline(msgspec.Struct, kw_only=True):
    """So many raw events through normalise and project; processor time without the broker's."""

    events: int
    per_s: int
    cpu_us_per_event: float
    loop_us_per_event: float


class Takeover(msgspec.Struct, kw_only=True):
    """Seconds until a lane with so many rows is open, and the changelog records folded."""

    rows: int
    empty_s: float
    empty_folded: int
    warm_s: float
    warm_folded: int


class OnKafka(msgspec.Struct, kw_only=True):
    """All figures; `load` is the machine's own when it began."""

    load: float
    pipeline: list[Pipeline]
    takeover: Takeover


def show(sizes: list[int], rows: int) -> None:
    """Measure, each size on a broker of its own; a table and build/kafka.json."""
    load = os.getloadavg()[0]
    report = OnKafka(
        load=load, pipeline=[_apart(count) for count in sizes], takeover=_takeover(rows)
    )
    grid, taken = Grid("on Kafka", "figure"), report.takeover
    for it in report.pipeline:
        figure = f"{it.per_s:,}/s, {it.cpu_us_per_event} us of processor"
        grid.add_row(f"{it.events:,} raw events, normalise and project", figure)
    for disk, seconds, folded in (
        ("empty", taken.empty_s, taken.empty_folded),
        ("warm", taken.warm_s, taken.warm_folded),
    ):
        grid.add_row(
            f"lane of {taken.rows:,} rows, {disk} disk", f"{seconds} s, {folded:,} folded"
        )
    Console().print(grid)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_bytes(msgspec.json.format(msgspec.json.encode(report)))


def _apart(count: int) -> Pipeline:
    with tempfile.TemporaryDirectory(prefix="tillstream-bench-") as name:
        folder, till = Path(name), Till()
        with kafka.serving(folder) as address:
            log = f"kafka://{address}"
            uvloop.run(load(folder / "load", till, count, log=log))
            took, changes = uvloop.run(work(folder / "work", till, log=log))
    assert changes > 0
    return Pipeline(
        events=count,
        per_s=round(count / took.wall),
        cpu_us_per_event=round(took.cpu / count * 1e6, 1),
        loop_us_per_event=round(took.loop / count * 1e6, 1),
    )


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
