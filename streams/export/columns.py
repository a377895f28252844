"""
Columns of a file, made from the fields of a row: the same names in the same order, always.

Amounts are whole minor units (int64) of `currency`; the amounts that people ask for first stand
a second time as exact decimals in units of the currency. Quantities are decimal text, since
their scale belongs to the goods. Instants are UTC, days are dates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, get_type_hints

import msgspec
import pyarrow as pa

from schemas.money import exponent
from schemas.purchasing import OrderedLine, PurchaseOrder
from schemas.shapes import items, optional, values
from schemas.transaction import Line, Transaction

LEFT_OUT = frozenset({"customer", "last_four"})
"""Sealed, or digits of a card: nothing that a table of sales needs."""

AMOUNTS = ("net", "total", "goods_total")
AMOUNT_TYPE = pa.decimal128(24, 4)
_LINES: Mapping[type[msgspec.Struct], type[msgspec.Struct]] = {
    Transaction: Line,
    PurchaseOrder: OrderedLine,
}
"""Rows that have lines, each a row of its own in a flat table."""
_ONCE = frozenset(
    {"discounts", "taxes", "service_charges", "tips", "tenders", "goods_total", "custom_fields"}
)
_SCALARS: Mapping[type, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),
    str: pa.string(),
    float: pa.float64(),
    Decimal: pa.string(),
    date: pa.date32(),
    datetime: pa.timestamp("us", tz="UTC"),
}
PLAIN = (datetime, date)

Cells = dict[str, Any]


def schema_of(row: type[msgspec.Struct]) -> pa.Schema:
    """Return the columns of a row with what it holds inside it, for Parquet."""
    return pa.schema(
        [*_fields(row), *(pa.field(f"{name}_amount", AMOUNT_TYPE) for name in _amounts(row))]
    )


def cells_of(row: msgspec.Struct) -> Cells:
    """Return a row for `schema_of`."""
    cells: Cells = msgspec.to_builtins(row, builtin_types=PLAIN)
    return cells | _amount_cells(row)


def flat_schema_of(row: type[msgspec.Struct]) -> pa.Schema:
    """
    Return the columns of a row as a flat table, for CSV.

    A transaction or a purchase order has a row a line, with the columns of the line behind its
    own. What else there are many of is JSON text.
    """
    fields = [
        field for own in _fields(row) if own.name != "lines" for field in _flattened(own, "")
    ]
    if (line := _LINES.get(row)) is not None:
        fields += [flat for own in _fields(line) for flat in _flattened(own, "line_")]
    amounts = [pa.field(f"{name}_amount", AMOUNT_TYPE) for name in _amounts(row)]
    return pa.schema([*fields, *amounts])


def flat_cells_of(row: msgspec.Struct) -> Iterator[Cells]:
    """
    Yield the flat rows of a row, for `flat_schema_of`.

    Amounts of the whole stand on its first row only, so that each column can be summed.
    """
    cells: Cells = msgspec.to_builtins(row, builtin_types=PLAIN)
    lines = cells.pop("lines", None) or [{}]
    own = _flat(cells, "") | _amount_cells(row)
    repeated = {name: cell for name, cell in own.items() if not _stands_once(name)}
    for number, line in enumerate(lines):
        yield (repeated if number else own) | _flat(line, "line_")


def _stands_once(name: str) -> bool:
    return name.startswith("totals_") or name.endswith("_amount") or name in _ONCE


def _fields(cls: type[msgspec.Struct]) -> list[pa.Field]:
    types = get_type_hints(cls)
    return [_field(name, types[name]) for name in cls.__struct_fields__ if name not in LEFT_OUT]


def _field(name: str, hint: Any) -> pa.Field:
    inside = optional(hint)
    return pa.field(name, _type(hint if inside is None else inside), inside is not None)


def _type(hint: Any) -> pa.DataType:
    if (item := items(hint)) is not None:
        return pa.list_(_field("item", item))
    if (item := values(hint)) is not None:
        return pa.map_(pa.string(), _type(item))
    if hint in _SCALARS:
        return _SCALARS[hint]
    if issubclass(hint, Enum):
        return pa.string()
    return pa.struct(_fields(hint))


def _flattened(field: pa.Field, before: str) -> Iterator[pa.Field]:
    """Structs become columns of their own; lists and maps become JSON text."""
    name = before + field.name
    if pa.types.is_struct(field.type):
        for inner in field.type:
            yield from _flattened(inner, f"{name}_")
    elif pa.types.is_list(field.type) or pa.types.is_map(field.type):
        yield pa.field(name, pa.string())
    else:
        yield pa.field(name, field.type)


def _flat(cells: Cells, before: str) -> Cells:
    found: Cells = {}
    for name, cell in cells.items():
        if name == "totals":
            found |= _flat(cell, f"{before}{name}_")
        elif isinstance(cell, dict | list | tuple):
            found[before + name] = msgspec.json.encode(_without(cell)).decode()
        else:
            found[before + name] = cell
    return found


def _without(cell: Any) -> Any:
    if isinstance(cell, dict):
        return {name: _without(one) for name, one in cell.items() if name not in LEFT_OUT}
    if isinstance(cell, list | tuple):
        return [_without(one) for one in cell]
    return cell


def _amounts(row: type[msgspec.Struct]) -> list[str]:
    if "currency" not in row.__struct_fields__:
        return []
    held = {*row.__struct_fields__, *(("net", "total") if row is Transaction else ())}
    return [name for name in AMOUNTS if name in held]


def _amount_cells(row: msgspec.Struct) -> Cells:
    holder = row.totals if isinstance(row, Transaction) else row
    currency = getattr(row, "currency", None)
    return {
        f"{name}_amount": _amount(getattr(holder, name), currency)
        for name in _amounts(type(row))
    }


def _amount(minor: int | None, currency: str | None) -> Decimal | None:
    """Return an amount in units of its currency; None where one of them is not said."""
    if minor is None or currency is None:
        return None
    return Decimal(minor).scaleb(-exponent(currency))
