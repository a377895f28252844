"""Retention, compaction and the search for holes: on the event loop, in small slices."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog
from rocksdict import WriteBatch

from streams.embedded.layout import (
    BEGIN,
    CLEAN,
    LOG_KEY,
    NUMBER,
    POSITION,
    PREFIX,
    TOMBSTONE,
    timestamp_of,
)
from streams.embedded.scanning import following, scan
from streams.log import TP

if TYPE_CHECKING:
    from streams.embedded.log import EmbeddedLog

logger = structlog.get_logger(__name__)

SLICE = 500
TOMBSTONES_SLICE = 1000
HOLES_EVERY_S = 86_400.0


async def keep(log: EmbeddedLog) -> None:
    """Look after the log until cancelled; whatever fails is tried again at the next round."""
    expired = searched = time.monotonic()
    while True:
        await asyncio.sleep(log.options.upkeep_s)
        now = time.monotonic()
        try:
            await _compact_all(log)
            if now - expired >= log.options.retention_s:
                expired = now
                await _expire_all(log)
            if now - searched >= HOLES_EVERY_S:
                searched = now
                if report := await holes(log):
                    logger.error("log-holes", report=report)
        except Exception as error:  # noqa: BLE001 - care must go on
            logger.warning("log-upkeep-failed", error=str(error))


async def _compact_all(log: EmbeddedLog) -> None:
    for tp, clean in list(log.book.clean.items()):
        if not log.book.topics[tp.topic].compact:
            continue
        stop = log.book.floor(tp)
        if stop - clean >= log.options.dirty_min:
            while log.book.clean[tp] < stop:
                compact(log, tp)
                await asyncio.sleep(0)
        forget_tombstones(log, tp)
        await asyncio.sleep(0)


def compact(log: EmbeddedLog, tp: TP, limit: int = SLICE) -> None:
    """
    Compact one slice behind the clean part; lazily, so that commits pay nothing for it.

    Never beyond the slowest stage: a table that is rebuilt up to a stage's position must find
    the row that was the newest there.
    """
    store, book = log.store, log.book
    chunk = log.read(tp, book.clean[tp], book.floor(tp), limit)
    newest = {record.key: record.offset for record in chunk.records if record.key is not None}
    prefix, batch = book.prefix(tp), WriteBatch(raw_mode=True)
    older = store.index.get([prefix + key for key in newest]) if newest else []
    for (key, offset), old in zip(newest.items(), older, strict=True):
        if old is not None:
            batch.delete(prefix + old, store.h_log)
        batch.put(prefix + key, NUMBER.pack(offset), store.h_index)
    for record in chunk.records:
        if record.key is not None and newest[record.key] != record.offset:
            batch.delete(prefix + NUMBER.pack(record.offset), store.h_log)
        elif record.key is not None and record.value is None:
            times = NUMBER.pack(record.timestamp) + NUMBER.pack(record.offset)
            batch.put(TOMBSTONE + prefix + times, record.key, store.h_meta)
    batch.put(CLEAN + prefix, NUMBER.pack(chunk.end), store.h_meta)
    log.write_raw(batch)
    book.clean[tp] = chunk.end


def forget_tombstones(log: EmbeddedLog, tp: TP) -> None:
    """
    Delete deletions that readers had time to see.

    The last record of a partition always stays: a position can then reach the end.
    """
    store, prefix = log.store, log.book.prefix(tp)
    before = time.time_ns() // 1_000_000 - int(log.options.tombstones_s * 1000)
    batch, marks = WriteBatch(raw_mode=True), TOMBSTONE + prefix
    for mark, key in scan(store.db, marks, following(marks)):
        if NUMBER.unpack_from(mark, len(marks))[0] >= before or len(batch) > TOMBSTONES_SLICE:
            break
        offset = mark[len(marks) + NUMBER.size :]
        if NUMBER.unpack(offset)[0] + 1 >= log.book.ends[tp]:
            break
        if store.index.get(prefix + key) == offset:
            batch.delete(prefix + offset, store.h_log)
            batch.delete(prefix + key, store.h_index)
        batch.delete(mark, store.h_meta)
    if len(batch):
        log.write_raw(batch)


async def _expire_all(log: EmbeddedLog) -> None:
    for tp in list(log.book.ends):
        topic = log.book.topics[tp.topic]
        if topic.retention_s is None or topic.compact:
            continue
        before = time.time_ns() // 1_000_000 - int(topic.retention_s * 1000)
        if deleted := expire(log, tp, before):
            await _give_space_back(log, deleted)
        await asyncio.sleep(0)


async def _give_space_back(log: EmbeddedLog, deleted: tuple[bytes, bytes]) -> None:
    """Rewrite files now instead of whenever they happen to be; it may take seconds."""
    log.is_shrinking = True

    def shrink() -> None:
        try:
            log.store.log.compact_range(*deleted)
        finally:
            log.is_shrinking = False

    await asyncio.get_running_loop().run_in_executor(None, shrink)


def expire(log: EmbeddedLog, tp: TP, before_ms: int) -> tuple[bytes, bytes] | None:
    """
    Delete records older than `before_ms` that every stage has processed.

    Returns:
        The deleted range of keys, None where nothing was to be deleted.
    """
    book, store, topic = log.book, log.store, log.book.topic(tp.topic)
    cut = min(_first_since(log, tp, before_ms), book.floor(tp))
    if cut <= book.begin[tp]:
        return None
    first = LOG_KEY.pack(topic.id, tp.partition, book.begin[tp])
    last = LOG_KEY.pack(topic.id, tp.partition, cut)
    batch = WriteBatch(raw_mode=True)
    batch.delete_range(first, last, store.h_log)
    batch.put(BEGIN + PREFIX.pack(topic.id, tp.partition), NUMBER.pack(cut), store.h_meta)
    log.write_raw(batch)
    book.begin[tp] = cut
    return first, last


def _first_since(log: EmbeddedLog, tp: TP, before_ms: int) -> int:
    """Return the first offset whose record is not older; timestamps grow with offsets."""
    topic_id, low, high = log.book.topic(tp.topic).id, log.book.begin[tp], log.book.ends[tp]
    while low < high:
        middle = (low + high) // 2
        raw = log.store.log.get(LOG_KEY.pack(topic_id, tp.partition, middle))
        if raw is not None and timestamp_of(raw) >= before_ms:
            high = middle
        else:
            low = middle + 1
    return low


async def holes(log: EmbeddedLog) -> list[str]:
    """
    Read everything, checksums included, and report missing records, one line per partition.

    Damage in old records, which nobody reads any more, is found by this only.

    Raises:
        LogCorruptError: a record cannot be read.
    """
    report = []
    for tp in list(log.book.ends):
        if missing := await _missing(log, tp, log.book.ends[tp]):
            begin, end = log.book.begin[tp], log.book.ends[tp]
            report.append(
                f"{tp.topic}/{tp.partition}: {missing} records missing of {begin}..{end}"
            )
    return report


async def _missing(log: EmbeddedLog, tp: TP, end: int) -> int:
    book = log.book
    compacted = book.topics[tp.topic].compact
    at = expected = book.begin[tp]
    missing = 0
    while at < end:
        chunk = log.read(tp, at, end, SLICE)
        at, expected = chunk.end, max(expected, book.begin[tp])
        for record in chunk.records:
            if record.offset > expected and not (compacted and record.offset < book.clean[tp]):
                missing += record.offset - expected
            expected = record.offset + 1
        await asyncio.sleep(0)
    return missing + (end - expected if end > expected and not compacted else 0)


def forget_stage(log: EmbeddedLog, name: str) -> None:
    """Drop a stage's positions."""
    batch = WriteBatch(raw_mode=True)
    for tp in log.book.positions.pop(name, {}):
        batch.delete(POSITION + log.book.prefix(tp) + name.encode(), log.store.h_meta)
    if len(batch):
        log.write_raw(batch)
