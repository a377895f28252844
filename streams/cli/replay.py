"""`tillstream replay`: run raw history through today's connectors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from streams.cli import offline
from streams.cli.api import asked
from streams.cli.console import Json, line, note, table, told
from streams.cli.keys import Admin, Running
from streams.operations.replay import DaySum, Replay, Selection, by_day
from streams.worker import Worker

app = typer.Typer(help="Run history through today's program.", no_args_is_help=True)

Instant = Annotated[datetime | None, typer.Option(help="UTC, by the time of receipt")]


@app.command()
@told
def raw(
    *,
    account: Annotated[str | None, typer.Option(help="only this account")] = None,
    since: Instant = None,
    until: Instant = None,
    dry_run: Annotated[bool, typer.Option(help="say what would change, write nothing")] = False,
    url: Running = None,
    admin_key: Admin = "",
    json: Json = False,
) -> None:
    """Read raw events again; what means something else today becomes a new revision."""
    selection = Selection(account_id=account, since=_utc(since), until=_utc(until))
    if url is not None:
        _online(url, admin_key, selection, json=json, dry_run=dry_run)
        return

    async def main(worker: Worker) -> None:
        replay = Replay(
            log=worker.runtime.log,
            lanes=worker.settings.lanes,
            views=worker.runtime.views,
            accounts=worker.directory,
            connectors=worker.connectors,
            sealer=worker.sealer,
        )
        found = []
        async for difference in replay.differences(selection):
            found.append(difference)
            if not dry_run:
                await replay.apply(difference, worker.ingest)
        await offline.settled(worker)
        _report(len(found), by_day(found), json=json, dry_run=dry_run)

    offline.run(main)


def _online(
    url: str, admin_key: str, selection: Selection, *, json: bool, dry_run: bool
) -> None:
    body = {**msgspec.to_builtins(selection), "dry_run": dry_run}
    (answer,) = asked(url, admin_key, ("POST", "/api/v1/operations/replay", body))
    days = msgspec.convert(answer["days"], list[DaySum])
    _report(answer["changed"], days, json=json, dry_run=dry_run)


def _report(changed: int, days: list[DaySum], *, json: bool, dry_run: bool) -> None:
    if json:
        for day in days:
            line(day)
        line({"changed": changed, "written": not dry_run})
        return
    if days:
        columns = ("account", "day", "kind", ">transactions", ">before", ">after")
        rows = (msgspec.structs.astuple(day) for day in days)
        table("Differences (minor units)", columns, rows)
    note(f"{changed} {'would change' if dry_run else 'changed'}")


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.replace(tzinfo=instant.tzinfo or UTC)
