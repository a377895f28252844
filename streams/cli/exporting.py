"""`tillstream export`: what people read, as a Parquet or CSV file."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from streams.cli import offline
from streams.cli.console import Json, line, note, told
from streams.errors import SetupError
from streams.export.rows import SOURCES, Choice, Export, rows_of


@told
def export(
    what: Annotated[Export, typer.Argument(help="which rows")],
    *,
    parquet: Annotated[Path | None, typer.Option(help="write this file")] = None,
    csv: Annotated[Path | None, typer.Option(help="write this file, flat")] = None,
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="first business day"),
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="last business day")
    ] = None,
    account: Annotated[str | None, typer.Option(help="only this account")] = None,
    tenant: Annotated[str | None, typer.Option(help="only this tenant")] = None,
    json: Json = False,
) -> None:
    """Write rows to a file, which is there whole or not at all."""
    if find_spec("pyarrow") is None:
        raise SetupError("export needs pyarrow; pip install 'tillstream[export]'")
    if (parquet is None) == (csv is None):
        raise SetupError("give --parquet FILE or --csv FILE")
    choice = Choice(
        tenant_id=tenant,
        account_id=account,
        first=None if first is None else first.replace(tzinfo=UTC).date(),
        last=None if last is None else last.replace(tzinfo=UTC).date(),
    )
    choice.check(SOURCES[what])
    path = parquet or csv or Path()
    if not path.parent.is_dir():
        raise SetupError(f"{path.parent} is no folder; make it first")
    count = asyncio.run(_export(what, choice, path, flat=csv is not None))
    if json:
        line({"export": what, "file": str(path), "rows": count})
    else:
        note(f"{count} rows in {path}")


async def _export(what: Export, choice: Choice, path: Path, *, flat: bool) -> int:
    # Here, so that all else works where the extra is not installed.
    from streams.export.files import write_csv, write_parquet  # noqa: PLC0415

    source = SOURCES[what]
    async with offline.readable(offline.settings_for_tools()) as worker:
        rows = rows_of(worker.runtime.views, worker.directory, source, choice)
        write = write_csv if flat else write_parquet
        return write(path, source.row, rows)
