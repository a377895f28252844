"""The documents say what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from typer.core import TyperGroup
from typer.main import get_command

from schemas.purchasing import OrderDraft
from streams.cli.main import app
from streams.knobs import describe

ROOT = Path(__file__).parents[2]
ORDERS = ROOT / "docs" / "orders.md"
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


DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND_LINE = re.compile(r"tillstream ([a-z][^`\n|#&;\\)]*)")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_command_lines_of_the_documents_name_commands_and_options_that_there_are(
    path: Path,
) -> None:
    for text in COMMAND_LINE.findall(path.read_text()):
        command, words = get_command(app), text.replace(",", " ").split()
        while words and isinstance(command, TyperGroup):
            assert words[0] in command.commands, text
            command = command.commands[words.pop(0)]
        known = {name for param in command.params for name in param.opts}
        assert {word for word in words if word.startswith("--")} <= known, text


def test_the_purchase_order_of_the_document_is_one() -> None:
    (text,) = re.findall(r"```json\n(.*?)```", ORDERS.read_text(), re.DOTALL)
    order = msgspec.json.decode(text, type=OrderDraft)
    assert [line.quantity for line in order.lines] == [24, 6]
