"""The demo is the main job in one command; it must come out equal to the cent."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from connectors.simulators import SIMULATORS


def run(*options: str) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "streams.cli", "demo", "--json", *options],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert summary["ok"] is True
    assert summary["differences"] == 0
    return summary


@pytest.mark.slow
def test_the_demo_ends_in_time_without_a_terminal_and_every_total_is_equal() -> None:
    summary = run("--seed", "3")
    assert summary["figures_compared"] > 5_000
    assert summary["webhooks"] > 1_000
    assert summary["moved_by_hand"] > 0
    assert all(len(account["top_products"]) == 8 for account in summary["accounts"])
    kinds = {run["kind"] for account in summary["accounts"] for run in account["syncs"]}
    assert kinds == {"historical", "scheduled", "manual"}


@pytest.mark.slow
def test_a_shop_of_every_simulated_provider_is_right_to_the_cent_side_by_side() -> None:
    summary = run("--all", "--seed", "5")
    assert summary["providers"] == list(SIMULATORS)
    assert [account["provider"] for account in summary["accounts"]] == list(SIMULATORS)
    assert summary["figures_compared"] > 2_000 * len(SIMULATORS)
    assert all(account["sales_days"] for account in summary["accounts"])


def test_an_unknown_provider_is_refused_with_those_that_are_there() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli", "demo", "--provider", "cube"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode
    assert "square" in done.stderr
