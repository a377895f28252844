"""One worker of the shop's job, as a process of its own: `python -m … url folder app_id`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

import uvloop

from streams.log import Topic
from streams.runtime import Runtime
from tests.streams.shop import JOBS, TOPICS

LANES = 4
WORKER_TOPICS = tuple(Topic(t.name, LANES, compact=t.compact) for t in TOPICS)


def die(error: BaseException) -> None:
    sys.stderr.write(f"fatal: {error!r}\n")
    sys.stderr.flush()
    os._exit(3)


def report(running: Runtime, folder: Path) -> None:
    """Write which lanes are open here and what was done, for the test to read."""
    status = {
        "pid": os.getpid(),
        "lanes": {name: sorted(stage.lanes) for name, stage in running.stages.items()},
        "stats": {name: asdict(stage.stats) for name, stage in running.stages.items()},
    }
    new = folder / "status.new"
    new.write_text(json.dumps(status))
    new.rename(folder / "status.json")


async def work(url: str, folder: Path, app_id: str) -> None:
    running = Runtime(
        url, app_id=app_id, datadir=folder, jobs=JOBS, topics=WORKER_TOPICS, fatal=die
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    starting = asyncio.create_task(running.start())
    while not stop.is_set():
        report(running, folder)
        if starting.done():
            starting.result()
        await asyncio.sleep(0.05)
    await running.stop()
    report(running, folder)


if __name__ == "__main__":
    uvloop.run(work(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
