"""A full disk: appends are refused whole, and work again when the disk does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.chaos
@pytest.mark.parametrize("sync", [0, 1])
def test_a_full_disk_refuses_appends_and_loses_and_doubles_nothing(tmp_path, sync):
    pytest.importorskip("resource", reason="limits of file sizes are not known here")
    done = subprocess.run(  # noqa: S603 - our own worker
        [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "tests.streams.disk_worker",
            str(tmp_path),
            f"sync={sync}&cache_mb=8",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.endswith("exact\n"), done.stdout[-3000:] + done.stderr[-3000:]
