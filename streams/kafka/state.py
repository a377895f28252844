"""
Local state of one lane of one stage: a RocksDB that caches changelog topics.

Nothing here is the truth and all of it may be deleted. One WriteBatch holds rows and the
changelog positions that they reflect, so a crash leaves an older but consistent copy.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import struct
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import structlog
from rocksdict import (
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    Options,
    Rdict,
    WriteBatch,
    WriteBufferManager,
)

from streams.embedded.scanning import following, scan
from streams.errors import SetupError, StateFullError
from streams.log import Rows, StateBrokenError

logger = structlog.get_logger(__name__)

MB = 1 << 20
IDENTITY, POSITION, SOURCES, SEEN = b"\x00i", b"\x00p", b"\x00s", b"\x00t"
_NUMBER = struct.Struct(">Q")
MEMTABLE_MB, MERGED = 32, 8
"""Few large merges cost less than many small ones (docs/benchmarks.md)."""
FULL = tuple(os.strerror(it) for it in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


class StateBusyError(Exception):
    """Another lane object or process still has the files: try again, never wipe."""


class State:
    """
    Rows of the tables of one lane.

    Args:
        identity: what the files must have been made for; others are wiped.

    Raises:
        StateBusyError, StateFullError: the files cannot be opened now; they are left alone.
    """

    def __init__(self, path: Path, identity: str, *, cache_mb: int, buffers_mb: int) -> None:
        self.path = path
        self._identity = identity.encode()
        self._sizes = (cache_mb, buffers_mb)
        self._db: Any = None
        try:
            self._open()
        except (StateBusyError, StateFullError):
            raise
        except Exception as error:  # noqa: BLE001 - truncated and missing files show here
            logger.warning("state-unusable", path=path.name, reason=str(error)[:200])
            self.wipe()

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = Rdict(str(self.path), _options(*self._sizes))
        except Exception as error:
            raise self._meaning(error) from error
        if self._db.get(IDENTITY) != self._identity:
            if self._db.get(IDENTITY) is not None:
                raise StateBrokenError("it belongs to another log")
            self._db.put(IDENTITY, self._identity)

    def wipe(self) -> None:
        """Delete everything and begin empty."""
        self.close()
        shutil.rmtree(self.path, ignore_errors=True)
        self._open()

    @property
    def is_open(self) -> bool:
        """Say whether rows can be read."""
        return self._db is not None

    # -- what the rows reflect

    def position(self, table: str) -> int:
        """Return the changelog offset up to which a table is folded."""
        raw = self._db.get(POSITION + table.encode())
        return _NUMBER.unpack(raw)[0] if raw else 0

    def sources(self) -> dict[str, int]:
        """Return the source positions that the last write of a commit came with."""
        raw = self._db.get(SOURCES)
        return msgspec.json.decode(raw, type=dict[str, int]) if raw else {}

    def age_s(self) -> float:
        """Return the seconds since the last write."""
        raw = self._db.get(SEEN)
        return time.time() - _NUMBER.unpack(raw)[0] if raw else 0.0

    # -- rows

    def get(self, table: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the row of each key, None where there is none."""
        if not keys:
            return []
        prefix = table.encode() + b"\x00"
        try:
            found: list[bytes | None] = self._db.get([prefix + key for key in keys])
        except Exception as error:
            raise StateBrokenError(str(error)) from error
        return found

    def scan(
        self, table: str, prefix: bytes, *, after: bytes | None = None, limit: int | None = None
    ) -> list[tuple[bytes, bytes]]:
        """Return rows whose keys begin with `prefix` and lie behind `after`, in key order."""
        base = table.encode() + b"\x00"
        full, rows = base + prefix, list[tuple[bytes, bytes]]()
        if limit == 0:
            return rows
        start = full if after is None else max(full, base + after + b"\x00")
        try:
            for key, value in scan(self._db, start, following(full)):
                rows.append((key[len(base) :], value))
                if len(rows) == limit:
                    break
        except Exception as error:
            raise StateBrokenError(str(error)) from error
        return rows

    def write(
        self,
        rows: Mapping[str, Rows],
        positions: Mapping[str, int],
        sources: Mapping[str, int] | None = None,
    ) -> None:
        """
        Write rows by table, the position of each table, and those of the sources.

        Raises:
            StateFullError, StateBrokenError: none of it was written; close the state.
        """
        batch = WriteBatch(raw_mode=True)
        for table, changed in rows.items():
            prefix = table.encode() + b"\x00"
            for key, value in changed.items():
                if value is None:
                    batch.delete(prefix + key)
                else:
                    batch.put(prefix + key, value)
        for table, position in positions.items():
            batch.put(POSITION + table.encode(), _NUMBER.pack(position))
        if sources is not None:
            batch.put(SOURCES, msgspec.json.encode(sources))
        batch.put(SEEN, _NUMBER.pack(int(time.time())))
        try:
            self._db.write(batch)
        except Exception as error:
            raise self._meaning(error) from error

    def _meaning(self, error: Exception) -> Exception:
        """Say by the type what to do about an error of RocksDB, which has texts only."""
        text = str(error)
        if any(words in text for words in FULL):
            return _no_room(self.path)
        if "lock" in text.lower():
            return StateBusyError(f"{self.path.name} is in use")
        return StateBrokenError(text)

    def close(self) -> None:
        """Let go of the files."""
        database, self._db = self._db, None
        if database is not None:
            with suppress(Exception):
                database.put(SEEN, _NUMBER.pack(int(time.time())))
            try:
                database.close()
            except Exception as error:  # noqa: BLE001 - what is left is found at the next opening
                logger.warning("state-close-failed", path=self.path.name, reason=str(error))


