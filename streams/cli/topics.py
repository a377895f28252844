"""`tillstream topics plan | apply | check`: topics and their schemas as they must be."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec
import typer

from streams.cli.console import FAILED, Json, line, note, table, told
from streams.errors import SetupError
from streams.kafka.admin import Difference, open_admin
from streams.kafka.clients import Clients
from streams.kafka.options import parse
from streams.registry import Registry
from streams.settings import Settings, load
from streams.topics import all_topics

app = typer.Typer(
    help="Topics on Kafka: what is missing or wrong, and setting it right.",
    no_args_is_help=True,
)


def _clients(settings: Settings) -> Clients:
    if urlsplit(settings.log).scheme != "kafka":
        raise SetupError("the embedded log makes its topics itself; this is for kafka://…")
    return Clients(*parse(settings.log), settings.kafka.security())


def _show(differences: Sequence[Difference], *, json: bool) -> None:
    if json:
        for each in differences:
            line(msgspec.to_builtins(each))
        return
    if not differences:
        note("all topics are as they must be")
        return
    rows = [
        (each.topic, each.setting or "topic", each.have or "missing", each.want, each.kind)
        for each in differences
    ]
    table("Topics that differ", ("topic", "setting", "has", "needs", "apply would"), rows)


def _differences(settings: Settings) -> list[Difference]:
    """Return what differs at the brokers and at the registry, where there is one."""
    found = [] if (there := settings.registry()) is None else Registry(there).plan()
    if _schemas_only(settings):
        return found
    with open_admin(_clients(settings)) as admin:
        return [*admin.plan(all_topics(settings.lanes)), *found]


def _schemas_only(settings: Settings) -> bool:
    """Say whether there are schemas to look at, and no brokers."""
    return settings.registry() is not None and urlsplit(settings.log).scheme != "kafka"


@app.command()
@told
def plan(*, json: Json = False) -> None:
    """Show what `apply` would do, and what only a person can do; changes nothing."""
    _show(_differences(load()), json=json)


@app.command()
@told
def apply(*, json: Json = False) -> None:
    """
    Create missing topics, set wrong settings, register schemas where there is a registry.

    Partitions are never changed.
    """
    settings = load()
    # Schemas first: where one is refused, nothing has been made that wants it.
    if (there := settings.registry()) is not None:
        Registry(there).apply()
    left: list[Difference] = []
    if not _schemas_only(settings):
        with open_admin(_clients(settings)) as admin:
            left = admin.apply(all_topics(settings.lanes))
    _show(left, json=json)
    if left:
        sys.exit(FAILED)


@app.command()
@told
def check(*, json: Json = False) -> None:
    """Exit with 1 where a topic or a schema is missing or wrong: for probes and pipelines."""
    differences = _differences(load())
    _show(differences, json=json)
    if differences:
        sys.exit(FAILED)
