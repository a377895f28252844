"""`tillstream rejected`: what could not be read, and sending it through again."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

import msgspec
import typer

from schemas import topics
from streams.cli import offline
from streams.cli.api import Api, asked, long
from streams.cli.console import AlwaysJson, Json, line, note, table, told
from streams.cli.keys import Admin, Running
from streams.cli.progress import Steps
from streams.errors import SetupError
from streams.operations.position import Position
from streams.operations.rejected import Choice, Letter, chosen, redrive
from streams.operations.tailing import seen
from streams.worker import Worker

app = typer.Typer(help="Dead letters: list, show, redrive.", no_args_is_help=True)

PATH = "/api/v1/operations/rejected"

ErrorType = Annotated[
    str | None, typer.Option("--type", "--error-type", help="only of this error type")
]
Reason = Annotated[str | None, typer.Option(help="only where the reason contains this")]
Stage = Annotated[str | None, typer.Option(help="only of this stage")]
All = Annotated[bool, typer.Option("--all", help="also those that were redriven")]


@app.command("ls")
@told
def list_letters(
    *,
    error_type: ErrorType = None,
    stage: Stage = None,
    every: All = False,
    url: Running = None,
    admin_key: Admin = "",
    json: Json = False,
) -> None:
    """List what was rejected and why."""
    if url is not None:
        asked_for = {"stage": stage, "error_type": error_type, "every": str(every).lower()}
        query = urlencode({name: value for name, value in asked_for.items() if value})
        path = f"{PATH}?{query}"
        (answer,) = asked(url, admin_key, ("GET", path, None))
        found = [msgspec.convert(item, Letter) for item in answer["items"]]
        _show(found, json=json)
        if answer["more"]:
            note(f"{answer['more']} older ones are not listed; choose with --type, --stage")
        return

    async def main(worker: Worker) -> None:
        choice = Choice(error_type=error_type, stage=stage, every=every)
        found = await chosen(worker.runtime.log, worker.settings.lanes, choice)
        _show([letter for letter, _ in found], json=json)

    offline.run_beside(main)


@app.command()
@told
def show(
    letter_id: Annotated[str, typer.Argument(help="lane/offset, as in `ls`")],
    *,
    url: Running = None,
    admin_key: Admin = "",
    json: AlwaysJson = False,
) -> None:
    """Show one letter whole: why, from where, its headers (its body stays sealed)."""
    del json  # there is no other form
    absent = f"there is no letter {letter_id}; `tillstream rejected ls` lists them"
    if url is not None:
        query = urlencode({"letter_id": letter_id, "every": "true"})
        (answer,) = asked(url, admin_key, ("GET", f"{PATH}?{query}", None))
        if not answer["items"]:
            raise SetupError(absent)
        lane, offset = letter_id.split("/")
        where = urlencode({"lane": lane, "start": offset})
        page = f"/api/v1/operations/topics/{topics.REJECTED}?{where}"
        (found,) = asked(url, admin_key, ("GET", page, None))
        line({"letter": answer["items"][0], "headers": found["items"][0]["headers"]})
        return

    async def main(worker: Worker) -> None:
        choice = Choice(letter_id=letter_id, every=True)
        for letter, record in await chosen(worker.runtime.log, worker.settings.lanes, choice):
            line({"letter": letter, "headers": seen(record).headers})
            return
        raise SetupError(absent)

    offline.run_beside(main)


@app.command("redrive")
@told
def redrive_letters(
    *,
    error_type: ErrorType = None,
    reason: Reason = None,
    stage: Stage = None,
    letter_id: Annotated[str | None, typer.Option("--id", help="only this one")] = None,
    url: Running = None,
    admin_key: Admin = "",
    json: Json = False,
) -> None:
    """Send letters through the stage that rejected them again, once each."""
    choice = Choice(error_type=error_type, reason=reason, stage=stage, letter_id=letter_id)
    if url is not None:
        address = url

        async def there(api: Api) -> None:
            _report(*await _redriven_there(api, address, choice), json=json)

        long(address, admin_key, there)
        return

    async def main(worker: Worker) -> None:
        log, lanes = worker.runtime.log, worker.settings.lanes
        with Steps("rejected redrive") as steps:
            sent = await redrive(log, lanes, choice, lambda *now: steps.at(0, *now))
        await offline.caught_up(worker)
        again = msgspec.structs.replace(choice, letter_id=None)
        _report(sent, len(await chosen(log, lanes, again)), json=json)

    offline.run_beside(main)


async def _redriven_there(api: Api, url: str, choice: Choice) -> tuple[int, int]:
    """
    Ask until all are sent; killed, it goes on with the letters that it meant.

    Returns:
        How many were sent, and how many are rejected now.
    """
    meant = msgspec.to_builtins(choice)
    del meant["every"], meant["ends"]
    question = msgspec.json.encode(meant).decode()
    position = Position(offline.home(), "redrive", f"{url}{question}")
    sent = 0
    with Steps("rejected redrive") as steps:
        if position.lanes:
            note("goes on with the letters that there were when it began")
        else:
            first = await api.call("POST", f"{PATH}/redrive", {**meant, "most": 0})
            position.reached(msgspec.convert(first["ends"], dict[int, int], strict=False))
        while True:
            body = {**meant, "ends": position.lanes}
            answer = await api.call("POST", f"{PATH}/redrive", body)
            sent += answer["redriven"]
            steps.at(0, sent, sent + answer["left"])
            if not answer["left"]:
                break
    position.forget()
    return sent, answer["rejected_now"]


def _show(found: list[Letter], *, json: bool) -> None:
    if json:
        for letter in found:
            line(letter)
        return
    rows = [
        (it.letter_id, it.stage, it.error_type, it.reason, it.source, f"{it.at:%F %T}")
        for it in found
    ]
    table("Rejected", ("id", "stage", "error", "reason", "source", "at (UTC)"), rows)


def _report(sent: int, left: int, *, json: bool) -> None:
    if json:
        line({"redriven": sent, "rejected_now": left})
    else:
        note(f"{sent} redriven, {left} rejected now")
