"""Whether an event costs the same after a million others: memory and processor by size."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import uvloop

from benchmarks.corpus import Till
from benchmarks.process import peak_mb
from benchmarks.throughput import load, work


class Size(msgspec.Struct, kw_only=True):
    """
    What events cost when so many were processed in one life of a process.

    `loop_us` is the share of the thread that computes; the rest is the log's own threads.
    """

    events: int
    cpu_us_per_event: float
    loop_us_per_event: float
    rss_mb: int
    disk_bytes_per_event: int


def measure(sizes: list[int]) -> list[Size]:
    """Measure each size in a process of its own."""
    return [_apart(count) for count in sizes]


def _apart(count: int) -> Size:
    with tempfile.TemporaryDirectory(prefix="tillstream-bench-") as name:
        till = Till()
        uvloop.run(load(Path(name), till, count))
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.growth", name]
        done = subprocess.run(  # noqa: S603 - our own program
            command,
            env=os.environ | {"BENCHMARK_KEYS": till.keys},
            stdout=subprocess.PIPE,
            check=True,
        )
        told = done.stdout.splitlines()[-1]
        cpu, loop, rss_mb = msgspec.json.decode(told, type=tuple[float, float, int])
        disk = sum(path.stat().st_size for path in Path(name).rglob("*") if path.is_file())
    return Size(
        events=count,
        cpu_us_per_event=round(cpu / count * 1e6, 1),
        loop_us_per_event=round(loop / count * 1e6, 1),
        rss_mb=rss_mb,
        disk_bytes_per_event=disk // count,
    )


def _work(folder: Path) -> None:
    took, _ = uvloop.run(work(folder, Till(os.environ["BENCHMARK_KEYS"])))
    sys.stdout.write(f"\n[{took.cpu}, {took.loop}, {peak_mb()}]\n")


if __name__ == "__main__":
    _work(Path(sys.argv[1]))
