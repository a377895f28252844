"""Appending, reading and settings of the embedded log."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from streams.embedded.layout import pack, unpack
from streams.embedded.options import EmbeddedOptions, parse
from streams.embedded.store import _explained
from streams.errors import LogInUseError, SetupError
from streams.log import (
    TP,
    LogCorruptError,
    LogUnavailableError,
    Out,
    Topic,
    UndeclaredError,
    lane_of,
)
from streams.runtime import open_log
from tests.streams.shop import everything, opened

PLAIN, COMPACT = Topic("plain", 2), Topic("compact", 2, compact=True)


@pytest.mark.parametrize("key", [None, b"", b"key"])
@pytest.mark.parametrize("value", [None, b"", b"value"])
@pytest.mark.parametrize("headers", [[], [("a", b""), ("ce_é", b"\x00\xff")]])
def test_a_record_comes_back_as_it_was_packed(key, value, headers):
    record = unpack("t", 3, 7, pack(1234, key, value, headers))
    assert (record.topic, record.partition, record.offset) == ("t", 3, 7)
    assert (record.timestamp, record.key, record.value) == (1234, key, value)
    assert list(record.headers) == headers


async def test_an_append_says_where_each_record_went_and_a_reader_finds_it_there(tmp_path):
    async with opened(tmp_path, PLAIN) as log:
        outs = [Out(b"%d" % n, b"v%d" % n) for n in range(10)]
        places = await log.append("plain", outs)
        found = {(r.partition, r.offset): r.value for r in await everything(log, "plain")}
        assert [found[place] for place in places] == [out.value for out in outs]
        assert [place.partition for place in places] == [lane_of(out.key, 2) for out in outs]


async def test_a_record_goes_to_its_own_lane_else_to_the_given_one_else_by_its_key(tmp_path):
    async with opened(tmp_path, PLAIN) as log:
        away = 1 - lane_of(b"k", 2)
        (first,) = await log.append("plain", [Out(b"k", b"", (), away)])
        (second,) = await log.append("plain", [Out(b"k", b"")], partition=away)
        (third,) = await log.append("plain", [Out(b"k", b"")])
        assert [p.partition for p in (first, second, third)] == [away, away, 1 - away]


async def test_what_was_appended_is_there_after_a_restart(tmp_path):
    async with opened(tmp_path, PLAIN, COMPACT) as log:
        await log.append("plain", [Out(b"a", b"1"), Out(b"b", b"2")])
        ends = dict(log.book.ends)
    async with opened(tmp_path, PLAIN) as log:
        assert log.book.ends == ends
        assert {r.key for r in await everything(log, "plain")} == {b"a", b"b"}


async def test_callers_that_append_at_once_share_a_write_and_keep_their_order(tmp_path):
    async with opened(tmp_path, PLAIN) as log:
        calls = [log.append("plain", [Out(b"k", b"%d" % n)]) for n in range(200)]
        places = [place for (place,) in await asyncio.gather(*calls)]
        assert [place.offset for place in places] == list(range(200))
        assert [r.value for r in await everything(log, "plain")] == [
            b"%d" % n for n in range(200)
        ]


async def test_one_callers_bad_record_harms_no_other_caller(tmp_path):
    async with opened(tmp_path, PLAIN, COMPACT) as log:
        good = asyncio.ensure_future(log.append("compact", [Out(b"k", b"v")]))
        with pytest.raises(ValueError, match="without key"):
            await log.append("compact", [Out(b"x", b""), Out(None, b"v", (), 0)])
        with pytest.raises(ValueError, match="without key"):
            await log.append("plain", [Out(None, b"v")])
        with pytest.raises(ValueError, match="no partition"):
            await log.append("plain", [Out(b"k", b"v", (), 2)])
        with pytest.raises(UndeclaredError):
            await log.append("nowhere", [Out(b"k", b"v")])
        assert len(await good) == 1
        assert [r.key for r in await everything(log, "compact")] == [b"k"]


async def test_a_reader_sees_only_what_is_on_the_disk(tmp_path):
    async with opened(tmp_path, PLAIN) as log:
        reader = await log.reader({TP("plain", 0): 0})
        batch = log.batch()
        batch.records(TP("plain", 0), [(b"k", b"v", ())])
        log.write(batch)
        assert (await log.bounds([TP("plain", 0)]))[TP("plain", 0)] == (0, 0)
        assert log.book.ends[TP("plain", 0)] == 1
        (chunk,) = (await reader.read(1.0)).values()
        assert [r.value for r in chunk.records] == [b"v"]
        assert (await log.bounds([TP("plain", 0)]))[TP("plain", 0)] == (0, 1)
        assert await reader.read(0.01) == {}
        await reader.close()


async def test_without_sync_an_append_is_visible_at_once(tmp_path):
    async with opened(tmp_path, PLAIN, sync=0) as log:
        await log.append("plain", [Out(b"k", b"v")])
        assert len(await everything(log, "plain")) == 1


async def test_a_topic_never_changes_its_number_of_partitions(tmp_path):
    async with opened(tmp_path, PLAIN) as log:
        with pytest.raises(SetupError, match="has 2 partitions and the setting asks for 3"):
            await log.create([Topic("plain", 3)])
        await log.create([Topic("plain", 2, retention_s=5.0)])
    async with opened(tmp_path) as log:
        assert log.book.topic("plain").retention_s == 5.0


async def test_a_second_process_on_the_same_folder_is_told_so(tmp_path):
    code = f"from streams.runtime import open_log; open_log({str(tmp_path / 'log')!r})"
    async with opened(tmp_path, PLAIN):
        second = subprocess.run(  # noqa: ASYNC221, S603 - nothing else runs here
            [sys.executable, "-W", "ignore", "-c", code],
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode != 0
        assert "LogInUseError" in second.stderr
        assert "in use by another process" in second.stderr


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        ("Corruption: block checksum mismatch in 000009.sst", LogCorruptError),
        ("IO error: While lock file: /a/LOCK: Resource temporarily unavailable", LogInUseError),
        ("IO error: No space left on device: while open a file for appending", SetupError),
    ],
)
def test_what_keeps_a_log_from_opening_is_told_apart(tmp_path, damage, kind):
    assert type(_explained(tmp_path, Exception(damage))) is kind


async def test_a_batch_that_is_not_written_leaves_no_trace(tmp_path):
    async with opened(tmp_path, PLAIN) as log:
        log.batch().records(TP("plain", 0), [(b"k", b"v", ())])
        log._failure = LogUnavailableError("no disk")
        with pytest.raises(LogUnavailableError):
            await log.append("plain", [Out(b"k", b"v")])
        log._failure = None
        (place,) = await log.append("plain", [Out(b"k", b"v")], partition=0)
        assert place.offset == 0


@pytest.mark.parametrize(
    ("url", "path", "options"),
    [
        ("embedded:///var/log", "/var/log", EmbeddedOptions()),
        ("/var/log", "/var/log", EmbeddedOptions()),
        ("some/folder", "some/folder", EmbeddedOptions()),
        ("embedded:///a%20b?sync=0&chunk=64", "/a b", EmbeddedOptions(sync=0, chunk=64)),
    ],
)
def test_a_url_names_a_folder_and_options(url, path, options):
    assert (str(parse(url)[0]), parse(url)[1]) == (path, options)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("embedded:///a?chnk=3", "unknown option"),
        ("embedded:///a?chunk=many", "not a number"),
        ("embedded:///a?chunk=0", "greater than 0"),
        ("embedded:///a?sync=2", "give 0 or 1"),
        ("embedded://", "no folder"),
        ("kafka://host:9092", "for the embedded log"),
        ("redis://host", "unknown"),
    ],
)
def test_a_wrong_url_is_refused_with_what_is_wrong(url, says):
    with pytest.raises(SetupError, match=says):
        open_log(url)
