"""
The job as a Quix Streams program; runs in an environment of its own (docs/benchmarks.md).

Written as its documentation would have it, with care for speed: the bill is serialised once
for state and change, the rows are netted, and batches, queues and garbage collection are tuned.
A stable transactional id and static membership let it restart without waiting for time-outs.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from typing import Any

import orjson
from quixstreams import Application, State
from quixstreams.models.serializers import Serializer

from benchmarks.peers import job

POLL_S = 0.05
COMMIT_S = 0.2
"""Between two commits: longer ones gave no more speed, and rows wait for them."""


def normalise(order: job.Json, state: State) -> Iterator[bytes]:
    """Keep the newest version of each order; yield what changed."""
    key = order["order_id"].encode()
    before = state.get_bytes(key)
    if before is not None and order["version"] <= orjson.loads(before)["version"]:
        return
    after = orjson.dumps(job.canonical(order))
    state.set_bytes(key, after)
    known = None if before is None else orjson.Fragment(before)
    yield orjson.dumps({"before": known, "after": orjson.Fragment(after)})


def project(change: job.Json, state: State) -> Iterator[tuple[bytes, bytes]]:
    """Bring the rows of one change up to date; yield key and row of each."""
    net: dict[str, job.Row] = {}
    job.add_change(net, change["before"], change["after"])
    for name, (units, gross, tax) in net.items():
        key = name.encode()
        known = state.get_bytes(key)
        old = (0, 0, 0) if known is None else orjson.loads(known)
        row = b"[%d,%d,%d]" % (units + old[0], gross + old[1], tax + old[2])
        state.set_bytes(key, row)
        yield key, row


class _RowOf(Serializer):
    """Writes the row of (key, row): it is JSON already."""

    def __call__(self, value: tuple[bytes, bytes], ctx: Any) -> bytes:  # noqa: ARG002
        return value[1]


CONSUMER = {
    "queued.min.messages": 20_000,
    "fetch.max.bytes": 32 << 20,
    "max.partition.fetch.bytes": 8 << 20,
    "fetch.queue.backoff.ms": 10,
}
PRODUCER = {
    "linger.ms": 10,
    "batch.size": 1 << 20,
    "batch.num.messages": 50_000,
    "queue.buffering.max.messages": 1_000_000,
    "queue.buffering.max.kbytes": 1 << 20,
    "compression.type": "lz4",
}


class _Teller:
    """Says on standard output when the first record is processed."""

    def __init__(self) -> None:
        self._told = False

    def __call__(self, *_: object) -> None:
        if not self._told:
            self._told = True
            sys.stdout.write(f"first {time.time()}\n")
            sys.stdout.flush()


def application(address: str, name: str, folder: str, *, exactly_once: bool) -> Application:
    """Return the program; `name` begins the names of its topics and is its group."""
    fixed = {"transactional.id": name} if exactly_once else {}
    app = Application(
        address,
        consumer_group=name,
        auto_offset_reset="earliest",
        commit_interval=COMMIT_S,
        state_dir=folder,
        processing_guarantee="exactly-once" if exactly_once else "at-least-once",
        consumer_extra_config={**CONSUMER, "group.instance.id": name},
        producer_extra_config={**PRODUCER, **fixed},
        on_message_processed=_Teller(),
        consumer_poll_timeout=POLL_S,
        loglevel="WARNING",
    )
    raw = app.topic(f"{name}.{job.RAW}", value_deserializer="json")
    changes = app.topic(
        f"{name}.{job.CHANGES}", value_deserializer="json", value_serializer="bytes"
    )
    rows = app.topic(f"{name}.{job.ROWS}", key_serializer="bytes", value_serializer=_RowOf())
    app.dataframe(raw).apply(normalise, stateful=True, expand=True).to_topic(changes)
    app.dataframe(changes).apply(project, stateful=True, expand=True).to_topic(
        rows, key=lambda pair: pair[0]
    )
    return app


if __name__ == "__main__":
    gc.set_threshold(100_000, 50, 100)
    _address, _folder, _name, _guarantee = sys.argv[1:]
    application(_address, _name, _folder, exactly_once=_guarantee == "exactly-once").run()
