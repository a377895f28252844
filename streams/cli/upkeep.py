"""`tillstream rebuild | doctor | backup | restore`: looking after a log."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from streams.cli import offline
from streams.cli.api import asked
from streams.cli.console import FAILED, Json, line, note, table, told
from streams.cli.keys import Admin, Running
from streams.cli.progress import Steps
from streams.embedded.backup import restore as restore_to
from streams.embedded.options import parse
from streams.errors import SetupError
from streams.operations.position import Position
from streams.operations.rebuild import rebuild as rebuilding
from streams.operations.rejected import letters
from streams.runtime import open_log
from streams.stages import project


@told
def rebuild(
    projection: Annotated[str, typer.Argument(help="its name, or all")],
    *,
    dry_run: Annotated[bool, typer.Option(help="count what differs, write nothing")] = False,
    json: Json = False,
) -> None:
    """
    Fold pos.transactions into a view again; only rows that differ are written.

    One that was killed goes on with the lanes that it had not done.
    """
    names = {table.name for table in project.SPEC.tables}
    tables = names if projection == "all" else {projection}
    if not tables <= names:
        raise SetupError(f"no view {projection!r}; there are: {', '.join(sorted(names))}, all")
    asyncio.run(_rebuild(projection, tables, dry_run=dry_run, json=json))


async def _rebuild(
    projection: str, tables: Collection[str], *, dry_run: bool, json: bool
) -> None:
    settings = offline.settings_for_tools()
    position = Position(settings.data_dir, "rebuild", projection)
    step = project.projector(settings.lanes)
    skip = () if dry_run else tuple(position.lanes)
    if skip:
        note(f"goes on where it was; lanes done before: {', '.join(map(str, sorted(skip)))}")
    with Steps("rebuild") as steps:
        async with offline.log_of(settings, "rebuild") as log:
            async for lane in rebuilding(
                log,
                project.SPEC,
                step,
                settings.lanes,
                tables=tables,
                skip=skip,
                tell=steps.at,
                dry_run=dry_run,
            ):
                if not dry_run:
                    position.reached({lane.lane: lane.records})
                if json:
                    line(lane)
                else:
                    verb = "would change" if dry_run else "changed"
                    counts = f"{lane.records} records, {lane.rows} rows, {lane.changed} {verb}"
                    note(f"lane {lane.lane}: {counts}")
    if not dry_run:
        position.forget()


@told
def doctor(*, json: Json = False) -> None:
    """Look for what is wrong: damage, lag, dead letters; exit status 1 if anything is."""

    async def main() -> list[tuple[str, bool, str]]:
        settings = offline.settings_for_tools()
        checks = [("master keys", bool(settings.master_keys()), "set")]
        log = open_log(settings.log)
        await log.start()
        holes = await log.holes()
        await log.stop()
        checks.append(("log", not holes, "; ".join(holes) or "no holes"))
        async with offline.worker_of(settings) as worker:
            await offline.settled(worker)
            waiting = sum(worker.runtime.views.lag().values())
            checks.append(("lag", waiting == 0, f"{waiting} records wait"))
            kinds: Counter[str] = Counter()
            async for letter, _ in letters(worker.runtime.log, settings.lanes):
                kinds[f"{letter.stage}: {letter.error_type}"] += not letter.redriven
            open_ones = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
            checks.append(("rejected", not open_ones, open_ones or "none"))
        return checks

    checks = asyncio.run(main())
    if json:
        for name, good, detail in checks:
            line({"check": name, "ok": good, "detail": detail})
    else:
        rows = [(name, "ok" if good else "LOOK", detail) for name, good, detail in checks]
        table("Doctor", ("check", "", "detail"), rows)
    if not all(good for _, good, _ in checks):
        raise typer.Exit(FAILED)


@told
def backup(
    folder: Annotated[Path, typer.Argument(help="a new or empty folder; with --url its name")],
    *,
    url: Running = None,
    admin_key: Admin = "",
    json: Json = False,
) -> None:
    """Copy the embedded log into a folder that is a log itself."""
    if url is not None:
        path = "/api/v1/operations/backup"
        (made,) = asked(url, admin_key, ("POST", path, {"name": str(folder)}))
        _backed_up(made["folder"], json=json)
        return

    async def main() -> None:
        log = open_log(offline.settings_for_tools().log)
        await log.start()
        try:
            log.backup(folder)
        finally:
            await log.stop()

    asyncio.run(main())
    _backed_up(str(folder), json=json)


def _backed_up(folder: str, *, json: bool) -> None:
    if json:
        line({"folder": folder})
    else:
        note(f"backed up to {folder}; put it on another disk")


@told
def restore(
    folder: Annotated[Path, typer.Argument(help="a backup")], *, json: Json = False
) -> None:
    """Copy a backup to where the embedded log shall be; move a damaged one away before."""
    url = offline.settings_for_tools().log
    if urlsplit(url).scheme not in ("", "embedded"):
        raise SetupError("only an embedded log is restored from a folder; Kafka keeps its own")
    path, _ = parse(url)
    restore_to(folder, Path(path))
    if json:
        line({"log": str(path)})
    else:
        note(f"restored {path}; start Tillstream, senders must resend what came after it")
