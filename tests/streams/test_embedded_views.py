"""What HTTP reads, and when a write is visible to the next read."""

from __future__ import annotations

import asyncio

import pytest

from streams.log import Effects, Out, StageSpec
from streams.runtime import Job
from streams.views import NotReadyError, NotSettledError
from tests.streams.shop import (
    JOBS,
    LANES,
    expected_totals,
    opened,
    rows_of,
    runtime,
    sale,
    settled,
    started,
)


async def test_after_settling_a_write_is_visible_to_the_next_read(tmp_path):
    async with started(tmp_path) as running:
        for n in range(1, 30):
            (place,) = await running.log.append("raw", [sale(n, "one", 1)])
            await running.views.settle([place.partition], 5)
            assert running.views.get("sums.totals", place.partition, [b"one"]) == [b"%d" % n]


async def test_settling_waits_for_what_was_there_when_it_was_asked_not_for_all_that_comes(
    tmp_path,
):
    async with started(tmp_path) as running:
        numbers = iter(range(10**6))

        async def trade() -> None:
            while True:
                await running.log.append("raw", [sale(next(numbers)) for _ in range(20)])

        trading = asyncio.create_task(trade())
        for _ in range(20):
            await running.views.settle(range(LANES), 5)
        trading.cancel()


async def test_settling_names_the_stage_that_is_behind(tmp_path):
    async def never(records):
        await asyncio.sleep(3600)
        return Effects()

    jobs = (*JOBS, Job(StageSpec("calls", ("notes",)), handler=never))
    async with started(tmp_path, jobs=jobs) as running:
        await running.log.append("notes", [Out(b"k", b"v")])
        await running.views.settle(range(LANES), 1)
        with pytest.raises(NotSettledError, match="stage calls is behind in notes/"):
            await running.views.settle(range(LANES), 0.1, stages=["calls"])


async def test_a_scan_is_in_key_order_and_pages_without_a_gap(tmp_path):
    async with started(tmp_path) as running:
        await running.log.append("raw", [sale(n, "one") for n in range(200)])
        await settled(running)
        table, views = "till.sales", running.views
        (lane,) = [n for n in range(LANES) if views.scan(table, n, b"", limit=1)]
        keys = [key for key, _ in views.scan(table, lane, b"s1")]
        assert keys == sorted(b"s%d" % n for n in range(200) if str(n).startswith("1"))
        paged, after = [], None
        while page := views.scan(table, lane, b"s1", after=after, limit=7):
            paged += [key for key, _ in page]
            after = page[-1][0]
        assert paged == keys
        assert views.scan(table, lane, b"s1", after=b"s0", limit=1)[0][0] == b"s1"
        assert views.scan(table, lane, b"s1", after=b"s2") == []
        assert views.scan(table, lane, b"", limit=0) == []
        assert views.get(table, lane, []) == []
        assert views.get(table, lane, [b"s1", b"no"])[1] is None


async def test_a_table_that_is_not_open_yet_says_so(tmp_path):
    running = runtime(tmp_path)
    try:
        with pytest.raises(NotReadyError, match=r"lane 0 of sums\.totals"):
            running.views.get("sums.totals", 0, [b"k"])
        with pytest.raises(KeyError):
            running.views.get("sums.unknown", 0, [b"k"])
    finally:
        await running.log.start()
        await running.stop()


async def test_tables_of_a_stage_added_later_start_with_all_of_history(tmp_path):
    async with started(tmp_path, jobs=JOBS[:1]) as running:
        await running.log.append("raw", [sale(n) for n in range(100)])
        await settled(running)
    async with started(tmp_path) as running:
        await settled(running)
        assert rows_of(running, "sums.totals") == expected_totals(range(100))


async def test_lag_counts_what_is_still_to_do(tmp_path):
    async with opened(tmp_path):
        pass
    running = runtime(tmp_path)
    await running.log.start()
    await running.log.create(running._topics)
    await running.log.append("raw", [sale(n) for n in range(10)])
    lag = running.views.lag()
    assert sum(n for (stage, _, _), n in lag.items() if stage == "till") == 10
    assert sum(running.views.ends().values()) == 10
    await running.stop()
