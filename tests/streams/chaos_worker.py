"""Run by test_embedded_chaos: ingest and process until killed; the log says what is done."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from streams.log import TP, Out
from tests.streams.shop import LANES, everything, sale, settled, started

QUERY = "sync=1&cache_mb=8&chunk=50&upkeep_s=0.05&dirty_min=200"


def events(count: int) -> list[Out]:
    """Return sales with every third one twice, and poison now and then."""
    outs = []
    for number in range(count):
        outs.append(sale(number))
        if number % 3 == 0:
            outs.append(sale(number // 2))
        if number % 500 == 250:
            outs.append(Out(b"account-1", b"poison"))
    return outs


async def work(folder: Path, count: int) -> None:
    async with started(folder, query=QUERY) as running:
        outs, tps = events(count), [TP("raw", lane) for lane in range(LANES)]
        done = sum(end for _, end in (await running.log.bounds(tps)).values())
        for at in range(done, len(outs), 20):
            await running.log.append("raw", outs[at : at + 20])
            await asyncio.sleep(0.002)
        await settled(running, 20)
        await running.log.sync.drain()
        sales = [json.loads(r.value)["id"] for r in await everything(running.log, "sales")]
        totals: dict[str, str] = {}
        for record in await everything(running.log, "totals"):
            totals[record.key.decode()] = record.value.decode()
        result = {
            "sales": sales,
            "totals": totals,
            "rejected": len(await everything(running.log, "rejected")),
            "holes": await running.log.holes(),
        }
    (folder / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), int(sys.argv[2])))
