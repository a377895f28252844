"""`python -m benchmarks [--quick] [--kafka [--million] | --peers]`: tables, build/*.json."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks import growth, on_kafka, reading, throughput, visible, webhooks
from benchmarks.peers import table as peers
from streams import logs

REPORT = Path("build/bench.json")
FLAT = 1.20


class Report(msgspec.Struct, kw_only=True):
    """All figures of one run; `load` is the machine's own when it began."""

    python: str
    cores: int
    load: float
    throughput: throughput.Throughput
    webhooks: webhooks.Webhooks
    visible: visible.Visible
    growth: list[growth.Size]
    reading: list[reading.Reading]


def rows(report: Report) -> list[tuple[str, str, str, bool]]:
    """Return name, figure, target and whether it is reached."""
    speed, hooks, seen = report.throughput, report.webhooks, report.visible.latency
    quiet, beside = hooks.quiet, hooks.beside_backlog
    dearest = max(size.growth for size in report.growth)
    both = f"p50 {seen.p50_ms} / p99 {seen.p99_ms} ms"
    return [
        ("raw events/s, embedded, fsync", f"{speed.embedded_per_s:,}", "6,000",
         speed.embedded_per_s >= 6000),
        ("  the same steps in a loop over dicts", f"{speed.steps_per_s:,}", "", True),
        ("  ratio: what the log leaves", f"{speed.ratio:.0%}", "55 %", speed.ratio >= 0.55),
        ("  a bare loop, no Avro, no sealing", f"{speed.pure_per_s:,}", "", True),
        ("  ratio to the bare loop", f"{speed.bare_ratio:.0%}", "", True),
        ("  the same on the processor", f"{speed.cpu_ratio:.0%}", "", True),
        (f"webhooks at {hooks.rate_per_s}/s", f"p50 {quiet.p50_ms} / p99 {quiet.p99_ms} ms",
         "p99 50 ms", quiet.ok == quiet.sent and quiet.p99_ms < 50),
        (f"  beside a backlog of {hooks.backlog:,}",
         f"p50 {beside.p50_ms} / p99 {beside.p99_ms} ms", "p99 50 ms",
         beside.ok == beside.sent and beside.p99_ms < 50),
        (f"order to visible row at {report.visible.rate_per_s}/s", both, "10 / 40 ms",
         seen.p50_ms <= 10 and seen.p99_ms <= 40),
        *((f"cost after {size.events:,} events",
           f"{size.cpu_us_per_event} us, {size.rss_mb} MB", "", True)
          for size in report.growth),
        ("  dearest over that of the fewest events", f"{dearest:.2f}", f"{FLAT:.2f}",
         dearest <= FLAT),
        *((f"{it.provider}: read and assemble a body of {it.bytes_mean:,} bytes",
           f"{it.read_us} us, {it.ratio} x decoding it", "", True)
          for it in report.reading),
    ]  # fmt: skip


def show(report: Report) -> None:
    """Print the table."""
    table = Table("what", "figure", "target", "")
    for name, figure, target, good in rows(report):
        verdict = "" if not target else "yes" if good else "NO"
        table.add_row(name, figure, target, verdict)
    Console().print(table)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about a minute, rougher")
    parser.add_argument("--million", action="store_true", help="on Kafka: to three million")
    parser.add_argument("--kafka", action="store_true", help="only the pipeline on Kafka")
    parser.add_argument("--peers", action="store_true", help="only Quix Streams beside ours")
    given = parser.parse_args()
    logs.set_up("error", sys.stderr)
    if given.peers:
        peers.show(quick=given.quick)
        return
    if given.kafka:
        asked = on_kafka.wanted(quick=given.quick, million=given.million)
        on_kafka.show(asked, 100_000 if given.quick else 1_000_000)
        return
    measure(quick=given.quick)


def measure(*, quick: bool) -> None:
    """Measure all of the embedded log, one after the other."""
    load = os.getloadavg()[0]
    sizes = [10_000, 30_000] if quick else [10_000, 100_000, 300_000, 1_000_000]
    report = Report(
        python=platform.python_version(),
        cores=os.cpu_count() or 0,
        load=load,
        throughput=throughput.compare(10_000 if quick else 30_000, 2 if quick else 5),
        webhooks=webhooks.measure(4 if quick else 15, 15_000 if quick else 60_000),
        visible=visible.measure(4 if quick else 15),
        growth=growth.measure(sizes),
        reading=reading.measure(),
    )
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    show(report)


if __name__ == "__main__":
    main()
