"""Run a step over a chunk; where it raises, halve the chunk until the poison is alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import structlog

from streams.errors import SetupError
from streams.log import (
    INTERNAL_ERROR,
    DeadLetter,
    Effects,
    LogCorruptError,
    LogUnavailableError,
    Record,
    Rows,
    StateBrokenError,
    StateView,
    Step,
)

logger = structlog.get_logger(__name__)

INFRASTRUCTURE = (
    StateBrokenError,
    LogCorruptError,
    LogUnavailableError,
    SetupError,
    MemoryError,
)
"""Never a record's fault, so never a reason to put records aside."""


class TooManyInternalErrorsError(Exception):
    """So many records of one chunk make a step raise that it is a bug of ours, not data."""


class OverlaidState:
    """The committed rows of a lane, and above them the rows of earlier parts of the chunk."""

    def __init__(self, committed: StateView) -> None:
        self._committed = committed
        self._layers: list[dict[str, Rows]] = []

    def push(self, rows: dict[str, Rows]) -> None:
        """Let the rows of a left half be seen by the right half."""
        self._layers.append(rows)

    def pop(self) -> None:
        """Forget the newest layer."""
        self._layers.pop()

    def get(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the row of each key, None where there is none."""
        found = self._committed.get(table, keys) if keys else []
        for layer in self._layers:
            if rows := layer.get(table):
                found = [rows.get(key, row) for key, row in zip(keys, found, strict=True)]
        return found

    def scan(self, table: str, prefix: bytes) -> dict[bytes, bytes]:
        """Return all rows whose key begins with `prefix`, in key order."""
        found = self._committed.scan(table, prefix)
        if not self._layers:
            return found
        merged: Rows = dict(found)
        for layer in self._layers:
            rows = layer.get(table, {})
            merged.update((key, row) for key, row in rows.items() if key.startswith(prefix))
        return {key: row for key in sorted(merged) if (row := merged[key]) is not None}


class Bisection:
    """
    One run of a step over one chunk.

    Args:
        internal_errors_max: more records than this that make the step raise are a bug.
    """

    def __init__(self, step: Step, committed: StateView, internal_errors_max: int) -> None:
        self._step = step
        self._state = OverlaidState(committed)
        self._max = internal_errors_max
        self._internal_errors = 0

    def run(self, records: Sequence[Record]) -> Effects:
        """
        Return the effects; order and result are as if the poison records were not there.

        Raises:
            TooManyInternalErrorsError: the lane must stop and try again later.
        """
        if not records:
            return Effects()
        try:
            return self._step(records, self._state)
        except INFRASTRUCTURE:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a step raises, the lane goes on
            if len(records) == 1:
                return self._put_aside(records[0], error)
        return self._halves(records)

    def _halves(self, records: Sequence[Record]) -> Effects:
        middle = len(records) // 2
        left = self.run(records[:middle])
        self._state.push(left.rows)
        try:
            right = self.run(records[middle:])
        finally:
            self._state.pop()
        return left.then(right)

    def _put_aside(self, record: Record, error: Exception) -> Effects:
        self._internal_errors += 1
        name, place = type(error).__qualname__, where(error.__traceback__)
        if self._internal_errors > self._max:
            raise TooManyInternalErrorsError(
                f"over {self._max} records of one chunk fail, the last with {name} at {place}"
            ) from error
        logger.error(
            "record-put-aside",
            topic=record.topic,
            lane=record.partition,
            offset=record.offset,
            error=name,
            where=place,
        )
        return Effects(rejected=[DeadLetter(record, INTERNAL_ERROR, name)])


def where(traceback: TracebackType | None) -> str:
    """Return file and line of the innermost frame: says where without saying what data."""
    place = "nowhere"
    while traceback is not None:
        file = Path(traceback.tb_frame.f_code.co_filename).name
        place = f"{file}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place
