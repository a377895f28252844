"""The command `tillstream`."""

from __future__ import annotations

import typer

from streams.cli import (
    accounts,
    catalog,
    importing,
    keys,
    orders,
    rejected,
    replay,
    topics,
    upkeep,
    webhooks,
)
from streams.cli.demo import demo
from streams.cli.explain import explain
from streams.cli.exporting import export
from streams.cli.reconcile import reconcile
from streams.cli.simulate import simulate
from streams.cli.up import serve, up, work

app = typer.Typer(
    name="tillstream",
    help="Turns what points of sale say into one exact, replayable stream of sales.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def main() -> None:
    """Turn what points of sale say into one exact, replayable stream of sales."""


app.command()(demo)
app.command()(up)
app.command()(serve)
app.command()(work)
app.command()(simulate)
app.command()(explain)
app.command()(reconcile)
app.add_typer(accounts.app, name="accounts")
app.add_typer(catalog.app, name="catalog")
app.add_typer(orders.app, name="orders")
app.add_typer(keys.app, name="keys")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(importing.app, name="import")
app.add_typer(topics.app, name="topics")
app.command()(export)
app.add_typer(replay.app, name="replay")
app.command()(upkeep.rebuild)
app.add_typer(rejected.app, name="rejected")
app.command()(upkeep.doctor)
app.command()(upkeep.backup)
app.command()(upkeep.restore)


def run() -> None:
    """Run the command line."""
    app()
