"""
Files of the embedded log: one RocksDB, four column families, one write-ahead log.

One WriteBatch over all families is atomic, so a stage commit needs no recovery code. State is a
family of its own because a damaged one is dropped whole, without reading its files, and because
point look-ups and scans want different options. It is not a database of its own: a crash
between two databases would need the recovery protocol that the single batch makes needless.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rocksdict import (
    BlockBasedOptions,
    Cache,
    Checkpoint,
    DBCompressionType,
    DBRecoveryMode,
    Options,
    Rdict,
)

from streams.errors import SetupError
from streams.log import LogCorruptError

FAMILIES = ("log", "state", "index")
_MB = 1 << 20
_LOG_CACHE_MB = 16
_caches: dict[tuple[str, int], Any] = {}


def _cache(purpose: str, megabytes: int) -> Any:
    """Return the one block cache of this purpose, or scans of the log would evict the state."""
    return _caches.setdefault((purpose, megabytes), Cache(megabytes * _MB))


def _family_options(cache: Any, *, memtable_mb: int, bloom: bool) -> Any:
    options = Options(raw_mode=True)
    options.set_write_buffer_size(memtable_mb * _MB)
    options.set_max_write_buffer_number(3)
    options.set_compression_type(DBCompressionType.lz4())
    blocks = BlockBasedOptions()
    blocks.set_block_cache(cache)
    blocks.set_cache_index_and_filter_blocks(True)
    blocks.set_format_version(5)
    if bloom:
        blocks.set_bloom_filter(10, False)
    options.set_block_based_table_factory(blocks)
    return options


def family_options(cache_mb: int) -> dict[str, Any]:
    """Return the options of each column family; `cache_mb` is shared by state and index."""
    log, state = _cache("log", _LOG_CACHE_MB), _cache("state", cache_mb)
    return {
        "default": _family_options(log, memtable_mb=2, bloom=False),
        "log": _family_options(log, memtable_mb=32, bloom=False),
        "state": _family_options(state, memtable_mb=16, bloom=True),
        "index": _family_options(state, memtable_mb=4, bloom=True),
    }


def database_options() -> Any:
    """Return the options of the database as a whole."""
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.create_missing_column_families(True)
    options.set_max_open_files(256)
    options.set_keep_log_file_num(2)
    options.set_max_background_jobs(2)
    # Rarely written families would pin old write-ahead logs; also bounds the replay of a crash.
    options.set_max_total_wal_size(128 * _MB)
    # The default takes damage in the middle of the write-ahead log for its end and drops, in
    # silence, everything acknowledged behind it.
    options.set_wal_recovery_mode(DBRecoveryMode.tolerate_corrupted_tail_records())
    return options


class Store:
    """The open database and its handles; `h_...` are the handles that a WriteBatch takes."""

    def __init__(self, path: Path, cache_mb: int) -> None:
        self.path = path
        self._cache_mb = cache_mb
        self.is_open = False
        self._open()

    def _open(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.db = Rdict(
                str(self.path),
                database_options(),
                column_families=family_options(self._cache_mb),
            )
        except Exception as error:
            raise _explained(self.path, error) from error
        self._take_handles()
        self.is_open = True

    def _take_handles(self) -> None:
        self.log, self.state, self.index = map(self.db.get_column_family, FAMILIES)
        handle = self.db.get_column_family_handle
        self.h_log, self.h_state, self.h_index = map(handle, FAMILIES)
        self.h_meta = handle("default")

    def _forget_handles(self) -> None:
        # Each of them keeps the lock of the folder.
        self.log = self.state = self.index = None
        self.h_log = self.h_state = self.h_index = self.h_meta = None

    def drop_state(self) -> None:
        """
        Delete all state, also when its files are damaged: dropped files are never read.

        Deleting a range instead would leave a damaged block for a later compaction to find,
        and then RocksDB refuses all writes.
        """
        self.state.close()
        self.state = self.h_state = None
        self.db.drop_column_family("state")
        self.db.create_column_family("state", family_options(self._cache_mb)["state"])
        self._take_handles()

    def checkpoint(self, path: Path) -> None:
        """Make a consistent copy by hard links, online; `path` must not exist."""
        checkpoint = Checkpoint(self.db)
        checkpoint.create_checkpoint(str(path))
        del checkpoint  # it keeps the database open

    def disk_works(self) -> bool:
        """Say whether the folder takes a megabyte now."""
        probe = self.path / "disk.probe"
        try:
            with probe.open("wb") as file:
                file.write(bytes(_MB))
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            return False
        finally:
            probe.unlink(missing_ok=True)
        return True

    def reopen(self) -> None:
        """Close and open again: after a failed write RocksDB refuses all others until then."""
        if self.is_open:
            self.close(failing=True)
        self._open()

    def close(self, *, failing: bool = False) -> None:
        """
        Make everything durable and let go of the folder.

        Args:
            failing: the disk does not work or is busy: what is on it already is all there is.

        Raises:
            Exception: the disk does not take it; never with `failing`. The folder is let go.
        """
        self.is_open = False
        flush = partial(self.db.flush_wal, True)
        cancel = [partial(self.db.cancel_all_background, True)] if failing else []
        families = [family.close for family in (self.log, self.state, self.index) if family]
        errors = [
            error
            for step in (flush, *cancel, *families, self.db.close)
            if (error := _attempt(step)) is not None
        ]
        self._forget_handles()
        del self.db, flush, cancel, families
        if errors and not failing:
            raise errors[0]


def _attempt(step: Callable[[], None]) -> Exception | None:
    try:
        step()
    except Exception as error:  # noqa: BLE001 - the caller decides, after all steps
        return error
    return None


def _explained(path: Path, error: Exception) -> Exception:
    text = str(error)
    if "lock" in text.lower():
        return SetupError(f"{path} is in use by another process; stop it, or use its HTTP API")
    if isinstance(error, OSError) or "No space left" in text or "Permission denied" in text:
        return SetupError(f"{path} cannot be opened: {text}")
    return LogCorruptError(corrupt_message(path, text))


def corrupt_message(path: Path, damage: str) -> str:
    """Return what is damaged and what the operator can do about it."""
    return (
        f"the log in {path} is damaged: {damage}. Stop, keep the folder, and restore "
        f"the newest backup: `tillstream restore BACKUP {path}` (backups: `tillstream backup`)"
    )
