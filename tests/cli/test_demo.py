"""The demo is the main job in one command; it must come out equal to the cent."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_demo_ends_in_time_without_a_terminal_and_every_total_is_equal() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli", "demo", "--json", "--seed", "3"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["ok"] is True
    assert summary["differences"] == 0
    assert summary["figures_compared"] > 5_000
    assert summary["webhooks"] > 1_000
    assert summary["moved_by_hand"] > 0
    assert all(len(account["top_products"]) == 8 for account in summary["accounts"])
    kinds = {run["kind"] for account in summary["accounts"] for run in account["syncs"]}
    assert kinds == {"historical", "scheduled", "manual"}
