"""
Bring back a log whose state files alone are damaged, so that RocksDB refuses to open it.

RocksDB opens a part of the families only for reading. So all but the state is read, checksums
included, into a new folder, which takes the place of the old one; lanes then rebuild the state
from the log. The old folder stays beside it. A damaged log is never touched.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import structlog
from rocksdict import AccessType, Rdict, WriteBatch

from streams.embedded.scanning import scan
from streams.embedded.settings import database_options, family_options

logger = structlog.get_logger(__name__)

SLICE = 2000
KEPT = ("default", "log", "index")


def rescue(path: Path, cache_mb: int) -> bool:
    """Replace the folder by one without state; False where more than the state is damaged."""
    fresh = _fresh(path)
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        _copy(path, fresh, cache_mb)
        damaged = path.with_name(f"{path.name}.damaged-{time.time_ns() // 1_000_000_000}")
        path.rename(damaged)
        fresh.rename(path)
    except Exception as error:  # noqa: BLE001 - the caller reports the first damage
        logger.error("log-rescue-failed", path=str(path), error=str(error))  # noqa: TRY400
        return False
    logger.warning("state-damaged-rebuilding", path=str(path), kept=str(damaged))
    return True


def finish(path: Path) -> None:
    """Complete a rescue that ended between its two renames: an empty log must not begin."""
    if not path.exists() and _fresh(path).exists():
        _fresh(path).rename(path)


def _fresh(path: Path) -> Path:
    return path.with_name(f"{path.name}.rescue")


def _copy(path: Path, fresh: Path, cache_mb: int) -> None:
    families = family_options(cache_mb)
    kept = {name: families[name] for name in KEPT}
    # Without an error on write-ahead logs: what is only in them is read as well.
    access = AccessType.read_only(False)
    source = Rdict(str(path), database_options(), column_families=kept, access_type=access)
    try:
        target = Rdict(str(fresh), database_options(), column_families=families)
        try:
            for name in KEPT:
                _copy_family(source, target, name)
            target.flush_wal(True)
        finally:
            target.close()
    finally:
        source.close()


def _copy_family(source: Any, target: Any, name: str) -> None:
    handle = target.get_column_family_handle(name)
    batch = WriteBatch(raw_mode=True)
    for key, value in scan(source.get_column_family(name), b"", None):
        batch.put(key, value, handle)
        if len(batch) >= SLICE:
            target.write(batch)
            batch = WriteBatch(raw_mode=True)
    target.write(batch)
