"""Dead letters: list them, show one, send them through their stage again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime

import msgspec

from schemas import topics
from streams.log import REDRIVE_STAGE, TP, EventLog, Headers, Out, Record, is_redriven
from streams.reading import records_of

REDRIVEN = "__rejected.redriven"
"""Header of a record without value that marks an earlier letter ("lane/offset") as redriven."""


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
        records = [record async for record in records_of(log, TP(topics.REJECTED, lane))]
        redriven = {
            value.decode()
            for record in records
            for name, value in record.headers
            if name == REDRIVEN
        }
        for record in records:
            if record.value is not None:
                letter = _letter(record)
                yield (
                    msgspec.structs.replace(letter, redriven=letter.letter_id in redriven),
                    record,
                )


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """
    Which letters are meant; None is any. Redriven ones only where `every` says so.

    Args:
        reason: text that the reason contains, whatever its case.
    """

    stage: str | None = None
    error_type: str | None = None
    letter_id: str | None = None
    reason: str | None = None
    every: bool = False

    def has(self, letter: Letter) -> bool:
        """Say whether a letter is meant."""
        return (
            (self.every or not letter.redriven)
            and self.stage in (None, letter.stage)
            and self.error_type in (None, letter.error_type)
            and self.letter_id in (None, letter.letter_id)
            and (self.reason or "").casefold() in letter.reason.casefold()
        )


async def chosen(log: EventLog, lanes: int, choice: Choice) -> list[tuple[Letter, Record]]:
    """Return the letters that are meant, with the records they came as."""
    return [found async for found in letters(log, lanes) if choice.has(found[0])]


async def redrive(
    log: EventLog, chosen: Iterable[Record], sent_so_far: Callable[[int], None] | None = None
) -> int:
    """
    Send letters back to the topic they came from, for the stage that rejected them alone.

    A raw event that comes late changes only what is older. A change that comes late counts
    unless a later revision has bridged the gap that it left. Either way the rows are as if it
    had never failed. A row of a compacted topic is not sent where a newer one of its key has
    been written since. Returns how many were settled; each is marked, so that the next listing
    knows; one that is killed goes on with the rest when it is asked again.
    """
    sent, newest = 0, _Newest(log)
    for record in chosen:
        headers = dict(record.headers)
        original = [
            (name, value)
            for name, value in record.headers
            if not name.startswith("__rejected.") and name != REDRIVE_STAGE
        ]
        topic = headers["__rejected.topic"].decode()
        stage = headers["__rejected.stage"]
        out = Out(record.key, record.value, ((REDRIVE_STAGE, stage), *original))
        if not await newest.is_after(record, TP(topic, record.partition)):
            await log.append(topic, [out], record.partition)
        mark = f"{record.partition}/{record.offset}".encode()
        await log.append(
            topics.REJECTED, [Out(record.key, None, ((REDRIVEN, mark),))], record.partition
        )
        sent += 1
        if sent_so_far is not None:
            sent_so_far(sent)
    return sent


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


def _letter(record: Record) -> Letter:
    named: dict[str, str] = {
        name: value.decode(errors="replace") for name, value in _rejected(record.headers)
    }
    source = "/".join(
        named.get(f"__rejected.{part}", "?") for part in ("topic", "partition", "offset")
    )
    return Letter(
        letter_id=f"{record.partition}/{record.offset}",
        source=source,
        stage=named.get("__rejected.stage", "?"),
        error_type=named.get("__rejected.error.type", "?"),
        reason=named.get("__rejected.error.reason", "?"),
        at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        size=len(record.value or b""),
    )


def _rejected(headers: Headers) -> Iterable[tuple[str, bytes]]:
    return ((name, value) for name, value in headers if name.startswith("__rejected."))
