"""Taking lanes over: who owns them, from where they go on, and what their tables hold."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace

import pytest

from streams.errors import SetupError
from streams.log import (
    TP,
    Effects,
    FencedError,
    Out,
    Record,
    StageSpec,
    StateBrokenError,
    Table,
    Topic,
)
from tests.streams.shop import everything
from tests.streams.test_kafka_log import opened

pytestmark = pytest.mark.kafka

TOPICS = (
    Topic("facts", 2, compact=True),
    Topic("sums", 2, compact=True),
    Topic("log", 2),
    Topic("notes", 2),
)


def fold(record: Record) -> list[tuple[bytes, bytes | None]]:
    if record.value == b"garbled":
        raise ValueError("not to be read")
    return [(record.key, record.value), (record.key + b"/copy", record.value)]


SPEC = StageSpec(
    "s",
    ("facts",),
    ("log", "notes"),
    (Table("facts", "facts", fold), Table("sums", "sums"), Table("derived", "log", fold)),
)
CATCHING_UP = StageSpec("s", ("facts",), (), (Table("facts", "facts", fold, catch_up=True),))


async def told(log, offset: int) -> None:
    """Wait for the marker of the transaction, which follows the commit within milliseconds."""
    async with asyncio.timeout(5):
        while await log.committed("s", [TP("facts", 0)]) != {TP("facts", 0): offset}:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def facts(log, *pairs):
    await log.append("facts", [Out(key, value, (), 0) for key, value in pairs])


@pytest.fixture(params=["warm", "cold"])
def forget(request, tmp_path):
    """Between two openings the local state stays, or is deleted."""

    def between() -> None:
        if request.param == "cold":
            for folder in (tmp_path / "state").glob("*-*"):
                shutil.rmtree(folder)

    return between


async def test_all_kinds_of_tables_are_there_again(kafka, tmp_path, forget):
    async with opened(kafka, tmp_path, *TOPICS) as log:
        await facts(log, (b"a", b"1"))
        lane = await log.open_lane(SPEC, 0)
        rows = {
            "facts": {b"a": b"1", b"a/copy": b"1"},
            "sums": {b"x": b"7", b"y": b"8"},
            "derived": {b"d": b"9", b"d/copy": b"9"},
        }
        await lane.commit(Effects({"log": [Out(b"d", b"9")]}, rows), {"facts": 1})
        await lane.commit(Effects(rows={"sums": {b"y": None}}), {"facts": 1})
        rows["sums"].pop(b"y")
        assert {name: lane.scan(name, b"") for name in rows} == rows
        await lane.close()
        forget()
        again = await log.open_lane(SPEC, 0)
        assert {name: again.scan(name, b"") for name in rows} == rows
        assert again.positions == {"facts": 1}
        assert again.get("sums", [b"y", b"x"]) == [None, b"7"]


async def test_a_warm_lane_has_nothing_to_fold(kafka, tmp_path):
    async with opened(kafka, tmp_path, *TOPICS) as log:
        lane = await log.open_lane(SPEC, 0)
        effects = Effects({"log": [Out(b"d", b"9")]}, {"sums": {b"x": b"1"}, "derived": {}})
        await lane.commit(effects, {"facts": 0})
        await lane.close()
        assert (await log.open_lane(SPEC, 0)).recovered == 0


async def test_a_source_is_folded_up_to_the_stages_position_only(kafka, tmp_path, forget):
    async with opened(kafka, tmp_path, *TOPICS) as log:
        await facts(log, (b"a", b"1"), (b"b", b"2"), (b"a", b"3"))
        lane = await log.open_lane(SPEC, 0)
        await lane.commit(Effects(rows={"facts": {b"a": b"1"}}), {"facts": 1})
        await lane.close()
        forget()
        again = await log.open_lane(SPEC, 0)
        assert again.get("facts", [b"a", b"b"]) == [b"1", None]
        assert again.positions == {"facts": 1}


async def test_a_table_that_catches_up_has_all_of_its_source_when_the_lane_opens(
    kafka, tmp_path, forget
):
    async with opened(kafka, tmp_path, *TOPICS) as log:
        await facts(log, (b"a", b"1"), (b"b", b"garbled"), (b"c", b"3"))
        lane = await log.open_lane(CATCHING_UP, 0)
        assert lane.get("facts", [b"a", b"b", b"c"]) == [b"1", None, b"3"]
        assert lane.positions == {"facts": 3}
        await told(log, 3)
        await lane.close()
        await facts(log, (b"d", b"4"))
        forget()
        again = await log.open_lane(CATCHING_UP, 0)
        assert again.get("facts", [b"a", b"d/copy"]) == [b"1", b"4"]


async def test_who_opens_a_lane_fences_the_one_before(kafka, tmp_path):
    async with (
        opened(kafka, tmp_path / "one", *TOPICS) as one,
        opened(kafka, tmp_path / "two", *TOPICS) as two,
    ):
        zombie = await one.open_lane(SPEC, 0)
        await zombie.commit(Effects(rows={"sums": {b"x": b"1"}}), {"facts": 0})
        owner = await two.open_lane(SPEC, 0)
        assert owner.get("sums", [b"x"]) == [b"1"]
        with pytest.raises(FencedError):
            await zombie.commit(
                Effects({"notes": [Out(b"n", b"1")]}, {"sums": {b"x": b"2"}}), {"facts": 0}
            )
        await owner.commit(Effects(rows={"sums": {b"x": b"3"}}), {"facts": 0})
        assert [r.value for r in await everything(two, "sums")] == [b"1", b"3"]
        assert await everything(two, "notes") == []


async def test_outputs_of_all_lanes_are_true_together_or_not_at_all(kafka, tmp_path):
    async with opened(kafka, tmp_path, *TOPICS) as log:
        lane = await log.open_lane(SPEC, 0)
        outs = [Out(b"n", b"%d" % n, (), n % 2) for n in range(10)]
        real = lane._producer.commit_transaction

        async def dies():
            raise ConnectionError

        lane._producer.commit_transaction = dies
        with pytest.raises(ConnectionError):
            await lane.commit(Effects({"notes": outs}), {"facts": 0})
        lane._producer.commit_transaction = real
        await lane.close()
        again = await log.open_lane(SPEC, 0)
        assert await everything(log, "notes") == []
        await again.commit(Effects({"notes": outs}), {"facts": 0})
        notes = await everything(log, "notes")
        assert sorted(r.value for r in notes) == sorted(out.value for out in outs)
        assert all(int(r.value) % 2 == r.partition for r in notes)


async def test_positions_that_the_group_forgot_are_found_beside_the_rows(
    kafka, tmp_path, forget
):
    async with opened(kafka, tmp_path, *TOPICS) as log:
        await facts(log, *[(b"a", b"%d" % n) for n in range(9)])
        lane = await log.open_lane(SPEC, 0)
        await lane.commit(Effects(rows={"sums": {b"x": b"1"}}), {"facts": 7})
        await lane.close()
        kafka.admin.delete_groups([log.group("s")])
        assert await log.committed("s", [TP("facts", 0)]) == {TP("facts", 0): 0}
        forget()
        again = await log.open_lane(SPEC, 0)
        assert again.positions == {"facts": 7}
        await told(log, 7)


async def test_a_source_that_was_made_anew_stops_the_lane(kafka, tmp_path):
    async with opened(kafka, tmp_path, *TOPICS) as log:
        await facts(log, *[(b"a", b"1")] * 5)
        lane = await log.open_lane(SPEC, 0)
        await lane.commit(Effects(rows={"sums": {b"x": b"1"}}), {"facts": 5})
    kafka.admin.delete_topics(["facts"])
    async with opened(kafka, tmp_path, *TOPICS) as log:
        await facts(log, (b"a", b"1"))
        with pytest.raises(SetupError, match="facts/0 ends at 1 and stage s has processed up"):
            await log.open_lane(SPEC, 0)


@pytest.mark.parametrize("lanes", [2, 3])
async def test_state_of_another_log_or_number_of_lanes_is_not_used(kafka, tmp_path, lanes):
    async with opened(kafka, tmp_path / "old", *TOPICS) as log:
        lane = await log.open_lane(SPEC, 0)
        await lane.commit(Effects(rows={"sums": {b"x": b"1"}}), {"facts": 0})
    kafka.clear()
    topics = [replace(topic, partitions=lanes) for topic in TOPICS]
    # The new changelog goes on where the old one ended: positions alone would fit.
    rows = {b"%d" % number: b"2" for number in range(10)}
    async with opened(kafka, tmp_path / "new", *topics) as log:
        lane = await log.open_lane(SPEC, 0)
        await lane.commit(Effects(rows={"sums": rows}), {"facts": 0})
    async with opened(kafka, tmp_path / "old", *topics) as log:
        assert (await log.open_lane(SPEC, 0)).scan("sums", b"") == rows


@pytest.mark.parametrize("damage", ["cut", "removed", "garbled"])
async def test_damaged_state_is_folded_anew(kafka, tmp_path, damage):
    rows = {b"%05d" % n: b"%d" % n * 20 for n in range(3000)}
    async with opened(kafka, tmp_path, *TOPICS) as log:
        lane = await log.open_lane(SPEC, 0)
        await lane.commit(Effects(rows={"sums": rows}), {"facts": 0})
        lane.state._db.flush()
    folder = tmp_path / "state" / "s-0"
    tables = list(folder.glob("*.sst"))
    assert tables
    for path in tables:
        if damage == "cut":
            path.write_bytes(path.read_bytes()[:-100])
        elif damage == "removed":
            path.unlink()
    if damage == "garbled":
        (folder / "CURRENT").write_text("nonsense")
    async with opened(kafka, tmp_path, *TOPICS) as log:
        lane = await log.open_lane(SPEC, 0)
        assert lane.scan("sums", b"") == rows
        assert lane.recovered == 3000


async def test_a_damaged_block_met_later_is_broken_state_never_a_missing_row(kafka, tmp_path):
    async with opened(kafka, tmp_path, *TOPICS) as log:
        lane = await log.open_lane(SPEC, 0)
        rows = {b"%05d" % n: b"%d" % n * 20 for n in range(3000)}
        await lane.commit(Effects(rows={"sums": rows}), {"facts": 0})
    for path in (tmp_path / "state" / "s-0").glob("*.sst"):
        content = bytearray(path.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 40] = bytes(40)
        path.write_bytes(content)
    async with opened(kafka, tmp_path, *TOPICS) as log:
        lane = await log.open_lane(SPEC, 0)
        if not lane.recovered:
            with pytest.raises(StateBrokenError):
                lane.scan("sums", b"")
            lane.wipe()
        await lane.close()
        assert (await log.open_lane(SPEC, 0)).scan("sums", b"") == rows


async def test_two_workers_never_share_a_folder(kafka, tmp_path):
    async with (
        opened(kafka, tmp_path, *TOPICS) as one,
        opened(kafka, tmp_path, *TOPICS) as two,
    ):
        await one.open_lane(SPEC, 0)
        with pytest.raises(SetupError, match="another process uses"):
            await two.open_lane(SPEC, 1)
