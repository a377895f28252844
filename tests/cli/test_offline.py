"""Looking after a log from the command line, while no process has it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas import topics
from schemas.account import Account
from schemas.raw import Channel
from schemas.sealing import generate_master_key
from streams.cli.main import app
from streams.cli.up import end_process
from streams.embedded.log import EmbeddedLog
from streams.runtime import open_log
from streams.settings import load
from streams.worker import Worker, utc_now
from tests.connectors.golden import samples_of
from tests.streams.stage_kit import MILL_LANE

BODIES = [body for sample in samples_of("square")[:6] for body in sample.bodies]
GARBAGE = b"not a body that anybody sends"


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A log with one account, some sales and one dead letter; nobody has it open."""
    monkeypatch.setenv("TILLSTREAM_LOG", f"embedded://{tmp_path}/log")
    monkeypatch.setenv("TILLSTREAM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TILLSTREAM_KEYS", f"k1:{generate_master_key()}")
    monkeypatch.setenv("TILLSTREAM_LANES", "2")
    asyncio.run(_fill())
    return tmp_path


async def _fill() -> None:
    worker = Worker(load(), fatal=end_process, polling=False)
    await worker.start(serve=False)
    try:
        await worker.directory.create_tenant("bakers", "Bakers")
        account: Account = MILL_LANE
        await worker.directory.put_account(account)
        await worker.ingest.append(account, Channel.WEBHOOK, "", [*BODIES, GARBAGE])
        await worker.runtime.views.settle(range(2), 30)
    finally:
        await worker.stop()
    assert utc_now().tzinfo is not None


def run(*arguments: str, status: int = 0) -> list[Any]:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == status, (result.output, result.exception)
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def test_dead_letters_are_listed_shown_and_redriven(deployment: Path) -> None:
    (letter,) = run("rejected", "ls", "--json")
    assert (letter["stage"], letter["error_type"]) == ("normalise", "unreadable")
    (shown,) = run("rejected", "show", letter["letter_id"], "--json")
    assert shown["letter"] == letter
    assert "not a body" not in json.dumps(shown)
    (answer,) = run("rejected", "redrive", "--json")
    assert answer == {"redriven": 1, "rejected_now": 1}
    old, new = run("rejected", "ls", "--all", "--json")
    assert (old["redriven"], new["redriven"]) == (True, False)


def test_the_doctor_says_what_to_look_at_and_exits_with_one(deployment: Path) -> None:
    checks = {check["check"]: check for check in run("doctor", "--json", status=1)}
    assert checks["log"]["ok"]
    assert checks["lag"]["ok"]
    assert checks["rejected"]["detail"] == "1 normalise: unreadable"


def test_a_replay_by_the_same_program_changes_nothing(deployment: Path) -> None:
    (answer,) = run("replay", "raw", "--dry-run", "--json")
    assert answer == {"changed": 0, "written": False}


def test_a_rebuild_of_healthy_views_changes_nothing(deployment: Path) -> None:
    lanes = run("rebuild", "all", "--json")
    assert sum(lane["rows"] for lane in lanes) > 10
    assert sum(lane["changed"] for lane in lanes) == 0


def test_a_backup_can_be_restored_elsewhere(
    deployment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(deployment / "backup")
    assert run("backup", folder, "--json") == [{"folder": folder}]
    monkeypatch.setenv("TILLSTREAM_LOG", f"embedded://{deployment}/elsewhere")
    assert run("restore", folder, "--json") == [{"log": f"{deployment}/elsewhere"}]
    assert len(run("rejected", "ls", "--json")) == 1
    result = CliRunner().invoke(app, ["restore", str(deployment / "backup")])
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("replay", "raw"), "give --url http://127.0.0.1:8013"),
        (("rejected", "show", "0/0"), "give --url"),
        (("topics", "tail", topics.RAW), "give --url"),
        (("backup", "monday"), "give --url"),
        (("rebuild", "all"), "stop it, rebuild, and start it again"),
        (("export", "sales", "--csv", "sales.csv"), "then TILLSTREAM_LOG=embedded://FOLDER"),
        (("doctor",), "/readyz tells"),
        (("up",), "stop it first"),
    ],
)
def test_what_needs_a_log_that_is_in_use_says_what_to_do(
    deployment: Path, arguments: tuple[str, ...], advice: str
) -> None:
    log = open_log(f"embedded://{deployment}/log")
    try:
        result = CliRunner().invoke(app, [*arguments])
    finally:
        asyncio.run(_closed(log))
    assert result.exit_code == 2
    assert "log is in use by another process; " in result.output
    assert advice in result.output


async def _closed(log: EmbeddedLog) -> None:
    await log.start()
    await log.stop()


def test_an_export_is_made_from_a_backup(
    deployment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow")
    run("backup", str(deployment / "copy"))
    monkeypatch.setenv("TILLSTREAM_LOG", f"embedded://{deployment}/copy")
    (told,) = run("export", "transactions", "--csv", str(deployment / "all.csv"), "--json")
    assert told["rows"] > 5


def test_a_wrong_view_or_missing_keys_are_one_clear_line(
    deployment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = CliRunner().invoke(app, ["rebuild", "everything"])
    assert result.exit_code == 2
    assert "sales_days" in result.output
    monkeypatch.delenv("TILLSTREAM_KEYS")
    result = CliRunner().invoke(app, ["rejected", "ls"])
    assert result.exit_code == 2
    assert "TILLSTREAM_KEYS" in result.output
