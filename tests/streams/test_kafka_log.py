"""Appending, reading, and what start-up refuses, on a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from streams.errors import SetupError
from streams.kafka import clients
from streams.kafka.clients import Clients
from streams.kafka.log import KafkaLog
from streams.kafka.options import parse
from streams.kafka.security import Security
from streams.log import TP, LogUnavailableError, Out, Topic, TPOffset, lane_of
from tests.streams.conftest import Kafka
from tests.streams.shop import everything

pytestmark = pytest.mark.kafka

RAW = Topic("raw", 2)


@asynccontextmanager
async def opened(
    kafka: Kafka, folder: Path, *topics: Topic, query: str = ""
) -> AsyncIterator[KafkaLog]:
    """Open a log without stages."""
    log = KafkaLog(Clients(*parse(kafka.url(query)), Security()), kafka.app_id, folder)
    await log.start()
    try:
        await log.create(topics)
        yield log
    finally:
        await log.stop()


@pytest.mark.parametrize("count", [1, 10, 300])
async def test_an_append_says_where_each_record_went_and_a_reader_finds_it_there(
    kafka, tmp_path, count
):
    async with opened(kafka, tmp_path, RAW) as log:
        outs = [Out(b"%d" % n, b"v%d" % n, [("h", b"1")]) for n in range(count)]
        places = [*await log.append("raw", outs), *await log.append("raw", outs)]
        found = {(r.partition, r.offset): r for r in await everything(log, "raw")}
        assert len(found) == 2 * count
        for out, place in zip([*outs, *outs], places, strict=True):
            record = found[place]
            assert (record.key, record.value) == (out.key, out.value)
            assert list(record.headers) == [("h", b"1")]
            assert place.partition == lane_of(out.key, 2)


async def test_a_record_goes_to_its_own_lane_else_to_the_given_one(kafka, tmp_path):
    async with opened(kafka, tmp_path, RAW) as log:
        outs = [Out(b"k", b"1"), Out(b"k", b"2", (), 1)]
        assert await log.append("raw", outs, partition=0) == [TPOffset(0, 0), TPOffset(1, 0)]


@pytest.mark.parametrize("count", [1, 100])
async def test_a_record_of_two_megabytes_is_kept(kafka, tmp_path, count):
    async with opened(kafka, tmp_path, RAW) as log:
        large = Out(b"k", bytes(2 << 20))
        await log.append("raw", [*[Out(b"k", b"small")] * (count - 1), large])
        assert max(len(r.value) for r in await everything(log, "raw")) == 2 << 20


async def test_a_tombstone_is_read_as_one(kafka, tmp_path):
    async with opened(kafka, tmp_path, RAW) as log:
        await log.append("raw", [Out(b"k", None), Out(None, b"v", (), 0)])
        records = {(r.key, r.value) for r in await everything(log, "raw")}
        assert records == {(b"k", None), (None, b"v")}


async def test_a_reader_begins_where_it_is_told_and_waits_for_news(kafka, tmp_path):
    async with opened(kafka, tmp_path, RAW) as log:
        await log.append("raw", [Out(b"k", b"%d" % n) for n in range(5)], partition=0)
        reader = await log.reader({TP("raw", 0): 3})
        chunks = await reader.read(5)
        assert [r.value for r in chunks[TP("raw", 0)].records] == [b"3", b"4"]
        assert await reader.read(0.05) == {}
        waiting = asyncio.create_task(reader.read(5))
        await asyncio.sleep(0.05)
        await log.append("raw", [Out(b"k", b"5")], partition=0)
        assert [r.value for r in (await waiting)[TP("raw", 0)].records] == [b"5"]
        assert reader.positions == {TP("raw", 0): 6}
        await reader.close()


async def test_a_second_start_finds_the_topics_and_the_records(kafka, tmp_path):
    topics = (RAW, Topic("rows", 2, compact=True), Topic("days", 2, retention_s=60.0))
    async with opened(kafka, tmp_path, *topics) as log:
        await log.append("raw", [Out(b"k", b"1")])
    async with opened(kafka, tmp_path, *topics) as log:
        assert len(await everything(log, "raw")) == 1


async def test_another_number_of_lanes_is_refused_by_name(kafka, tmp_path):
    async with opened(kafka, tmp_path, RAW):
        pass
    with pytest.raises(
        SetupError, match=r"raw has partitions 2, needs 3; set TILLSTREAM_LANES"
    ):
        async with opened(kafka, tmp_path, Topic("raw", 3)):
            pass


async def test_a_topic_that_would_lose_records_is_refused_by_name(kafka, tmp_path):
    async with opened(kafka, tmp_path, Topic("raw", 2, retention_s=60.0)):
        pass
    with pytest.raises(SetupError, match=r"raw has retention.ms 60000, needs -1"):
        async with opened(kafka, tmp_path, RAW):
            pass
    with pytest.raises(SetupError, match=r"raw has cleanup.policy delete, needs compact"):
        async with opened(kafka, tmp_path, Topic("raw", 2, compact=True)):
            pass


async def test_without_a_broker_the_operator_is_told_where_none_answers(tmp_path):
    url = "kafka://127.0.0.1:1?session_s=1"
    log = KafkaLog(Clients(*parse(url), Security()), "none", tmp_path)
    with pytest.raises(SetupError, match=r"no broker answers at 127.0.0.1:1"):
        await log.start()


async def test_an_append_that_no_broker_takes_is_unavailable_not_lost_in_silence(
    kafka, tmp_path, monkeypatch
):
    monkeypatch.setattr(clients, "REQUEST_MS", 1000)
    async with opened(kafka, tmp_path, RAW) as log:
        kafka.clear()
        with pytest.raises(LogUnavailableError, match="raw: "):
            await asyncio.wait_for(log.append("raw", [Out(b"k", b"v")], partition=0), 30)
