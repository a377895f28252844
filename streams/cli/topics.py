"""`tillstream topics plan | apply | check | tail`: as they must be, and what is in them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
import typer

from streams.cli import offline
from streams.cli.api import Api
from streams.cli.console import FAILED, Json, line, note, table, told
from streams.cli.keys import Admin, Running
from streams.errors import SetupError
from streams.kafka.admin import Difference, open_admin
from streams.kafka.clients import Clients
from streams.kafka.options import parse
from streams.operations.tailing import BEGIN, END, Seen, check_topic, positions_from
from streams.operations.tailing import tail as tailing
from streams.registry import Registry
from streams.settings import Settings, load
from streams.topics import all_topics

app = typer.Typer(
    help="Topics: what is missing or wrong on Kafka, setting it right, looking inside.",
    no_args_is_help=True,
)

POLL_S = 1.0


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
def tail(
    topic: Annotated[str, typer.Argument(help="its name")],
    *,
    start: Annotated[
        str | None, typer.Option("--from", help="begin, end, an offset, or a time (UTC)")
    ] = None,
    lane: Annotated[int | None, typer.Option(min=0, help="only this lane")] = None,
    account: Annotated[str | None, typer.Option(help="only records of this account")] = None,
    follow: Annotated[bool, typer.Option(help="go on with what comes")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="stop after so many")] = None,
    url: Running = None,
    admin_key: Admin = "",
    json: Json = False,
) -> None:
    """Show what is in a topic, decoded; what is sealed or personal is not shown."""
    check_topic(topic)
    begin = start or (END if follow else BEGIN)
    wish = Wish(topic, begin, lane, account, follow=follow, limit=limit)
    try:
        asyncio.run(_tail(wish, url, admin_key, json=json))
    except KeyboardInterrupt:
        note("stopped")


class Wish(msgspec.Struct, frozen=True):
    """What to show, and from where."""

    topic: str
    start: str
    lane: int | None
    account_id: str | None
    follow: bool
    limit: int | None


async def _tail(wish: Wish, url: str | None, admin_key: str, *, json: bool) -> None:
    shown = 0
    source = _here(wish) if url is None else _there(wish, url, admin_key)
    async with aclosing(source) as found:
        async for one in found:
            line(one) if json else note_of(one)
            shown += 1
            if shown == wish.limit:
                return


def note_of(one: Seen) -> None:
    """Write a record for a person: where it is, then what it says."""
    head = f"{one.at:%F %T} {one.lane}/{one.offset} {one.key or '-'}"
    value = one.note if one.value is None else msgspec.json.encode(one.value).decode()
    typer.echo(f"{head} {value}")


async def _here(wish: Wish) -> AsyncGenerator[Seen, None]:
    settings = offline.settings_for_tools()
    async with offline.log_of(settings, "tail") as log:
        if wish.lane is not None and wish.lane >= settings.lanes:
            raise SetupError(f"--lane {wish.lane}: there are 0 to {settings.lanes - 1}")
        lanes = range(settings.lanes) if wish.lane is None else [wish.lane]
        start = await positions_from(log, wish.topic, lanes, wish.start)
        async with aclosing(
            tailing(log, start, account_id=wish.account_id, follow=wish.follow)
        ) as found:
            async for one in found:
                yield one


async def _there(wish: Wish, url: str, admin_key: str) -> AsyncGenerator[Seen, None]:
    async with Api(url, admin_key) as api:
        after: str | None = None
        while True:
            answer = await api.call(
                "GET",
                f"/api/v1/operations/topics/{wish.topic}",
                after=after,
                start=wish.start,
                lane=wish.lane,
                account_id=wish.account_id,
            )
            for item in answer["items"]:
                yield msgspec.convert(item, Seen)
            if answer["at_end"] and not wish.follow:
                return
            after = answer["after"]
            if answer["at_end"]:
                await asyncio.sleep(POLL_S)


@app.command()
@told
def check(*, json: Json = False) -> None:
    """Exit with 1 where a topic or a schema is missing or wrong: for probes and pipelines."""
    differences = _differences(load())
    _show(differences, json=json)
    if differences:
        sys.exit(FAILED)
