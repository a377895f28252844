"""
Records of a topic as a person may see them: decoded, and nothing personal in clear.

What is sealed stays sealed and shows its size; customers, people at work and digits of
cards are hidden; of topics without a public schema only sizes and headers are told.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from schemas.codec import UndecodableError, decode
from schemas.topics import CATALOGUE
from streams.errors import SetupError
from streams.log import TP, Chunk, EventLog, Record

WAIT_S = 1.0
PAGE, LOOKED_MAX = 500, 20_000
"""Records of one page, and records that are looked at for it."""

HIDDEN = "[hidden]"
PERSONAL = frozenset(
    {
        "customer",
        "cashier",
        "changed_by",
        "run_as",
        "message",
        "last_four",
        "personal",
        "sha256",
    }
)
"""Names of fields that tell of a person, or let a key be guessed."""

BEGIN, END = "begin", "end"
_RECORDS = {spec.name: spec.record for spec in CATALOGUE}


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """
    One record.

    Args:
        at: when it was appended.
        key: as text; what is no UTF-8 in hexadecimal.
        size: bytes of the value; 0 where the record deletes its key.
        value: the decoded record; None for tombstones and for bytes without a public schema.
        note: why there is no value.
    """

    topic: str
    lane: int
    offset: int
    at: datetime
    key: str | None
    size: int
    headers: dict[str, str]
    value: dict[str, Any] | None = None
    note: str = ""

    @property
    def account_id(self) -> str | None:
        """Return whose record it is, where that can be told."""
        value = self.value or {}
        return value.get("account_id") or value.get("pos_account_id")


def check_topic(topic: str) -> None:
    """
    Refuse a topic that is none of ours.

    Raises:
        SetupError: names those that there are.
    """
    if topic not in _RECORDS:
        raise SetupError(f"no topic {topic!r}; there are: {', '.join(sorted(_RECORDS))}")


def seen(record: Record) -> Seen:
    """Return a record as it may be shown."""
    value, note = _value(record)
    return Seen(
        topic=record.topic,
        lane=record.partition,
        offset=record.offset,
        at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        key=None if record.key is None else _text(record.key),
        size=len(record.value or b""),
        headers={name: _text(value) for name, value in record.headers},
        value=value,
        note=note,
    )


def _value(record: Record) -> tuple[dict[str, Any] | None, str]:
    if record.value is None:
        return None, "deletes its key"
    kind = _RECORDS[record.topic]
    if kind is None:
        return None, "no public schema"
    try:
        decoded = decode(kind, record.value)
    except UndecodableError as error:
        return None, str(error)
    plain = msgspec.to_builtins(decoded, builtin_types=(bytes,))
    shown: dict[str, Any] = _shown(plain)
    return shown, ""


def _shown(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"[sealed, {len(value)} bytes]"
    if isinstance(value, dict):
        return {
            name: HIDDEN if name in PERSONAL and item is not None else _shown(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value]
    return value


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.hex()


async def positions_from(
    log: EventLog, topic: str, lanes: Sequence[int], start: str
) -> dict[TP, int]:
    """
    Return where to begin in each lane.

    Args:
        start: "begin", "end", an offset, or a time (ISO 8601, UTC where it names no zone): the
            first record that was appended then or later.

    Raises:
        SetupError: it is none of these.
    """
    bounds = await log.bounds([TP(topic, lane) for lane in lanes])
    if start in (BEGIN, END):
        return {tp: both[start == END] for tp, both in bounds.items()}
    if start.isascii() and start.isdigit():
        return {tp: min(max(int(start), begin), end) for tp, (begin, end) in bounds.items()}
    try:
        moment = datetime.fromisoformat(start)
    except ValueError:
        raise SetupError(f"--from {start}: give begin, end, an offset or a time") from None
    moment_ms = int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
    return {
        tp: await _offset_at(log, tp, begin, end, moment_ms)
        for tp, (begin, end) in bounds.items()
    }


async def _offset_at(log: EventLog, tp: TP, begin: int, end: int, moment_ms: int) -> int:
    """Halve the range until it is found: appended times do not go back within a lane."""
    while begin < end:
        middle = (begin + end) // 2
        record = await _first(log, tp, middle, end)
        if record is not None and record.timestamp < moment_ms:
            begin = record.offset + 1
        else:
            end = middle
    return end


async def _first(log: EventLog, tp: TP, offset: int, end: int) -> Record | None:
    """Return the first record at or behind an offset; compaction leaves holes."""
    reader = await log.reader({tp: offset})
    try:
        while reader.positions[tp] < end:
            for chunk in (await reader.read(WAIT_S)).values():
                if chunk.records:
                    return chunk.records[0]
        return None
    finally:
        await reader.close()


class TopicPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some records; `after` ("lane:offset,…") asks for those behind them."""

    items: list[Seen]
    after: str
    at_end: bool


async def page_of(
    log: EventLog, start: Mapping[TP, int], account_id: str | None, size: int = PAGE
) -> TopicPage:
    """Return at most `size` records from these positions, lane by lane, and where it ended."""
    ends = {tp: end for tp, (_, end) in (await log.bounds(start)).items()}
    items: list[Seen] = []
    at, left = dict(start), LOOKED_MAX
    for tp, end in ends.items():
        reader = await log.reader({tp: at[tp]})
        try:
            while at[tp] < end and len(items) < size and left > 0:
                for chunk in (await reader.read(WAIT_S)).values():
                    left -= len(chunk.records)
                    at[tp] = _take(items, chunk, account_id, size)
                await asyncio.sleep(0)
        finally:
            await reader.close()
    return TopicPage(
        items=items,
        after=",".join(f"{tp.partition}:{offset}" for tp, offset in at.items()),
        at_end=all(at[tp] >= end for tp, end in ends.items()),
    )


def _take(items: list[Seen], chunk: Chunk, account_id: str | None, size: int) -> int:
    """Add what belongs to the page; return the position behind the last record looked at."""
    for record in chunk.records:
        if len(items) >= size:
            return record.offset
        shown = seen(record)
        if account_id in (None, shown.account_id):
            items.append(shown)
    return chunk.end


async def tail(
    log: EventLog,
    start: Mapping[TP, int],
    *,
    account_id: str | None = None,
    follow: bool = False,
) -> AsyncGenerator[Seen, None]:
    """Yield records from these positions to the end of now, or for ever."""
    ends = {tp: end for tp, (_, end) in (await log.bounds(start)).items()}
    reader = await log.reader(start)
    try:
        while follow or any(reader.positions[tp] < end for tp, end in ends.items()):
            read = (await reader.read(WAIT_S)).values()
            records = [record for chunk in read for record in chunk.records]
            for record in sorted(records, key=lambda it: it.timestamp):
                if not follow and record.offset >= ends[TP(record.topic, record.partition)]:
                    continue
                shown = seen(record)
                if account_id in (None, shown.account_id):
                    yield shown
    finally:
        await reader.close()
