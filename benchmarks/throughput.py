"""Raw events through normalise and project on the embedded log, beside the pure loop."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import msgspec
import uvloop

from benchmarks.clock import Seconds
from benchmarks.corpus import BODIES_PER_SHOP, LANES, Event, Till, account_outs, events, url
from benchmarks.pure import PureLoop, pure_seconds, step_seconds
from connectors.catalogue import CONNECTORS
from schemas import topics
from streams import collecting
from streams.runtime import Job, Runtime
from streams.stages import normalise, project
from streams.topics import all_topics

AT_ONCE = 500
PATIENCE_S = 3_600.0


class Throughput(msgspec.Struct, kw_only=True):
    """
    Events a second, medians of interleaved rounds.

    Args:
        steps_per_s: the two real steps in a loop over dicts, sealing and Avro with them.
        ratio: embedded over the steps: what the log costs.
        bare_ratio: embedded over the pure loop, which neither seals nor speaks Avro; on the
            wall, and `cpu_ratio` on the processor, where the other threads of the log (flush,
            compaction, fsync) count fully.
    """

    events: int
    bytes_mean: int
    rounds: int
    ingest_per_s: int
    embedded_per_s: int
    steps_per_s: int
    pure_per_s: int
    ratio: float
    bare_ratio: float
    cpu_ratio: float


def runtime_of(
    folder: Path, till: Till, *, working: bool = True, log: str | None = None
) -> Runtime:
    """
    Return a runtime of two stages, or of none, for loading.

    Args:
        log: URL of the log; None is an embedded one in the folder.
    """

    def fatal(error: BaseException) -> None:
        raise error

    jobs = [
        Job(normalise.SPEC, normalise.normaliser(CONNECTORS, till.sealer)),
        Job(project.SPEC, project.projector(till.lanes)),
    ]
    return Runtime(
        log or url(folder),
        app_id="benchmark",
        datadir=folder,
        jobs=jobs if working else [],
        topics=all_topics(till.lanes),
        fatal=fatal,
    )


async def load(
    folder: Path,
    till: Till,
    count: int,
    *,
    log: str | None = None,
    of_each: int = BODIES_PER_SHOP,
) -> float:
    """Put events into the log, sealed and durable; return seconds spent on appending."""
    runtime = runtime_of(folder, till, working=False, log=log)
    await runtime.start()
    spent, batch, known = 0.0, list[Event](), set[str]()
    try:
        for event in events(count, of_each):
            if event.account.account_id not in known:
                known.add(event.account.account_id)
                new = account_outs([event.account], till.lanes)
                await runtime.log.append(topics.ACCOUNTS, new)
            batch.append(event)
            if len(batch) == AT_ONCE:
                spent += await _append(runtime, till, batch)
                batch = []
        spent += await _append(runtime, till, batch)
    finally:
        await runtime.stop()
    return spent


async def _append(runtime: Runtime, till: Till, batch: Sequence[Event]) -> float:
    began = time.perf_counter()
    await runtime.log.append(topics.RAW, [till.out(event) for event in batch])
    return time.perf_counter() - began


async def work(folder: Path, till: Till) -> tuple[Seconds, int]:
    """Process all that is in the log; return seconds, and the changes that came out."""
    runtime = runtime_of(folder, till)
    collecting.freeze()  # as `tillstream up` does
    began = Seconds.now()
    await runtime.start()
    try:
        await runtime.views.settle(range(LANES), PATIENCE_S)
        took = began.passed()
        ends = runtime.views.ends().items()
        return took, sum(end for tp, end in ends if tp.topic == topics.TRANSACTIONS)
    finally:
        await runtime.stop()


def compare(count: int, rounds: int) -> Throughput:
    """Measure both, one after the other, several times."""
    till, bodies = Till(), list(events(count))
    appends, embedded, pure = list[float](), list[Seconds](), list[Seconds]()
    steps = list[Seconds]()
    outs = [till.out(event) for event in bodies]
    accounts = {event.account.account_id: event.account for event in bodies}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="tillstream-bench-") as name:
            appends.append(uvloop.run(load(Path(name), till, count)))
            took, changes = uvloop.run(work(Path(name), till))
        embedded.append(took)
        seconds, loop = pure_seconds(bodies, till)
        pure.append(seconds)
        _check(loop, changes)
        steps.append(step_seconds(outs, account_outs(list(accounts.values())), till)[0])
    pairs = list(zip(pure, embedded, strict=True))
    return Throughput(
        events=count,
        bytes_mean=sum(len(event.body) for event in bodies) // count,
        rounds=rounds,
        ingest_per_s=round(count / median(appends)),
        embedded_per_s=round(count / median(one.wall for one in embedded)),
        pure_per_s=round(count / median(one.wall for one in pure)),
        steps_per_s=round(count / median(one.wall for one in steps)),
        ratio=round(median(s.wall / e.wall for s, e in zip(steps, embedded, strict=True)), 3),
        bare_ratio=round(median(p.wall / e.wall for p, e in pairs), 3),
        cpu_ratio=round(median(p.cpu / e.cpu for p, e in pairs), 3),
    )


def _check(loop: PureLoop, changes: int) -> None:
    """Both must have done the work: chunks may differ, the transactions may not be fewer."""
    assert changes >= loop.transactions > 0
