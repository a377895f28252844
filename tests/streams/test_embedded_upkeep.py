"""Compaction, tombstones, retention, holes."""

from __future__ import annotations

import asyncio
import time

import pytest

from streams.embedded import upkeep
from streams.embedded.layout import LOG_KEY
from streams.log import TP, Out, StageSpec, Topic
from tests.streams.shop import content, everything, opened

C, R = TP("c", 0), TP("r", 0)
TOPICS = (Topic("c", 1, compact=True), Topic("r", 1, retention_s=1.0))


def compact_all(log, tp=C):
    while log.book.clean[tp] < log.book.floor(tp):
        upkeep.compact(log, tp, limit=700)


async def fill(log, rounds=10):
    for n in range(rounds):
        await log.append(
            "c", [Out(b"k%d" % (j % 40), b"%d" % (n * 100 + j)) for j in range(100)]
        )


async def test_compaction_keeps_the_newest_record_of_each_key_and_all_offsets(tmp_path):
    async with opened(tmp_path, *TOPICS) as log:
        await fill(log)
        await log.append("c", [Out(b"k1", None), Out(b"k2", None)])
        before, end = content(log, "c"), log.book.ends[C]
        compact_all(log)
        records = await everything(log, "c", 1)
        assert len(records) == 40
        assert {record.key: record.value for record in records} == before
        assert log.book.ends[C] == end
        assert await log.holes() == []


async def test_a_reader_chains_chunks_over_compacted_gaps(tmp_path):
    async with opened(tmp_path, *TOPICS) as log:
        await fill(log)
        compact_all(log)
        reader = await log.reader({C: 0})
        (chunk,) = (await reader.read(1)).values()
        await reader.close()
        assert (chunk.begin, chunk.end, len(chunk.records)) == (0, 1000, 40)


async def test_compaction_in_many_slices_over_restarts_gives_the_same(tmp_path):
    for _ in range(3):
        async with opened(tmp_path, *TOPICS) as log:
            await fill(log, 5)
            before = content(log, "c")
            compact_all(log)
            assert content(log, "c") == before
            assert len(await everything(log, "c", 1)) == 40


async def test_a_tombstone_goes_when_readers_had_time_to_see_it(tmp_path):
    async with opened(tmp_path, *TOPICS, tombstones_s=0.05) as log:
        await fill(log)
        await log.append("c", [Out(b"k1", None), Out(b"k2", None)])
        compact_all(log)
        upkeep.forget_tombstones(log, C)
        assert content(log, "c")[b"k1"] is None
        await log.append("c", [Out(b"k2", b"again")])
        await asyncio.sleep(0.1)
        compact_all(log)
        upkeep.forget_tombstones(log, C)
        found = content(log, "c")
        assert b"k1" not in found
        assert found[b"k2"] == b"again"
        assert len(await everything(log, "c", 1)) == 39


async def test_the_last_record_stays_even_when_it_is_an_old_tombstone(tmp_path):
    async with opened(tmp_path, *TOPICS, tombstones_s=0.01) as log:
        await log.append("c", [Out(b"k", b"v"), Out(b"k", None)])
        compact_all(log)
        await asyncio.sleep(0.05)
        upkeep.forget_tombstones(log, C)
        assert [record.value for record in await everything(log, "c", 1)] == [None]


async def test_compaction_waits_for_the_slowest_stage(tmp_path):
    async with opened(tmp_path, *TOPICS) as log:
        await fill(log)
        batch = log.batch()
        batch.position("slow", C, 150)
        batch.position("fast", C, 1000)
        log.write(batch)
        compact_all(log)
        assert log.book.clean[C] == 150
        offsets = [record.offset for record in await everything(log, "c", 1)]
        assert offsets[-850:] == list(range(150, 1000))


async def test_retention_deletes_what_is_old_and_processed_by_every_stage(tmp_path):
    async with opened(tmp_path, *TOPICS) as log:
        await log.append("r", [Out(b"x", b"old")] * 3000)
        await asyncio.sleep(0.01)
        cut = time.time_ns() // 1_000_000
        await asyncio.sleep(0.01)
        await log.append("r", [Out(b"x", b"new")] * 100)
        for slow, begin in ((1000, 1000), (3050, 3000)):
            batch = log.batch()
            batch.position("slow", R, slow)
            batch.position("fast", R, 3100)
            log.write(batch)
            deleted = upkeep.expire(log, R, cut)
            assert deleted is not None
            assert log.book.begin[R] == begin
        await upkeep._give_space_back(log, deleted)
        assert upkeep.expire(log, R, cut) is None
        assert {record.value for record in await everything(log, "r", 1)} == {b"new"}
        assert await log.holes() == []
    async with opened(tmp_path, *TOPICS) as log:
        assert log.book.begin[R] == 3000


async def test_a_new_stage_holds_retention_from_its_opening_on(tmp_path):
    async with opened(tmp_path, *TOPICS) as log:
        await log.append("r", [Out(b"x", b"v")] * 10)
        await log.open_lane(StageSpec("new", ("r",)), 0)
        assert upkeep.expire(log, R, 2**62) is None
        log.forget_stage("new")
        assert upkeep.expire(log, R, 2**62) is not None


async def test_upkeep_works_on_its_own_while_the_log_is_in_use(tmp_path):
    options = {"upkeep_s": 0.01, "retention_s": 0.01, "dirty_min": 50}
    topics = (TOPICS[0], Topic("r", 1, retention_s=0.05))
    async with opened(tmp_path, *topics, **options) as log:
        for _ in range(10):
            await fill(log, 1)
            await log.append("r", [Out(b"x", b"v")] * 10)
            await asyncio.sleep(0.02)
        assert log.book.begin[R] > 0
        assert len(await everything(log, "c", 1)) < 200


@pytest.mark.parametrize("topic", ["r", "c"])
async def test_a_missing_record_is_found_by_the_search_for_holes(tmp_path, topic):
    async with opened(tmp_path, *TOPICS) as log:
        await log.append(topic, [Out(b"k%d" % n, b"v") for n in range(20)])
        tp = TP(topic, 0)
        for offset in (3, 4, 19):
            log.store.log.delete(LOG_KEY.pack(log.book.topic(topic).id, 0, offset))
        (line,) = await log.holes()
        assert line.startswith(f"{topic}/0: ")
        assert f"of 0..{log.book.ends[tp]}" in line
