"""Whether an event costs the same after a million others: memory and processor by size."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import msgspec
import uvloop

from benchmarks.corpus import Till
from benchmarks.process import peak_mb
from benchmarks.throughput import load, work

BETWEEN_S = 10.0
"""How long a large run goes on before it is stopped for a small one."""


class Cost(msgspec.Struct):
    """Processor seconds of a run and of its thread that computes, and its largest memory."""

    cpu: float
    loop: float
    rss_mb: int


class Size(msgspec.Struct, kw_only=True):
    """
    What events cost when so many were processed in one life of a process.

    `loop_us` is the share of the thread that computes; the rest is the log's own threads.
    `growth` is the cost over that of the smallest size, run again and again meanwhile: a
    machine that others use as well changes its speed within minutes.
    """

    events: int
    cpu_us_per_event: float
    loop_us_per_event: float
    growth: float
    loop_growth: float
    rss_mb: int
    disk_bytes_per_event: int


def measure(sizes: Sequence[int]) -> list[Size]:
    """Measure each size in a process of its own; the smallest comes first."""
    with tempfile.TemporaryDirectory(prefix="tillstream-bench-") as name:
        small = Loaded(Path(name) / "small", sizes[0])
        return [_measure(small, small)] + [
            _measure(Loaded(Path(name) / str(count), count), small) for count in sizes[1:]
        ]


class Loaded:
    """A log with so many events that nothing has processed."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.count, self._till = folder, count, Till()
        uvloop.run(load(folder, self._till, count))

    def start(self, folder: Path) -> subprocess.Popen[bytes]:
        """Process a copy of them."""
        shutil.copytree(self.folder, folder)
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-W", "ignore", "-m", "benchmarks.growth", str(folder)],
            env=os.environ | {"BENCHMARK_KEYS": self._till.keys},
            stdout=subprocess.PIPE,
        )


def _measure(large: Loaded, small: Loaded) -> Size:
    with tempfile.TemporaryDirectory(prefix="tillstream-bench-") as name:
        process, beside = large.start(Path(name) / "large"), [_whole(small)]
        while not _is_done(process):
            process.send_signal(signal.SIGSTOP)
            beside.append(_whole(small))
            process.send_signal(signal.SIGCONT)
        cost = _told(process)
        disk = sum(path.stat().st_size for path in Path(name).rglob("*") if path.is_file())
    cpu_us, loop_us = cost.cpu / large.count * 1e6, cost.loop / large.count * 1e6
    return Size(
        events=large.count,
        cpu_us_per_event=round(cpu_us, 1),
        loop_us_per_event=round(loop_us, 1),
        growth=round(cpu_us / mean(it.cpu / small.count * 1e6 for it in beside), 3),
        loop_growth=round(loop_us / mean(it.loop / small.count * 1e6 for it in beside), 3),
        rss_mb=cost.rss_mb,
        disk_bytes_per_event=disk // large.count,
    )


def _whole(loaded: Loaded) -> Cost:
    with tempfile.TemporaryDirectory(prefix="tillstream-bench-") as name:
        return _told(loaded.start(Path(name) / "copy"))


def _is_done(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(BETWEEN_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def _told(process: subprocess.Popen[bytes]) -> Cost:
    told, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return msgspec.json.decode(told.splitlines()[-1], type=Cost)


def _work(folder: Path) -> None:
    took, _ = uvloop.run(work(folder, Till(os.environ["BENCHMARK_KEYS"])))
    cost = Cost(took.cpu, took.loop, peak_mb())
    sys.stdout.write(f"\n{msgspec.json.encode(cost).decode()}\n")


if __name__ == "__main__":
    _work(Path(sys.argv[1]))
