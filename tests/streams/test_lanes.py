"""Stages at work: shared topics, other lanes, poison, handlers, failures, the watchdog."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from streams.errors import SetupError
from streams.log import (
    TP,
    DeadLetter,
    Effects,
    LogUnavailableError,
    Out,
    StageSpec,
    StateBrokenError,
    Table,
    Topic,
    lane_of,
)
from streams.runtime import HungError, Job
from tests.streams.shop import (
    JOBS,
    LANES,
    SUMS,
    TILL,
    TOPICS,
    Deaths,
    everything,
    expected_totals,
    rows_of,
    runtime,
    sale,
    settled,
    started,
    sums,
    till,
    until,
)


async def test_sales_become_totals_and_duplicates_count_once(tmp_path):
    async with started(tmp_path) as running:
        await running.log.append("raw", [sale(n) for n in range(1000)])
        await running.log.append("raw", [sale(n) for n in range(500, 1500)])
        await settled(running)
        assert rows_of(running, "sums.totals") == expected_totals(range(1500))
        assert len(await everything(running.log, "sales")) == 1500
        assert all(lag == 0 for lag in running.views.lag().values())
        stats = running.stages["till"].stats
        assert (stats.records, stats.failures, stats.rejected) == (2000, 0, 0)
        assert stats.chunks > 0
        assert stats.step_s > 0


async def test_a_topic_feeds_several_stages_each_with_its_own_position(tmp_path):
    seen: list[int] = []

    def watch(records, state):
        seen.extend(record.offset for record in records)
        return Effects()

    watcher = Job(StageSpec("watch", ("sales",)), watch)
    async with started(tmp_path) as running:
        await running.log.append("raw", [sale(n, "one") for n in range(300)])
        await settled(running)
    async with started(tmp_path, jobs=(*JOBS, watcher)) as running:
        await settled(running)
        assert seen == list(range(300))
        await running.log.append("raw", [sale(n, "one") for n in range(300, 400)])
        await settled(running)
        assert seen == list(range(400))
        total = b"%d" % sum(range(400))
        assert rows_of(running, "sums.totals") == {b"one": total}
        tp = TP("sales", lane_of(b"one", LANES))
        for stage in ("sums", "watch"):
            assert await running.log.committed(stage, [tp]) == {tp: 400}


async def test_outputs_may_go_to_another_lane(tmp_path):
    def scatter(records, state):
        outs = [Out(b"n", record.value, (), int(record.value) % LANES) for record in records]
        return Effects({"notes": outs})

    job = Job(StageSpec("scatter", ("raw",), ("notes",)), scatter)
    async with started(tmp_path, jobs=(job,)) as running:
        await running.log.append("raw", [Out(b"k", b"%d" % n) for n in range(100)])
        await settled(running)
        notes = await everything(running.log, "notes")
        assert len(notes) == 100
        assert all(int(note.value) % LANES == note.partition for note in notes)
        for lane in range(LANES):
            numbers = [int(note.value) for note in notes if note.partition == lane]
            assert numbers == sorted(numbers)


async def test_poison_and_refused_records_go_to_the_rejected_topic_and_nothing_else(tmp_path):
    async with started(tmp_path) as running:
        batch = [sale(n) for n in range(300)]
        batch[100:100] = [Out(b"p", b"poison")]
        batch[200:200] = [Out(b"q", b"not json", [("ce_id", b"1")])]
        await running.log.append("raw", batch)
        await settled(running)
        assert rows_of(running, "sums.totals") == expected_totals(range(300))
        letters = {record.value: record for record in await everything(running.log, "rejected")}
        poison, garbled = dict(letters[b"poison"].headers), dict(letters[b"not json"].headers)
        assert len(letters) == 2
        assert poison["__rejected.error.type"] == b"internal-error"
        assert poison["__rejected.error.reason"] == b"RuntimeError"
        assert garbled["__rejected.error.type"] == b"unreadable"
        assert garbled["ce_id"] == b"1"
        assert running.stages["till"].stats.rejected == 2


async def test_values_that_a_step_refuses_itself_are_not_limited(tmp_path):
    async with started(tmp_path) as running:
        await running.log.append("raw", [Out(b"q", b"x")] * 2000)
        await settled(running)
        assert len(await everything(running.log, "rejected")) == 2000
        assert running.stages["till"].stats.failures == 0


async def test_a_bug_stops_the_lane_and_a_repaired_step_goes_on_exactly(tmp_path):
    async with started(tmp_path) as running:
        await running.log.append("raw", [Out(b"p", b"poison")] * 100)
        await until(lambda: running.stages["till"].stats.failures >= 2)
        assert await everything(running.log, "rejected") == []

    def repaired(records, state):
        good = [record for record in records if record.value != b"poison"]
        return till(good, state)

    async with started(tmp_path, jobs=(Job(TILL, repaired), JOBS[1])) as running:
        await running.log.append("raw", [sale(n) for n in range(10)])
        await settled(running)
        assert rows_of(running, "sums.totals") == expected_totals(range(10))


async def test_a_commit_that_fails_is_tried_in_place_and_counts_once(tmp_path):
    async with started(tmp_path) as running:
        write, failures = running.log.write, [3]

        def fails(batch, waiter=None):
            if waiter is None and failures[0]:
                failures[0] -= 1
                raise LogUnavailableError("the disk had enough")
            write(batch, waiter)

        running.log.write = fails
        await running.log.append("raw", [sale(n) for n in range(500)])
        await settled(running)
        assert rows_of(running, "sums.totals") == expected_totals(range(500))
        assert len(await everything(running.log, "sales")) == 500


# -- stages that talk to the world outside

CALLS = StageSpec("calls", ("raw",), ("notes",), (), "rejected")


async def test_state_that_breaks_again_and_again_is_not_made_anew_without_a_pause(tmp_path):
    tries = []

    def unlucky(records, state):
        tries.append(time.monotonic())
        if len(tries) < 4:
            raise StateBrokenError("a bad block")
        return till(records, state)

    async with started(tmp_path, jobs=(Job(TILL, unlucky),)) as running:
        await running.log.append("raw", [sale(1)], 0)
        await until(lambda: running.stages["till"].stats.chunks, 10)
    gaps = [later - one for one, later in pairwise(tries)]
    assert all(gap >= least for gap, least in zip(gaps, [0.2, 0.4, 0.8], strict=True))


async def test_a_handler_is_tried_again_until_it_answers(tmp_path):
    failures = [2]

    async def ask(records):
        await asyncio.sleep(0)
        if failures[0]:
            failures[0] -= 1
            raise ConnectionError("https://provider.example/?secret=1")
        answers = [Out(record.key, record.value) for record in records]
        return Effects({"notes": answers}, rejected=[DeadLetter(records[0], "gone", "404")])

    async with started(tmp_path, jobs=(Job(CALLS, handler=ask),)) as running:
        await running.log.append("raw", [Out(b"k", b"%d" % n) for n in range(10)])
        await settled(running)
        notes = [record.value for record in await everything(running.log, "notes")]
        assert notes == [b"%d" % n for n in range(10)]
        assert len(await everything(running.log, "rejected")) == 1
        assert running.stages["calls"].stats.failures == 2


async def test_a_handler_that_waits_holds_up_neither_other_stages_nor_the_end(tmp_path):
    asked, cancelled = asyncio.Event(), asyncio.Event()

    async def ask(records):
        asked.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return Effects()

    jobs = (*JOBS, Job(StageSpec("calls", ("notes",)), handler=ask))
    async with started(tmp_path, jobs=jobs) as running:
        await running.log.append("notes", [Out(b"k", b"v")])
        await asked.wait()
        await running.log.append("raw", [sale(n) for n in range(100)])
        await running.views.settle(range(LANES), 5)
        assert rows_of(running, "sums.totals") == expected_totals(range(100))
        began = time.monotonic()
    assert time.monotonic() - began < 1
    assert cancelled.is_set()
    async with started(tmp_path, jobs=jobs) as running:
        assert sum(running.views.lag().values()) == 1


async def test_what_a_handler_is_about_to_end_is_not_done_again_after_a_stop(tmp_path):
    begun, asked = asyncio.Event(), []

    async def ask(records):
        begun.set()
        await asyncio.sleep(0.05)
        asked.extend(record.value for record in records)
        return Effects()

    jobs = (Job(StageSpec("calls", ("notes",)), handler=ask),)
    async with started(tmp_path, jobs=jobs) as running:
        await running.log.append("notes", [Out(b"k", b"v")])
        await begun.wait()
    async with started(tmp_path, jobs=jobs) as running:
        await running.views.settle(range(LANES), 5)
    assert asked == [b"v"]


async def test_a_job_may_take_smaller_chunks(tmp_path):
    sizes = []

    async def ask(records):
        await asyncio.sleep(0)
        sizes.append(len(records))
        return Effects()

    async with started(tmp_path, jobs=(Job(CALLS, handler=ask, chunk=5),)) as running:
        await running.log.append("raw", [Out(b"k", b"v")] * 100)
        await settled(running)
    assert sum(sizes) == 100
    assert max(sizes) <= 5


async def test_a_stage_that_is_stuck_does_not_hold_up_another_one_on_the_same_topic(tmp_path):
    async def never(records):
        await asyncio.sleep(3600)
        return Effects()

    jobs = (*JOBS, Job(StageSpec("deliver", ("sales",)), handler=never))
    async with started(tmp_path, jobs=jobs, query="sync=0&cache_mb=8&chunk=10") as running:
        await running.log.append("raw", [sale(n) for n in range(3000)])
        await running.views.settle(range(LANES), 30)
        assert rows_of(running, "sums.totals") == expected_totals(range(3000))


async def test_a_slow_stage_reads_for_itself_what_it_missed_on_a_shared_topic(tmp_path):
    heard = []

    async def listen(records):
        await asyncio.sleep(0.002)
        heard.extend((record.partition, record.offset) for record in records)
        return Effects()

    jobs = (*JOBS, Job(StageSpec("deliver", ("sales", "notes")), handler=listen, chunk=20))
    async with started(tmp_path, jobs=jobs, query="sync=1&cache_mb=8&chunk=10") as running:
        for begin in range(0, 3000, 100):
            await running.log.append("raw", [sale(n) for n in range(begin, begin + 100)])
            await asyncio.sleep(0.003)
        await settled(running, 10)
        sold = [(r.partition, r.offset) for r in await everything(running.log, "sales")]
        assert len(heard) == 3000
        for lane in range(LANES):
            assert [p for p in heard if p[0] == lane] == [p for p in sold if p[0] == lane]
        assert running.stages["deliver"].stats.failures == 0


# -- life


async def test_it_starts_and_stops_fast(tmp_path):
    began = time.monotonic()
    running = runtime(tmp_path)
    await running.start()
    assert time.monotonic() - began < 2
    await running.log.append("raw", [sale(n) for n in range(5000)])
    began = time.monotonic()
    await running.stop()
    assert time.monotonic() - began < 1.5


async def test_stopping_in_the_middle_leaves_nothing_half_done(tmp_path):
    for begin in range(0, 4000, 1000):
        async with started(tmp_path) as running:
            await running.log.append("raw", [sale(n) for n in range(begin, begin + 1000)])
    async with started(tmp_path) as running:
        await settled(running)
        assert rows_of(running, "sums.totals") == expected_totals(range(4000))
        assert len(await everything(running.log, "sales")) == 4000


async def test_tools_open_the_log_without_stages(tmp_path):
    async with started(tmp_path, jobs=()) as running:
        await running.log.append("raw", [sale(1)])
        assert len(await everything(running.log, "raw")) == 1
        assert running.views.lag() == {}


async def test_a_lane_that_hangs_ends_the_process(tmp_path):
    deaths = Deaths()
    async with started(tmp_path, fatal=deaths, watchdog_s=1.0) as running:
        await running.log.append("raw", [sale(n) for n in range(10)])
        await settled(running)
        await asyncio.sleep(1.5)
        assert deaths == []

        async def stuck(records):
            await asyncio.sleep(3600)

        for lane in running.stages["till"].lanes.values():
            lane._take = stuck
        await running.log.append("raw", [sale(n) for n in range(20)])
        await settled(running)  # the last chunk that the lanes had begun to wait for
        await running.log.append("raw", [sale(n) for n in range(30)])
        await until(lambda: deaths, 10)
    assert isinstance(deaths[0], HungError)
    assert "stage till" in str(deaths[0])


@pytest.mark.parametrize(
    ("jobs", "topics", "says"),
    [
        (JOBS, TOPICS[1:], "undeclared topics"),
        ((JOBS[0], JOBS[0]), TOPICS, "same name"),
        (
            (Job(StageSpec("s", ("raw",), (), (Table("t", "short"),)), sums),),
            (*TOPICS, Topic("short", LANES, retention_s=5.0)),
            "kept for ever",
        ),
    ],
)
def test_jobs_that_could_not_work_are_refused_at_the_start(tmp_path, jobs, topics, says):
    with pytest.raises(SetupError, match=says):
        runtime(tmp_path, jobs=jobs, topics=topics)


def test_the_tables_of_the_job_are_of_all_three_kinds():
    assert [table.fold is None for table in (*TILL.tables, *SUMS.tables)] == [
        False,
        False,
        True,
    ]
    assert [TILL.is_derived(table) for table in TILL.tables] == [True, False]
