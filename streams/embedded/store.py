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

from rocksdict import Checkpoint, Rdict

from streams.embedded import rescue
from streams.embedded.settings import MB, database_options, family_options
from streams.errors import LogInUseError, SetupError
from streams.log import LogCorruptError

FAMILIES = ("log", "state", "index")


class Store:
    """The open database and its handles; `h_...` are the handles that a WriteBatch takes."""

    def __init__(self, path: Path, cache_mb: int) -> None:
        self.path = path
        self._cache_mb = cache_mb
        self.is_open = False
        self._open()

    def _open(self) -> None:
        rescue.finish(self.path)
        try:
            self._open_database()
        except Exception as error:
            explained = _explained(self.path, error)
            if isinstance(explained, SetupError) or not rescue.rescue(
                self.path, self._cache_mb
            ):
                raise explained from error
            self._open_database()
        self._take_handles()
        self.is_open = True

    def _open_database(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        families = family_options(self._cache_mb)
        self.db = Rdict(str(self.path), database_options(), column_families=families)

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
                file.write(bytes(MB))
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
    if "LOCK:" in text:
        return LogInUseError(f"{path} is in use by another process")
    if isinstance(error, OSError) or "No space left" in text or "Permission denied" in text:
        return SetupError(f"{path} cannot be opened: {text}")
    return LogCorruptError(corrupt_message(path, text))


def corrupt_message(path: Path, damage: str) -> str:
    """Return what is damaged and what the operator can do about it."""
    return (
        f"the log in {path} is damaged: {' '.join(damage.split())}. Stop, keep the folder, and "
        f"restore the newest backup: `tillstream restore BACKUP {path}` (made by `tillstream "
        "backup`)"
    )
