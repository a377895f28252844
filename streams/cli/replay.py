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
from streams.cli.progress import Steps
from streams.operations.position import Position
from streams.operations.replay import DaySum, Difference, Replay, Selection, by_day
from streams.worker import Worker

app = typer.Typer(help="Run history through today's program.", no_args_is_help=True)

Since = Annotated[
    datetime | None, typer.Option("--from", "--since", help="UTC, by the time of receipt")
]
Until = Annotated[
    datetime | None, typer.Option("--to", "--until", help="UTC, by the time of receipt")
]


@app.command()
@told
def raw(
    *,
    account: Annotated[str | None, typer.Option(help="only this account")] = None,
    since: Since = None,
    until: Until = None,
    dry_run: Annotated[bool, typer.Option(help="say what would change, write nothing")] = False,
    url: Running = None,
    admin_key: Admin = "",
    json: Json = False,
) -> None:
    """
    Read raw events again; what means something else today becomes a new revision.

    One that was killed goes on where it was, when it is asked for the same again.
    """
    selection = Selection(account_id=account, since=_utc(since), until=_utc(until))
    if url is not None:
        _online(url, admin_key, selection, json=json, dry_run=dry_run)
        return

    async def main(worker: Worker) -> None:
        found = await _replayed(worker, selection, dry_run=dry_run)
        if not dry_run:
            await offline.caught_up(worker)
        _report(len(found), by_day(found), json=json, dry_run=dry_run)

    offline.run_beside(main)


async def _replayed(worker: Worker, selection: Selection, *, dry_run: bool) -> list[Difference]:
    """Return what differs, without the parts; written as it is found unless it is a dry run."""
    replay = Replay(
        log=worker.runtime.log,
        lanes=worker.settings.lanes,
        views=worker.runtime.views,
        accounts=worker.directory,
        connectors=worker.connectors,
        sealer=worker.sealer,
    )
    question = msgspec.json.encode(selection).decode()
    position = Position(offline.home(), "replay", question)
    start = {} if dry_run else position.lanes
    if start:
        note("goes on where it was; what it had changed before is not counted again")
    found: list[Difference] = []
    with Steps("replay raw") as steps:
        async for batch in replay.batches(selection, start):
            for difference in batch.differences:
                if not dry_run:
                    await replay.apply(difference, worker.ingest)
                found.append(msgspec.structs.replace(difference, parts=()))
            if not dry_run:
                position.reached(batch.lane, batch.upto)
            steps.at(batch.lane, batch.upto - batch.begin, batch.end - batch.begin)
    if not dry_run:
        position.forget()
    return found


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
