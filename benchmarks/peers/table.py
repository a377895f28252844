"""What the comparison shows: a table and build/peers.json."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.peers import compare

REPORT = Path("build/peers.json")


def show(*, quick: bool) -> None:
    """Measure and show."""
    load = os.getloadavg()[0]
    peers = compare.measure(*((20_000, 1, 5) if quick else (100_000, 3, 20)))
    table = Table("engine", "raw events/s", "of each run", "us of processor", "row p50 / p99")
    for it in peers:
        runs = " ".join(f"{one:,}" for one in it.runs_per_s)
        seen = f"{it.latency.p50_ms} / {it.latency.p99_ms} ms"
        table.add_row(it.engine, f"{it.per_s:,}", runs, str(it.cpu_us), seen)
    console, ours = Console(), peers[0]
    console.print(table)
    for it in peers[1:]:
        wall, cpu = ours.per_s / it.per_s, it.cpu_us / ours.cpu_us
        console.print(f"{ours.engine}: {wall:.2f} x {it.engine}; on the processor {cpu:.2f} x")
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_bytes(msgspec.json.format(msgspec.json.encode({"load": load, "peers": peers})))
