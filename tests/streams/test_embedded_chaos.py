"""kill -9 at random moments: nothing lost, nothing doubled, every row as an oracle says."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.streams.shop import expected_totals

ROOT = Path(__file__).parents[2]
COUNT, KILLS = 6000, 5


def worker(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.streams.chaos_worker"]
    log = (folder / "worker.log").open("ab")
    with log:
        return subprocess.Popen(  # noqa: S603 - our own worker
            [*command, str(folder), str(COUNT)], cwd=ROOT, stdout=log, stderr=log
        )


def records_in(folder: Path) -> int:
    return (folder / "worker.log").read_bytes().count(b"lane-open")


@pytest.mark.chaos
@pytest.mark.slow
def test_kills_at_random_moments_lose_and_double_nothing(tmp_path):
    moments, killed_at_work = random.Random(7), 0
    for life in range(KILLS):
        process = worker(tmp_path)
        deadline = time.monotonic() + 20
        while records_in(tmp_path) < 4 * (killed_at_work + 1) and time.monotonic() < deadline:
            assert process.poll() is None, (tmp_path / "worker.log").read_text()[-3000:]
            time.sleep(0.01)
        time.sleep(moments.uniform(0.02, 0.25))
        killed_at_work += process.poll() is None
        process.kill()
        process.wait()
        assert killed_at_work == life + 1, "the work was over before all kills"
    assert worker(tmp_path).wait(60) == 0, (tmp_path / "worker.log").read_text()[-3000:]
    result = json.loads((tmp_path / "result.json").read_text())
    assert sorted(result["sales"]) == sorted(f"s{number}" for number in range(COUNT))
    expected = {k.decode(): v.decode() for k, v in expected_totals(range(COUNT)).items()}
    assert result["totals"] == expected
    assert result["rejected"] == COUNT // 500
    assert result["holes"] == []
