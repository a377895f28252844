"""Read what is in a partition now, from its beginning to its end."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from streams.log import TP, EventLog, Record

WAIT_S = 1.0


async def records_of(log: EventLog, tp: TP, start: int = 0) -> AsyncGenerator[Record, None]:
    """Yield the records of one partition from `start` up to its end at the time of the call."""
    begin, end = (await log.bounds([tp]))[tp]
    begin = max(begin, start)
    reader = await log.reader({tp: begin})
    try:
        while reader.positions[tp] < end:
            for chunk in (await reader.read(WAIT_S)).values():
                for record in chunk.records:
                    yield record
    finally:
        await reader.close()
