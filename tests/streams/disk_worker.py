"""Run by test_embedded_disk in a process of its own: a limit on file sizes fills the disk."""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

from streams.log import LogUnavailableError
from tests.streams.shop import (
    everything,
    expected_totals,
    rows_of,
    sale,
    settled,
    started,
    until,
)


def limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def main(folder: Path, query: str) -> None:
    async with started(folder, query=query) as running:
        kept = list(range(100))
        await running.log.append("raw", [sale(n) for n in kept])
        await settled(running)
        limit(150_000)
        refused = 0
        for n in range(100, 20_000, 100):
            batch = list(range(n, n + 100))
            try:
                await running.log.append("raw", [sale(number) for number in batch])
                kept += batch
            except LogUnavailableError:
                refused += 1
                if refused == 5:
                    break
        assert refused == 5
        before = rows_of(running, "till.sales")
        assert len(before) <= len(kept) + 100, "reading goes on"
        limit(resource.RLIM_INFINITY)
        await until(lambda: running.log._failure is None, 10)
        await running.log.append("raw", [sale(n) for n in range(20_000)])
        await settled(running)
        await running.log.sync.drain()
        assert rows_of(running, "sums.totals") == expected_totals(range(20_000))
        assert len(await everything(running.log, "sales")) == 20_000
        raw = [(r.partition, r.offset) for r in await everything(running.log, "raw")]
        assert len(set(raw)) == len(raw) >= len(kept) + 20_000
        assert await running.log.holes() == []
    async with started(folder, query=query) as running:
        assert rows_of(running, "sums.totals") == expected_totals(range(20_000))
    sys.stdout.write("exact\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