def _no_room(path: Path) -> StateFullError:
    return StateFullError(f"no room for {path}: make some; it goes on by itself")


def locked(folder: Path) -> int:
    """
    Keep other processes out of a folder of states; the lock ends with its file descriptor.

    Raises:
        SetupError: one is in there, or the folder cannot be written.
        StateFullError: there is no room for the folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "LOCK", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        if error.strerror in FULL:
            raise _no_room(folder) from None
        hint = "set TILLSTREAM_DATA_DIR to a folder that can be written"
        raise SetupError(f"{folder}: {error.strerror}; {hint}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise SetupError(
            f"another process uses {folder}; give each its own TILLSTREAM_DATA_DIR"
        ) from error
    return lock


def warm_lanes(folder: Path) -> set[int]:
    """Return the lanes of which there is local state: `folder` holds one per stage and lane."""
    if not folder.is_dir():
        return set()
    numbers = (path.name.rpartition("-")[2] for path in folder.iterdir())
    return {int(number) for number in numbers if number.isdigit()}


@lru_cache
def _cache(megabytes: int) -> Any:
    return Cache(megabytes * MB)


@lru_cache
def _buffers(megabytes: int) -> Any:
    return WriteBufferManager(megabytes * MB, False)


def _options(cache_mb: int, buffers_mb: int) -> Any:
    """Return options that bound memory: one cache, one sum of write buffers for all lanes."""
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_manager(_buffers(buffers_mb))
    options.set_write_buffer_size(MEMTABLE_MB * MB)
    options.set_max_write_buffer_number(3)
    options.set_level_zero_file_num_compaction_trigger(MERGED)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_max_open_files(64)
    options.set_keep_log_file_num(2)
    options.set_max_background_jobs(2)
    blocks = BlockBasedOptions()
    blocks.set_block_cache(_cache(cache_mb))
    blocks.set_cache_index_and_filter_blocks(True)
    blocks.set_format_version(5)
    blocks.set_bloom_filter(10, False)
    options.set_block_based_table_factory(blocks)
    return options
