"""
Every provider that can be simulated, over the whole worker, to the cent.

A small demo each: accounts connected through the API, history imported, webhooks delivered,
the rest polled, and every figure compared with the simulator's own.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from connectors.simulators import SIMULATORS
from streams.cli import demo, demo_scene


@pytest.mark.slow
@pytest.mark.parametrize("provider", SIMULATORS)
async def test_a_small_demo_of_it_comes_out_equal(
    provider: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(demo, "HISTORY_DAYS", 3)
    monkeypatch.setattr(demo_scene, "HISTORY_DAYS", 3)
    monkeypatch.setattr(demo_scene, "ORDERS_A_DAY", 20)
    monkeypatch.setattr(demo_scene, "LIVE_ORDERS", 25)
    run = demo.Demo(tmp_path, [provider], seed=11, port=0, tell=lambda _: None)
    good = await run.whole(json=True, stays=False)
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    summary = msgspec.json.decode(said[-1])
    assert good, summary
    assert summary["figures_compared"] > 500
    assert summary["differences"] == 0
