"""`tillstream reconcile` over HTTP: what it shows, and with which status it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.reconciliation import Agreement
from streams.cli.demo_check import Check
from streams.cli.reconcile import tell, tell_check, with_providers
from tests.streams.bakery_kit import DAY, shop


async def test_days_are_compared_and_a_difference_ends_with_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with shop(tmp_path, port=0) as bakery:
        worker = bakery.house.worker
        await worker._serve()
        key = bakery.tenant.headers["authorization"].removeprefix("Bearer ")
        rows = await with_providers(worker.url, key, None, DAY, DAY)
        assert [row.agreement for row in rows] == [Agreement.AGREES]
        tell(rows, json=True)
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["business_day"] == f"{DAY}"
        await bakery.sold()
        bakery.clock.now = bakery.clock.now.replace(hour=13)
        rows = await with_providers(worker.url, key, None, DAY, DAY)
        assert [row.agreement for row in rows] == [Agreement.DIFFERS]
        with pytest.raises(SystemExit, match="1"):
            tell(rows, json=False)
        said = capsys.readouterr()
        assert "missing_there: payment P1: " in said.err
        assert "total 0 there, 1250 here" in said.err


def test_a_check_against_a_simulator_ends_with_status_1_where_a_figure_differs() -> None:
    result = Check()
    result.compare("LSIM 2026-05-04", "total", 100, 100)
    tell_check(result, json=True)
    result.compare("LSIM 2026-05-04", "tax", 7, 8)
    with pytest.raises(SystemExit, match="1"):
        tell_check(result, json=False)
