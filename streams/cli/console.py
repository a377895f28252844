"""How commands speak: tables for people, JSON lines for programs, errors that help."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from inspect import signature
from typing import Annotated, ParamSpec, TypeVar

import msgspec
import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from streams.errors import LogInUseError, SetupError
from streams.log import LogCorruptError
from streams.views import NotSettledError

P = ParamSpec("P")
R = TypeVar("R")

FAILED, MISUSED = 1, 2

Json = Annotated[bool, typer.Option("--json", help="a JSON line a row, for programs")]
AlwaysJson = Annotated[
    bool, typer.Option("--json", help="changes nothing: JSON lines are all it writes")
]

HERE = "http://127.0.0.1:8013"

_BACKUP = f"`tillstream backup NAME --url {HERE}`, then TILLSTREAM_LOG=embedded://FOLDER"
_INSTEAD = {
    "doctor": f"/readyz tells how it is; to look for damage stop it, or see a copy: {_BACKUP}",
    "export": f"stop it, or export from a copy: {_BACKUP}",
    "rebuild": "stop it, rebuild, and start it again",
}

screen = Console()


def line(content: object) -> None:
    """Write one JSON line."""
    typer.echo(msgspec.json.encode(content).decode())


def note(text: str) -> None:
    """Tell a person something that is not a result: it goes to standard error."""
    typer.echo(text, err=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Show rows to a person; columns that begin with ">" are aligned to the right."""
    shown = Table(title=title, title_justify="left", header_style="bold", box=SIMPLE)
    for column in columns:
        right = column.startswith(">")
        shown.add_column(
            column.lstrip(">"),
            justify="right" if right else "left",
            no_wrap=right,
            overflow="fold",
        )
    for row in rows:
        shown.add_row(*(str(cell) for cell in row))
    screen.print(shown)


def told(command: Callable[P, R]) -> Callable[P, R]:
    """Turn errors that an operator can act on into one line and an exit status."""

    @wraps(command)
    def telling(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except LogInUseError as error:
            note(f"tillstream: {error}; {_instead(command)}")
            sys.exit(MISUSED)
        except (SetupError, LogCorruptError) as error:
            note(f"tillstream: {error}")
            sys.exit(MISUSED)
        except NotSettledError as error:
            note(f"tillstream: {error}; see that workers run, and run this again")
            sys.exit(MISUSED)

    return telling


def _instead(command: Callable[..., object]) -> str:
    """Say how to do what a command cannot do while Tillstream runs."""
    if "url" in signature(command).parameters:
        return f"ask that one: give --url {HERE}, or wherever it answers"
    return _INSTEAD.get(command.__name__, "stop it first")
