"""
The web service of a simulated CORE-POS: JSON-RPC 2.0 over the tables of its office.

It is as a real one is: everything is HTTP 200, columns are compared for equality alone, every
value is a text, NULL is left out, rows are JSON texts in the JSON answer, and what is in no
table of the office's (sales) is an empty answer. It only reads.

Source: CORE-POS/IS4C fannie/ws/index.php, fannie/classlib2.0/webservices/FannieEntity.php
"""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.corepos.simulator.tables import OFFICE, Tables
from connectors.corepos.web import FANNIE_ENTITY

INVALID, NOT_FOUND, UNREADABLE = -32600, -32601, -32700
_TABLES = {
    "Products": "products",
    "ProdUpdate": "prodUpdate",
    "Departments": "departments",
    "Vendors": "vendors",
    "Stores": "Stores",
    "Custdata": "custdata",
}
_SALES = {"DTransactions", "TransArchive", "BigArchive", "DLog15"}


class _CallError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def answer(body: bytes, tables: Tables) -> bytes:
    """Return the body of the answer to a call; a call without an id gets an empty one."""
    try:
        call = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        return _error(None, _CallError(UNREADABLE, "JSON Parse Error"))
    number = call.get("id")
    if number is None:
        return b""
    try:
        found = _entity(call, tables)
    except _CallError as error:
        return _error(number, error)
    said = {"jsonrpc": "2.0", "id": number, "result": {"result": found}}
    return msgspec.json.encode(said)


def _error(number: object, error: _CallError) -> bytes:
    told = {"code": error.code, "message": error.message}
    return msgspec.json.encode({"jsonrpc": "2.0", "id": number, "error": told})


def _entity(call: dict[str, Any], tables: Tables) -> list[str]:
    """Return the rows that a call asks for, each as a JSON text."""
    if call.get("method") != FANNIE_ENTITY:
        raise _CallError(NOT_FOUND, "Method not found")
    params = call.get("params") or {}
    name, wanted = params.get("entity"), params.get("columns")
    if name in _SALES:
        return []
    if name not in _TABLES:
        raise _CallError(INVALID, "Invalid entity")
    if params.get("submethod") == "set":
        raise _CallError(INVALID, "Set not allowed on this entity")
    if params.get("submethod") != "get":
        raise _CallError(NOT_FOUND, "Invalid submethod")
    if not isinstance(wanted, dict):
        raise _CallError(NOT_FOUND, "Columns cannot be empty")
    table = _TABLES[name]
    for column in wanted:
        if column not in OFFICE[table]:
            raise _CallError(INVALID, f"Invalid column {column}")
    rows, columns = tables.select(f'SELECT * FROM core_op."{table}"')  # noqa: S608 - a name of ours
    found = [dict(zip(columns, row, strict=True)) for row in rows]
    return [
        _text(row)
        for row in found
        if all(str(row[column]) == str(value) for column, value in wanted.items())
    ]


def _text(row: dict[str, Any]) -> str:
    said = {name: str(value) for name, value in row.items() if value is not None}
    return msgspec.json.encode(said).decode()
