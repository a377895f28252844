"""Files that are there whole or not at all: rows go to a draft, which is then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from streams.export.columns import (
    Cells,
    cells_of,
    flat_cells_of,
    flat_schema_of,
    schema_of,
)

BATCH = 5_000
"""Rows held in memory at a time."""


def write_parquet(path: Path, row: type[msgspec.Struct], rows: Iterable[msgspec.Struct]) -> int:
    """Write rows with what is inside them; returns how many rows the file has."""
    schema = schema_of(row)
    draft = _draft(path)
    try:
        with pa.parquet.ParquetWriter(draft, schema, compression="zstd") as writer:
            count = _write(writer, schema, map(cells_of, rows))
        _finish(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return count


def write_csv(path: Path, row: type[msgspec.Struct], rows: Iterable[msgspec.Struct]) -> int:
    """Write flat rows; returns how many rows the file has."""
    schema = flat_schema_of(row)
    draft = _draft(path)
    try:
        with pa.csv.CSVWriter(draft, schema) as writer:
            count = _write(writer, schema, chain.from_iterable(map(flat_cells_of, rows)))
        _finish(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return count


def _write(writer: Any, schema: pa.Schema, cells: Iterator[Cells]) -> int:
    count = 0
    while batch := list(islice(cells, BATCH)):
        writer.write_batch(pa.RecordBatch.from_pylist(batch, schema))
        count += len(batch)
    return count


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.draft")


def _finish(draft: Path, path: Path) -> None:
    """Make the draft durable, then let it take the place of what was there."""
    with draft.open("rb+") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    with suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
