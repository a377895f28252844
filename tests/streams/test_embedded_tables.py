"""How far a table is rebuilt, and from what."""

from __future__ import annotations

import pytest

from streams.embedded import upkeep
from streams.log import TP, Effects, Out, Record, StageSpec, StateBrokenError, Table, Topic
from tests.streams.shop import opened

TOPICS = (Topic("facts", 1, compact=True), Topic("sums", 1, compact=True), Topic("log", 1))
FACTS = TP("facts", 0)


def fold(record: Record) -> list[tuple[bytes, bytes | None]]:
    if record.value == b"garbled":
        raise ValueError("not to be read")
    return [(record.key, record.value), (record.key + b"/copy", record.value)]


SPEC = StageSpec(
    "s",
    ("facts",),
    ("log",),
    (Table("facts", "facts", fold), Table("sums", "sums"), Table("derived", "log", fold)),
)


async def facts(log, *pairs):
    await log.append("facts", [Out(key, value) for key, value in pairs])


async def test_a_table_folded_from_a_source_is_rebuilt_up_to_the_stages_position_only(tmp_path):
    async with opened(tmp_path, *TOPICS) as log:
        await facts(log, (b"a", b"1"), (b"b", b"2"), (b"a", b"3"))
        lane = await log.open_lane(SPEC, 0)
        await lane.commit(Effects(rows={"facts": {b"a": b"1"}}), {"facts": 2})
        lane.wipe()
        with pytest.raises(StateBrokenError):
            lane.get("facts", [b"a"])
        again = await log.open_lane(SPEC, 0)
        rows = again.scan("facts", b"")
        assert rows == {b"a": b"1", b"a/copy": b"1", b"b": b"2", b"b/copy": b"2"}
        assert again.positions == {"facts": 2}


async def test_a_compacted_source_still_gives_what_was_the_newest_at_the_position(tmp_path):
    async with opened(tmp_path, *TOPICS) as log:
        lane = await log.open_lane(SPEC, 0)
        await facts(log, (b"a", b"1"), (b"b", b"2"), (b"a", b"3"))
        await lane.commit(Effects(), {"facts": 2})
        while log.book.clean[FACTS] < log.book.floor(FACTS):
            upkeep.compact(log, FACTS)
        log.drop_state(0)
        assert (await log.open_lane(SPEC, 0)).get("facts", [b"a"]) == [b"1"]


async def test_a_source_record_that_cannot_be_folded_stands_for_no_rows(tmp_path):
    async with opened(tmp_path, *TOPICS) as log:
        await facts(log, (b"a", b"1"), (b"b", b"garbled"), (b"c", b"3"))
        lane = await log.open_lane(SPEC, 0)
        await lane.commit(Effects(), {"facts": 3})
        lane.wipe()
        assert list((await log.open_lane(SPEC, 0)).scan("facts", b"c")) == [b"c", b"c/copy"]


async def test_rows_and_deletions_of_a_logged_table_are_its_changelog(tmp_path):
    async with opened(tmp_path, *TOPICS) as log:
        lane = await log.open_lane(SPEC, 0)
        await lane.commit(Effects(rows={"sums": {b"a": b"1", b"b": b"2"}}), {"facts": 0})
        await lane.commit(Effects(rows={"sums": {b"a": None}}), {"facts": 0})
        records = log.read(TP("sums", 0), 0, 9, 9).records
        assert [(r.key, r.value) for r in records] == [(b"a", b"1"), (b"b", b"2"), (b"a", None)]
        assert lane.get("sums", [b"a", b"b"]) == [None, b"2"]
        lane.wipe()
        again = await log.open_lane(SPEC, 0)
        assert again.scan("sums", b"") == {b"b": b"2"}
        assert again.recovered == 3


async def test_a_table_folded_from_outputs_writes_nothing_but_the_outputs(tmp_path):
    async with opened(tmp_path, *TOPICS) as log:
        lane = await log.open_lane(SPEC, 0)
        rows = {b"a": b"1", b"a/copy": b"1"}
        await lane.commit(Effects({"log": [Out(b"a", b"1")]}, {"derived": rows}), {"facts": 0})
        assert log.book.ends[TP("log", 0)] == 1
        lane.wipe()
        assert (await log.open_lane(SPEC, 0)).scan("derived", b"") == rows


async def test_a_rebuild_that_is_interrupted_starts_over(tmp_path):
    async with opened(tmp_path, *TOPICS) as log:
        lane = await log.open_lane(SPEC, 0)
        outs = [Out(b"%d" % n, b"1") for n in range(2500)]
        rows = {row: b"1" for out in outs for row in (out.key, out.key + b"/copy")}
        await lane.commit(Effects({"log": outs}, {"derived": rows}), {"facts": 0})
        lane.wipe()
        seen = []

        def dies(record):
            seen.append(record)
            if len(seen) == 2000:
                raise MemoryError
            return fold(record)

        broken = StageSpec("s", ("facts",), ("log",), (Table("derived", "log", dies),))
        with pytest.raises(MemoryError):
            await log.open_lane(broken, 0)
        assert (await log.open_lane(SPEC, 0)).scan("derived", b"") == rows


async def test_a_commit_of_a_lane_whose_state_was_dropped_is_refused_whole(tmp_path):
    async with opened(tmp_path, *TOPICS) as log:
        lane = await log.open_lane(SPEC, 0)
        log.drop_state(0)
        with pytest.raises(StateBrokenError):
            await lane.commit(Effects({"log": [Out(b"a", b"1")]}), {"facts": 1})
        assert log.book.ends[TP("log", 0)] == 0
        assert await log.committed("s", [FACTS]) == {FACTS: 0}


async def test_lanes_and_stages_never_see_each_others_rows(tmp_path):
    other = StageSpec("other", ("facts",), (), (Table("sums", "sums"),))
    topics = [Topic(topic.name, 2, compact=topic.compact) for topic in TOPICS]
    async with opened(tmp_path, *topics) as log:
        mine = await log.open_lane(SPEC, 0)
        await mine.commit(Effects(rows={"sums": {b"a": b"1"}}), {"facts": 0})
        assert (await log.open_lane(SPEC, 1)).scan("sums", b"") == {}
        assert (await log.open_lane(other, 1)).scan("sums", b"") == {}
        assert mine.scan("sums", b"") == {b"a": b"1"}
