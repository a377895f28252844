"""One worker of the pipeline on Kafka, as `tillstream work` has it; ends on SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import uvloop

from benchmarks.corpus import Till
from benchmarks.throughput import runtime_of
from streams import collecting, logs


async def _work(url: str, folder: Path, lanes: int) -> None:
    runtime = runtime_of(folder, Till(os.environ["BENCHMARK_KEYS"], lanes), log=url)
    collecting.freeze()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await runtime.start()
    await stop.wait()
    await runtime.stop()


if __name__ == "__main__":
    logs.set_up("error", sys.stderr)
    uvloop.run(_work(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
