"""How far a long operation is, on disk: after a kill it goes on where it was."""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

from streams.errors import SetupError


class _Kept(msgspec.Struct):
    question: str
    lanes: dict[int, int]


class Position:
    """
    The next position of each lane, of one operation and one question.

    Args:
        question: all that decides what the operation does; another question begins anew.
    """

    def __init__(self, folder: Path, operation: str, question: str) -> None:
        name = sha256(question.encode()).hexdigest()[:12]
        self._path = folder / "operations" / f"{operation}-{name}.json"
        self._kept = _Kept(question, {})
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except (OSError, msgspec.MsgspecError):
            return
        if kept.question == question:
            self._kept = kept

    @property
    def lanes(self) -> dict[int, int]:
        """Return where to go on; lanes that are not here have not begun."""
        return dict(self._kept.lanes)

    def reached(self, lanes: Mapping[int, int]) -> None:
        """
        Keep how far some lanes are; durable when this returns.

        Raises:
            SetupError: there is no place for it.
        """
        self._kept.lanes.update(lanes)
        try:
            self._write()
        except OSError as error:
            raise SetupError(
                f"{self._path.parent} cannot keep how far this is ({error.strerror}); "
                "set TILLSTREAM_DATA_DIR to a folder that can be written"
            ) from None

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".new")
        with draft.open("wb") as file:
            file.write(msgspec.json.encode(self._kept))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)

    def forget(self) -> None:
        """Let the next time begin anew."""
        self._kept.lanes.clear()
        self._path.unlink(missing_ok=True)
