"""The job on Tillstream's own runtime, as a process: `python -m … URL folder name`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import uvloop

from benchmarks.peers import job
from streams import collecting, logs
from streams.log import Effects, Out, Record, Rows, StageSpec, StateView, Step, Table, Topic
from streams.runtime import Job, Runtime

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class _Change(msgspec.Struct):
    before: msgspec.Raw | None
    after: msgspec.Raw


_change = msgspec.json.Decoder(_Change).decode


class _Version(msgspec.Struct):
    version: int


_version = msgspec.json.Decoder(_Version).decode


def topics_of(name: str) -> tuple[Topic, ...]:
    """Return the topics of the job; rows are a table, so their topic is compacted."""
    return (
        Topic(f"{name}.{job.RAW}", job.LANES),
        Topic(f"{name}.{job.CHANGES}", job.LANES),
        Topic(f"{name}.{job.ROWS}", job.LANES, compact=True),
    )


def _bill_of(record: Record) -> Iterator[tuple[bytes, bytes | None]]:
    if record.value is not None and record.key is not None:
        yield record.key, bytes(_change(record.value).after)


def jobs_of(name: str) -> tuple[Job, Job]:
    """Return the two stages."""
    raw, changes, rows = (f"{name}.{topic}" for topic in (job.RAW, job.CHANGES, job.ROWS))
    first = StageSpec("normalise", (raw,), (changes,), (Table("bills", changes, _bill_of),))
    second = StageSpec("project", (changes,), (), (Table("rows", rows),))
    return Job(first, _told(_normaliser(changes))), Job(second, project)


def _normaliser(changes: str) -> Step:
    def normalise(records: Sequence[Record], state: StateView) -> Effects:
        """Keep the newest version of each order and say what changed."""
        orders = [_decode(record.value) for record in records if record.value is not None]
        keys = list(dict.fromkeys(order["order_id"].encode() for order in orders))
        bills = dict(zip(keys, state.get("bills", keys), strict=True))
        rows, outs = Rows(), list[Out]()
        for order in orders:
            key = order["order_id"].encode()
            before = bills[key]
            if before is not None and order["version"] <= _version(before).version:
                continue
            after = bills[key] = rows[key] = _encode(job.canonical(order))
            known = None if before is None else msgspec.Raw(before)
            outs.append(Out(key, _encode(_Change(known, msgspec.Raw(after)))))
        return Effects({changes: outs}, {"bills": rows}) if outs else Effects()

    return normalise


def project(records: Sequence[Record], state: StateView) -> Effects:
    """Bring the rows of these changes up to date."""
    net: dict[str, job.Row] = {}
    for record in records:
        if record.value is not None:
            change = _decode(record.value)
            job.add_change(net, change["before"], change["after"])
    keys = [name.encode() for name in net]
    rows = Rows()
    for key, known, (units, gross, tax) in zip(
        keys, state.get("rows", keys), net.values(), strict=True
    ):
        old = (0, 0, 0) if known is None else _decode(known)
        rows[key] = b"[%d,%d,%d]" % (units + old[0], gross + old[1], tax + old[2])
    return Effects(rows={"rows": rows})


def _told(step: Step) -> Step:
    """Say on standard output when the first record is processed."""
    first = [True]

    def told(records: Sequence[Record], state: StateView) -> Effects:
        if first:
            first.clear()
            sys.stdout.write(f"first {time.time()}\n")
            sys.stdout.flush()
        return step(records, state)

    return told


def _die(error: BaseException) -> None:
    sys.stderr.write(f"fatal: {error!r}\n")
    os._exit(3)


async def work(url: str, folder: Path, name: str) -> None:
    """Work until SIGTERM."""
    runtime = Runtime(
        url,
        app_id=name,
        datadir=folder,
        jobs=jobs_of(name),
        topics=topics_of(name),
        fatal=_die,
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await runtime.start()
    collecting.freeze()
    await stop.wait()
    await runtime.stop()


if __name__ == "__main__":
    logs.set_up("error", sys.stderr)
    uvloop.run(work(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
