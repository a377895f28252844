"""`tillstream import`: files of other systems into a till of one's own, through the API."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Protocol

import msgspec
import typer

from connectors.contract import Response as HttpAnswer
from connectors.contract import Shop
from connectors.push.draft import PROVIDER
from connectors.push.mapping import CsvMapping, MappingError, read_mapping
from connectors.push.sheet import Bill, Sheet, Trouble, read_sheet
from connectors.push.wire import ITEMS_MAX
from schemas.businessday import BusinessCalendar
from schemas.money import Money
from streams.cli.accounts import PATH, Key
from streams.cli.api import Api
from streams.cli.console import FAILED, HERE, Json, line, note, table, told
from streams.cli.keys import Url
from streams.errors import SetupError

BATCH_BYTES = 2 << 20
FILE_BYTES_MAX = 256 << 20
REJECTED, TAKEN = 422, (200, 202, 207)

app = typer.Typer(help="Files of other systems, through the API.", no_args_is_help=True)


class Asking(Protocol):
    """The running Tillstream, as `Api` speaks to it."""

    async def call(self, method: str, path: str) -> Any:
        """Return the decoded answer, or raise SetupError."""
        ...

    async def answer(self, method: str, path: str, body: object) -> HttpAnswer:
        """Return the answer, also one that refuses."""
        ...


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One file to import; the fields are the options of the command."""

    file: Path
    mapping: CsvMapping
    account_id: str
    version: int = 1
    skip_errors: bool = False
    dry_run: bool = False
    json: bool = False


class Imported(msgspec.Struct, kw_only=True):
    """What became of a file."""

    rows: int
    transactions: int
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0


@app.callback()
def files() -> None:
    """Import files of other systems into a till of one's own."""


@app.command("csv")
@told
def import_csv(
    file: Annotated[Path, typer.Argument(help="the CSV file")],
    *,
    mapping: Annotated[Path, typer.Option(help="which column is what (TOML, docs/push.md)")],
    account: Annotated[str, typer.Option(help='an account of the provider "push"')],
    api_key: Key,
    dry_run: Annotated[bool, typer.Option(help="only read the file and show its days")] = False,
    skip_errors: Annotated[
        bool, typer.Option(help="import what is right, although lines are wrong")
    ] = False,
    version: Annotated[
        int, typer.Option(min=0, help="raise it to replace what was imported before")
    ] = 1,
    url: Url = HERE,
    json: Json = False,
) -> None:
    """Import a CSV file; sending it again changes nothing."""
    job = Job(
        file=file,
        mapping=_mapping(mapping),
        account_id=account,
        version=version,
        skip_errors=skip_errors,
        dry_run=dry_run,
        json=json,
    )

    async def main() -> bool:
        async with Api(url, api_key) as api:
            return await carry_out(job, api)

    if not asyncio.run(main()):
        sys.exit(FAILED)


async def carry_out(job: Job, api: Asking) -> bool:
    """
    Read the file, hand in what it holds and tell the operator; say whether all went well.

    Raises:
        SetupError: the file cannot be read, or the API refuses.
    """
    where = f"{PATH}/{job.account_id}"
    content = _content(job.file, FILE_BYTES_MAX)
    shop = _shop(await api.call("GET", where))
    sheet = read_sheet(content, job.mapping, shop, version=job.version)
    _tell(job.file, sheet.troubles)
    if job.dry_run:
        _show_days(sheet, shop.currency or "", json=job.json)
        return not sheet.troubles
    if sheet.troubles and not job.skip_errors:
        note("nothing was imported; correct these lines, or use --skip-errors")
        return False
    made, refused = await _hand_in(api, f"{where}/transactions", sheet)
    _tell(job.file, refused)
    _show(made, json=job.json)
    return not refused and not sheet.troubles


def _content(path: Path, most: int) -> bytes:
    try:
        if path.stat().st_size > most:
            raise SetupError(f"{path} is larger than {most} bytes; split it")
        return path.read_bytes()
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}") from None


def _mapping(path: Path) -> CsvMapping:
    try:
        return read_mapping(_content(path, 1 << 20))
    except MappingError as error:
        raise SetupError(f"{path}: {error}") from None


def _shop(account: dict[str, Any]) -> Shop:
    if account["provider"] != PROVIDER:
        raise SetupError(f'only an account of the provider "{PROVIDER}" takes files')
    return Shop(
        tenant_id="",
        account_id=account["account_id"],
        location_id=account["location_id"],
        calendar=BusinessCalendar(account["timezone"], account["cut_off_hour"]),
        currency=account["currency"],
    )


async def _hand_in(api: Asking, path: str, sheet: Sheet) -> tuple[Imported, list[Trouble]]:
    made = Imported(rows=sheet.rows, transactions=len(sheet.bills))
    refused: list[Trouble] = []
    for bills in _batches(sheet.bills):
        answer = await api.answer("POST", path, [msgspec.Raw(bill.body) for bill in bills])
        said = msgspec.json.decode(answer.body) if answer.body else {}
        if answer.status not in TAKEN and not (answer.status == REJECTED and "items" in said):
            detail = said.get("detail", "")
            what = f"refused from line {bills[0].line} on: {detail}"
            raise SetupError(f"{what}; to run it again is safe")
        for item in said["items"]:
            bill = bills[item["index"]]
            made.accepted += item["verdict"] == "accepted"
            made.duplicates += item["verdict"] == "duplicate-key"
            made.rejected += item["verdict"] == "rejected"
            if item["verdict"] == "rejected":
                refused.append(Trouble(bill.line, f"{item['pointer']}: {item['reason']}"))
            elif item["conflict"]:
                what = "this bill was imported before with other content; raise --version"
                refused.append(Trouble(bill.line, what))
    return made, refused


def _batches(bills: Sequence[Bill]) -> Iterator[list[Bill]]:
    batch: list[Bill] = []
    size = 0
    for bill in bills:
        if batch and (len(batch) == ITEMS_MAX or size + len(bill.body) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(bill)
        size += len(bill.body)
    if batch:
        yield batch


def _tell(file: Path, troubles: Sequence[Trouble]) -> None:
    for trouble in troubles:
        note(f"{file}:{trouble.line}: {trouble.problem}")


def _show(made: Imported, *, json: bool) -> None:
    fields = msgspec.structs.asdict(made)
    if json:
        line(fields)
    else:
        table("Imported", ("", ">"), fields.items())


def _show_days(sheet: Sheet, currency: str, *, json: bool) -> None:
    count: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for bill in sheet.bills:
        count[f"{bill.day}"] += 1
        totals[f"{bill.day}"] += bill.total
    if json:
        for day in sorted(count):
            line({"day": day, "transactions": count[day], "total": totals[day]})
        return
    rows = [(day, count[day], Money(totals[day], currency)) for day in sorted(count)]
    table(f"{len(sheet.bills)} transactions", ("day", ">transactions", ">total"), rows)
