"""`tillstream replay`: run raw history through today's connectors."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from streams.cli import offline
from streams.cli.api import Api, long
from streams.cli.console import Json, line, note, table, told
from streams.cli.keys import Admin, Running
from streams.cli.progress import Steps
from streams.operations.position import Position
from streams.operations.replay import Difference, Replay, Selection, by_day
from streams.worker import Worker

app = typer.Typer(help="Run history through today's program.", no_args_is_help=True)

PATH = "/api/v1/operations/replay"

Since = Annotated[
    datetime | None, typer.Option("--from", "--since", help="UTC, by the time of receipt")
]
Until = Annotated[
    datetime | None, typer.Option("--to", "--until", help="UTC, by the time of receipt")
]


class Done(msgspec.Struct, frozen=True):
    """A piece of a lane's history that has been read, as the API tells it, too."""

    lane: int
    begin: int
    upto: int
    end: int
    differences: list[Difference]
    processed: bool = True


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
    question = msgspec.json.encode(selection).decode()
    position = Position(offline.home(), "replay", f"{url or ''}{question}")
    start = {} if dry_run else position.lanes
    if start:
        note("goes on where it was; what it had changed before is not counted again")

    async def here(worker: Worker) -> None:
        pieces = _here(worker, selection, start, dry_run=dry_run)
        found = await _followed(pieces, position, dry_run=dry_run)
        if not dry_run:
            await offline.caught_up(worker)
        _report(found, json=json, dry_run=dry_run)

    async def there(api: Api) -> None:
        pieces = _there(api, selection, start, dry_run=dry_run)
        found = await _followed(pieces, position, dry_run=dry_run)
        _report(found, json=json, dry_run=dry_run)

    if url is None:
        offline.run_beside(here)
    else:
        long(url, admin_key, there)


async def _followed(
    pieces: AsyncGenerator[Done, None], position: Position, *, dry_run: bool
) -> list[Difference]:
    """Return what differs, and keep how far it is unless it is a dry run."""
    found: list[Difference] = []
    processed = True
    with Steps("replay raw") as steps:
        async for piece in pieces:
            found += piece.differences
            processed = processed and piece.processed
            if not dry_run:
                position.reached({piece.lane: piece.upto})
            steps.at(piece.lane, piece.upto - piece.begin, piece.end - piece.begin)
    if not dry_run:
        position.forget()
    if not processed:
        note("written, and not yet all processed; see that workers run")
    return found


async def _here(
    worker: Worker, selection: Selection, start: Mapping[int, int], *, dry_run: bool
) -> AsyncGenerator[Done, None]:
    replay = Replay(
        log=worker.runtime.log,
        lanes=worker.settings.lanes,
        views=worker.runtime.views,
        accounts=worker.directory,
        connectors=worker.connectors,
        sealer=worker.sealer,
    )
    async for batch in replay.batches(selection, start):
        if not dry_run:
            await replay.apply(batch.changes, worker.ingest)
        differences = [change.difference for change in batch.changes]
        yield Done(batch.lane, batch.begin, batch.upto, batch.end, differences)


async def _there(
    api: Api, selection: Selection, start: Mapping[int, int], *, dry_run: bool
) -> AsyncGenerator[Done, None]:
    lane = max(start, default=0)
    place: dict[str, int] | None = {"lane": lane, "offset": start.get(lane, 0)}
    while place is not None:
        body = {**msgspec.to_builtins(selection), **place, "dry_run": dry_run}
        answer = await api.call("POST", PATH, body)
        yield msgspec.convert(answer, Done)
        place = answer["next"]


def _report(found: list[Difference], *, json: bool, dry_run: bool) -> None:
    days = by_day(found)
    changed = sum(day.transactions for day in days)
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
