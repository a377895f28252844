"""The documents say what the program does."""

from __future__ import annotations

from pathlib import Path

from typer.main import get_command

from streams.cli.main import app
from streams.knobs import describe

ROOT = Path(__file__).parents[2]
SETTINGS = ROOT / "docs" / "settings.md"


def settings_document() -> str:
    rows = [
        f"| `{knob.variable}` | {knob.default or 'empty'} | {knob.description} |"
        for knob in describe()
    ]
    head = (
        "# Settings\n\n"
        "Environment variables; two underscores join nested names. Secrets may be set, never\n"
        "printed. A wrong value stops the start with the variable's name and what it must "
        "be.\n\n"
        "| variable | default | meaning |\n|---|---|---|\n"
    )
    return head + "\n".join(rows) + "\n"


def test_the_table_of_settings_is_the_one_of_the_program(*, regold: bool) -> None:
    if regold:
        SETTINGS.write_text(settings_document())
    assert SETTINGS.read_text() == settings_document()


def test_the_readme_names_every_command_and_the_two_that_set_everything_up() -> None:
    readme = (ROOT / "README.md").read_text()
    for name in get_command(app).commands:  # type: ignore[attr-defined]
        assert f"tillstream {name}" in readme or f"`{name}" in readme, name
    assert "make demo" in readme
    assert "make test" in readme
