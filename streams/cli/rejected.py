"""`tillstream rejected`: what could not be read, and sending it through again."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.cli import offline
from streams.cli.console import MISUSED, Json, line, note, table, told
from streams.log import Record
from streams.operations.rejected import Letter, letters, redrive
from streams.worker import Worker

app = typer.Typer(help="Dead letters: list, show, redrive.", no_args_is_help=True)

ErrorType = Annotated[str | None, typer.Option(help="only of this error type")]
Stage = Annotated[str | None, typer.Option(help="only of this stage")]
All = Annotated[bool, typer.Option("--all", help="also those that were redriven")]


@app.command("ls")
@told
def list_letters(
    *, error_type: ErrorType = None, stage: Stage = None, every: All = False, json: Json = False
) -> None:
    """List what was rejected and why."""

    async def main(worker: Worker) -> None:
        found = await _chosen(worker, error_type, stage, every=every)
        if json:
            for letter, _ in found:
                line(letter)
            return
        rows = [
            (it.letter_id, it.stage, it.error_type, it.reason, it.source, f"{it.at:%F %T}")
            for it, _ in found
        ]
        table("Rejected", ("id", "stage", "error", "reason", "source", "at (UTC)"), rows)

    offline.run(main)


@app.command()
@told
def show(letter_id: Annotated[str, typer.Argument(help="lane/offset, as in `ls`")]) -> None:
    """Show one letter whole: why, from where, its headers (its body stays sealed)."""

    async def main(worker: Worker) -> None:
        for letter, record in await _chosen(worker, None, None, every=True):
            if letter.letter_id == letter_id:
                headers = {name: repr(value)[2:-1] for name, value in record.headers}
                line({"letter": letter, "headers": headers})
                return
        note(f"tillstream: there is no letter {letter_id}; `tillstream rejected ls` lists them")
        raise typer.Exit(MISUSED)

    offline.run(main)


@app.command("redrive")
@told
def redrive_letters(
    *,
    error_type: ErrorType = None,
    stage: Stage = None,
    letter_id: Annotated[str | None, typer.Option("--id", help="only this one")] = None,
    json: Json = False,
) -> None:
    """Send letters through the stage that rejected them again, once each."""

    async def main(worker: Worker) -> None:
        chosen = [
            record
            for letter, record in await _chosen(worker, error_type, stage, every=False)
            if letter_id in (None, letter.letter_id)
        ]
        sent = await redrive(worker.runtime.log, chosen)
        await offline.settled(worker)
        left = len(await _chosen(worker, error_type, stage, every=False))
        if json:
            line({"redriven": sent, "rejected_now": left})
        else:
            note(f"{sent} redriven, {left} rejected now")

    offline.run(main)


async def _chosen(
    worker: Worker, error_type: str | None, stage: str | None, *, every: bool
) -> list[tuple[Letter, Record]]:
    return [
        (letter, record)
        async for letter, record in letters(worker.runtime.log, worker.settings.lanes)
        if (every or not letter.redriven)
        and error_type in (None, letter.error_type)
        and stage in (None, letter.stage)
    ]
