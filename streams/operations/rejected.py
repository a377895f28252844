"""Dead letters: list them, show one, send them through their stage again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from schemas import topics
from streams.errors import SetupError
from streams.log import (
    REDRIVE_STAGE,
    TP,
    Effects,
    EventLog,
    FencedError,
    Headers,
    Out,
    Record,
    StageSpec,
    is_redriven,
)
from streams.reading import records_of

REDRIVEN = "__rejected.redriven"
"""Header of a record without value that marks an earlier letter ("lane/offset") as redriven."""

PIECE = 100
"""Letters sent in one commit."""

SEEN_S = 0.005

SPEC = StageSpec("redrive", (), tuple(topic.name for topic in topics.CATALOGUE))
"""It reads nothing as a stage does: it has only commits, and the fence against a second one."""

_COMPACTED = frozenset(topic.name for topic in topics.CATALOGUE if topic.compact)


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """
    A rejected record.

    Args:
        letter_id: "lane/offset" in `pos.rejected`.
        source: "topic/lane/offset" of the record that was rejected.
        size: bytes of the original value, which is kept as it was.
    """

    letter_id: str
    source: str
    stage: str
    error_type: str
    reason: str
    at: datetime
    size: int
    redriven: bool = False


async def letters(log: EventLog, lanes: int) -> AsyncIterator[tuple[Letter, Record]]:
    """Yield every letter that is still in the log, lane by lane, oldest first."""
    for lane in range(lanes):
        for found in await _of_lane(log, lane):
            yield found


async def _of_lane(log: EventLog, lane: int) -> list[tuple[Letter, Record]]:
    records = [record async for record in records_of(log, TP(topics.REJECTED, lane))]
    redriven = _marked(records)
    found = [(_letter(record), record) for record in records if record.value is not None]
    return [
        (msgspec.structs.replace(letter, redriven=letter.letter_id in redriven), record)
        for letter, record in found
    ]


def _marked(records: Iterable[Record]) -> set[str]:
    """Return the ids of the letters whose marks are among some records."""
    return {
        value.decode()
        for record in records
        for name, value in record.headers
        if name == REDRIVEN
    }


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """
    Which letters are meant; None is any. Redriven ones only where `every` says so.

    Args:
        reason: text that the reason contains, whatever its case.
        ends: letters from these offsets on are not meant, by lane.
    """

    stage: str | None = None
    error_type: str | None = None
    letter_id: str | None = None
    reason: str | None = None
    every: bool = False
    ends: Mapping[int, int] | None = None

    def has(self, letter: Letter) -> bool:
        """Say whether a letter is meant."""
        return (
            (self.every or not letter.redriven)
            and self.stage in (None, letter.stage)
            and self.error_type in (None, letter.error_type)
            and self.letter_id in (None, letter.letter_id)
            and (self.reason or "").casefold() in letter.reason.casefold()
            and (self.ends is None or _is_before(letter.letter_id, self.ends))
        )


def _is_before(letter_id: str, ends: Mapping[int, int]) -> bool:
    lane, offset = map(int, letter_id.split("/"))
    return offset < ends.get(lane, 0)


async def ends_of(log: EventLog, lanes: int) -> dict[int, int]:
    """Return the offset behind the newest letter of each lane."""
    bounds = await log.bounds([TP(topics.REJECTED, lane) for lane in range(lanes)])
    return {tp.partition: end for tp, (_, end) in bounds.items()}


async def chosen(log: EventLog, lanes: int, choice: Choice) -> list[tuple[Letter, Record]]:
    """Return the letters that are meant, with the records they came as."""
    return [found async for found in letters(log, lanes) if choice.has(found[0])]


async def redrive(
    log: EventLog,
    lanes: int,
    choice: Choice,
    progress: Callable[[int, int], None] = lambda _sent, _of: None,
    *,
    most: int | None = None,
) -> int:
    """
    Send letters back to the topic they came from, for the stage that rejected them alone.

    A raw event that comes late changes only what is older. A change that comes late counts
    unless a later revision has bridged the gap that it left. Either way the rows are as if it
    had never failed. A row of a compacted topic is not sent where a newer one of its key has
    been written since. A letter and its mark become true together, so each is sent once,
    wherever this is killed; asked again, it goes on with the rest.

    Args:
        progress: told how many are settled, and of how many.
        most: how many to settle at most; asked again, it goes on with the rest.

    Returns:
        How many were settled.

    Raises:
        SetupError: another process has begun to redrive; what is sent is marked.
    """
    try:
        return await _redrive(log, lanes, choice, progress, most)
    except FencedError as error:
        raise SetupError("another redrive has begun; ask again when it is done") from error


async def _redrive(
    log: EventLog,
    lanes: int,
    choice: Choice,
    progress: Callable[[int, int], None],
    most: int | None,
) -> int:
    meant = Counter(record.partition for _, record in await chosen(log, lanes, choice))
    sent, newest = 0, _Newest(log)
    for number in sorted(meant):
        lane = await log.open_lane(SPEC, number)
        try:
            # Listed again: only now can nobody else be sending them.
            listed = await _of_lane(log, number)
            found = [record for letter, record in listed if choice.has(letter)]
            found = found[: None if most is None else most - sent]
            for at in range(0, len(found), PIECE):
                piece = found[at : at + PIECE]
                await lane.commit(Effects(await _resent(piece, newest)), {})
                sent += len(piece)
                progress(sent, meant.total())
            await _until_seen(log, found)
        finally:
            await lane.close()
    return sent


async def _until_seen(log: EventLog, sent: Sequence[Record]) -> None:
    """Wait until readers see the marks, or who asks at once would send these again."""
    if not sent:
        return
    tp, names = TP(sent[-1].topic, sent[-1].partition), {_letter_id(it) for it in sent}
    while True:
        if names <= _marked([it async for it in records_of(log, tp, sent[-1].offset)]):
            return
        await asyncio.sleep(SEEN_S)


def mark(letter: Record) -> Out:
    """Return the record by which a letter counts as redriven; it belongs into the same lane."""
    return Out(letter.key, None, ((REDRIVEN, _letter_id(letter).encode()),))


async def _resent(piece: Iterable[Record], newest: _Newest) -> dict[str, list[Out]]:
    """Return the records to append for some letters of one lane, marks included."""
    outs: dict[str, list[Out]] = {}
    for record in piece:
        headers = dict(record.headers)
        topic = headers["__rejected.topic"].decode()
        if not await newest.is_after(record, TP(topic, record.partition)):
            original = [
                (name, value)
                for name, value in record.headers
                if not name.startswith("__rejected.") and name != REDRIVE_STAGE
            ]
            stage = (REDRIVE_STAGE, headers["__rejected.stage"])
            again = Out(record.key, record.value, (stage, *original))
            outs.setdefault(topic, []).append(again)
        outs.setdefault(topics.REJECTED, []).append(mark(record))
    return outs


class _Newest:
    """Where the newest record of each key stands, in the compacted topics asked about."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._offsets: dict[TP, dict[bytes | None, int]] = {}

    async def is_after(self, letter: Record, tp: TP) -> bool:
        """Say whether a record came later that replaces the one of a letter."""
        if tp.topic not in _COMPACTED:
            return False
        if tp not in self._offsets:
            self._offsets[tp] = {
                record.key: record.offset
                async for record in records_of(self._log, tp)
                if not is_redriven(record)
            }
        rejected_at = int(dict(letter.headers)["__rejected.offset"])
        return self._offsets[tp].get(letter.key, -1) > rejected_at


def _letter_id(record: Record) -> str:
    return f"{record.partition}/{record.offset}"


def _letter(record: Record) -> Letter:
    named: dict[str, str] = {
        name: value.decode(errors="replace") for name, value in _rejected(record.headers)
    }
    source = "/".join(
        named.get(f"__rejected.{part}", "?") for part in ("topic", "partition", "offset")
    )
    return Letter(
        letter_id=_letter_id(record),
        source=source,
        stage=named.get("__rejected.stage", "?"),
        error_type=named.get("__rejected.error.type", "?"),
        reason=named.get("__rejected.error.reason", "?"),
        at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        size=len(record.value or b""),
    )


def _rejected(headers: Headers) -> Iterable[tuple[str, bytes]]:
    return ((name, value) for name, value in headers if name.startswith("__rejected."))
