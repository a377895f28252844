"""Programs get JSON lines from every command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from schemas.sealing import KeyRing
from streams.cli.main import app


def options(command: Any, *path: str) -> Iterator[tuple[str, set[str]]]:
    """Yield the options of every command below, with its name."""
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            yield from options(inner, *path, name)
    else:
        yield " ".join(path), {option for param in command.params for option in param.opts}


def test_every_command_takes_json() -> None:
    found = dict(options(get_command(app)))
    assert len(found) > 30
    assert [name for name, known in found.items() if "--json" not in known] == []


def test_new_keys_are_one_object_whose_key_ring_can_be_read() -> None:
    result = CliRunner().invoke(app, ["keys", "new", "--json"])
    made = json.loads(result.stdout)
    assert set(made) == {"TILLSTREAM_KEYS", "TILLSTREAM_ADMIN_KEY"}
    wrapped = KeyRing.from_text(made["TILLSTREAM_KEYS"]).wrap(b"k" * 32, "bakers")
    assert b"k" * 32 not in wrapped
