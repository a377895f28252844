"""How far a long command is: told once a second at most, kept on disk after every step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streams.cli.progress import Steps
from streams.errors import SetupError
from streams.operations.position import Position


def test_programs_get_one_line_when_a_lane_ends_and_not_one_for_every_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Steps("replay raw", terminal=False) as steps:
        for lane in (0, 1):
            for done in range(101):
                steps.at(lane, done, 100)
            steps.at(lane, 100, 100)
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    ends = [{"progress": "replay raw", "lane": n, "done": 100, "of": 100} for n in (0, 1)]
    assert [line for line in told if line["done"] == 100] == ends
    assert len(told) < 10


def test_people_see_a_bar_for_each_lane(capsys: pytest.CaptureFixture[str]) -> None:
    with Steps("rebuild", terminal=True) as steps:
        steps.at(0, 3, 7)
        steps.at(1, 5, 5)
    shown = capsys.readouterr().err
    assert "lane 0" in shown
    assert "3/7" in shown
    assert "lane 1" in shown


def test_a_position_outlives_the_process_and_belongs_to_its_question(tmp_path: Path) -> None:
    position = Position(tmp_path, "replay", "all of march")
    assert position.lanes == {}
    position.reached({2: 40})
    position.reached({0: 7})
    assert Position(tmp_path, "replay", "all of march").lanes == {0: 7, 2: 40}
    assert Position(tmp_path, "replay", "all of april").lanes == {}
    assert Position(tmp_path, "rebuild", "all of march").lanes == {}
    position.forget()
    assert Position(tmp_path, "replay", "all of march").lanes == {}


def test_a_damaged_position_begins_anew(tmp_path: Path) -> None:
    position = Position(tmp_path, "replay", "q")
    position.reached({0: 7})
    (file,) = (tmp_path / "operations").iterdir()
    file.write_bytes(b"{")
    assert Position(tmp_path, "replay", "q").lanes == {}


def test_a_folder_that_cannot_be_written_is_told_with_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="set TILLSTREAM_DATA_DIR"):
        Position(tmp_path / "file", "replay", "q").reached({0: 7})
