"""
Backups of the embedded log: a checkpoint is a folder that can be opened as a log itself.

To restore: stop, move the damaged folder away, copy the backup to its place, start. `restore`
does the copying. Everything appended after the backup is lost: senders must resend; what polls
must fetch again is in the log with everything else.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from streams.embedded.store import Store
from streams.errors import SetupError


def backup(store: Store, path: Path) -> None:
    """
    Make a checkpoint while running: hard links where possible, so copy it to another disk.

    Raises:
        SetupError: `path` is not a new or an empty folder, or cannot be written.
    """
    _refuse_content(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.rmdir()
        store.checkpoint(path)
    except Exception as error:
        raise SetupError(f"no backup in {path}: {error}") from error


def restore(source: Path, path: Path) -> None:
    """
    Copy a backup to where a log shall be; the backup stays as it is.

    Raises:
        SetupError: `source` is no backup, or `path` is not a new or an empty folder.
    """
    if not (source / "CURRENT").is_file():
        raise SetupError(f"{source} is not a backup: it holds no database")
    _refuse_content(path)
    try:
        shutil.copytree(source, path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("LOCK"))
    except OSError as error:
        raise SetupError(f"{source} cannot be copied to {path}: {error}") from error


def _refuse_content(path: Path) -> None:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise SetupError(f"{path} exists and is not an empty folder; name a new one")
