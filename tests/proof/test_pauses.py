"""Pauses of lanes are read from what processes wrote down, whichever of them it was."""

from __future__ import annotations

from pathlib import Path

from tests.proof.pauses import Pauses, pauses


def line(event: str, second: int, lane: int, given_up: int = 0) -> str:
    at = f"2026-03-01T00:00:{second:02}.000000Z"
    return (
        f'{{"stage": "project", "lane": {lane}, "given_up": {given_up}, "event": "{event}", '
        f'"timestamp": "{at}"}}\n'
    )


def test_a_pause_is_from_a_closing_to_the_next_opening_in_any_process(tmp_path: Path) -> None:
    one, other = tmp_path / "one.log", tmp_path / "other.log"
    one.write_text(
        line("lane-open", 1, 0)
        + line("ready", 2, 0)
        + line("lane-closed", 10, 0, given_up=2)
        + line("lane-closed", 11, 1)
    )
    other.write_text(line("lane-rebuilt", 12, 0) + line("lane-open", 17, 1))
    assert pauses([other, one]) == Pauses(moves=2, pause_s_p50=4.0, pause_s_max=6.0, given_up=2)
