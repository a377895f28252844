"""The command `tillstream`."""

from __future__ import annotations

import typer

from streams.cli.explain import explain

app = typer.Typer(
    name="tillstream",
    help="Turns what points of sale say into one exact, replayable stream of sales.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def main() -> None:
    """Turn what points of sale say into one exact, replayable stream of sales."""


app.command()(explain)


def run() -> None:
    """Run the command line."""
    app()
