"""
CORE-POS's web service, asked for what would else be asked of the operational database.

It is JSON-RPC 2.0 behind one URL; every table is an entity, read by equality of columns alone:
no pages, no "changed since". So a table comes whole, once a conversation, and the bounds of the
question are kept here. It answers what it cannot read with no rows: an empty answer is never a
reason to delete. Every value is a text, NULL columns are left out, and a row is a JSON text
inside the JSON answer.

Source: CORE-POS/IS4C fannie/ws/index.php, fannie/classlib2.0/webservices/FannieEntity.php
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from connectors.contract import PermanentError, Request, Response
from connectors.corepos.asking import (
    DEPARTMENTS,
    MEMBERS,
    PRODUCT_LOG,
    PRODUCTS,
    PRODUCTS_IN_USE,
    STORES,
    VENDORS,
)
from connectors.corepos.columns import text, whole
from connectors.exchange import Exchange
from connectors.troubles import UnreadableError

FANNIE_ENTITY = "\\COREPOS\\Fannie\\API\\webservices\\FannieEntity"
BUDGET = "web-service"

Columns = dict[str, Any]


class Entity(NamedTuple):
    """
    A table of the web service.

    Args:
        number: the column that its rows are in the order of.
        store: the column of the store, "" where rows are of all stores.
        always: a column that tells of which table a row is; it is there, also when it is NULL.
        columns: those that are handed on, empty for all.
    """

    name: str
    number: str
    store: str = ""
    always: str = ""
    columns: tuple[str, ...] = ()


ENTITIES: Mapping[str, Entity] = {
    PRODUCTS: Entity("Products", "id", "store_id", "normal_price"),
    PRODUCTS_IN_USE: Entity(
        "Products", "id", "store_id", columns=("id", "upc", "store_id", "inUse")
    ),
    PRODUCT_LOG: Entity("ProdUpdate", "prodUpdateID", "storeID", "updateType"),
    DEPARTMENTS: Entity("Departments", "dept_no"),
    VENDORS: Entity("Vendors", "vendorID"),
    # `FannieMember` tells more, and makes rows of accounts when it is only asked
    MEMBERS: Entity("Custdata", "id"),
    # the table holds passwords, too
    STORES: Entity("Stores", "storeID", columns=("storeID", "description")),
}
BESIDE_DATABASE = frozenset({PRODUCTS, PRODUCTS_IN_USE, DEPARTMENTS, VENDORS, MEMBERS})


class _Found(msgspec.Struct):
    result: list[str]


class _Error(msgspec.Struct):
    code: int | None = None


class _Answer(msgspec.Struct):
    result: _Found | None = None
    error: _Error | None = None


_answer = msgspec.json.Decoder(_Answer)
_row = msgspec.json.Decoder(dict[str, Any])


class WebTables:
    """What one conversation has read; a table is asked for once."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._whole: dict[str, list[Columns]] = {}

    async def ask(self, request: Request) -> bytes:
        """
        Return the rows that a question to the database would give, as a JSON array.

        Raises:
            TransientError, CredentialsError: as in `Exchange.ask`.
            PermanentError: it refused, or answered what cannot be read.
        """
        entity, asked = ENTITIES[request.path], dict(request.query)
        if "upc" in asked:
            rows = await self._rows(entity, {"upc": asked["upc"]})
        else:
            if entity.name not in self._whole:
                self._whole[entity.name] = await self._rows(entity, {})
            rows = self._whole[entity.name]
        return msgspec.json.encode(chosen(rows, entity, asked))

    async def _rows(self, entity: Entity, columns: dict[str, str]) -> list[Columns]:
        return rows_of(await self._exchange.ask(call_of(entity, columns)), entity)


def call_of(entity: Entity, columns: dict[str, str]) -> Request:
    """Return the call that asks for the rows whose columns are these."""
    params = {"entity": entity.name, "submethod": "get", "columns": columns}
    call = {"jsonrpc": "2.0", "method": FANNIE_ENTITY, "params": params, "id": 1}
    return Request(method="POST", path="/", body=msgspec.json.encode(call), budget=BUDGET)


def rows_of(answer: Response, entity: Entity) -> list[Columns]:
    """
    Return the rows of an answer, in the order of their numbers.

    Raises:
        PermanentError: it is an error, or none of CORE-POS's answers.
    """
    what = f"the web service, asked for {entity.name},"
    try:
        said = _answer.decode(answer.body)
        if said.error is not None:
            raise PermanentError(f"{what} answered with error {said.error.code}")
        if said.result is None:
            raise PermanentError(f"{what} gave no rows; is the URL that of fannie/ws/?")
        rows = [_row.decode(row) for row in said.result.result]
        return sorted(rows, key=lambda row: whole(row.get(entity.number), entity.number))
    except (msgspec.MsgspecError, UnreadableError):
        raise PermanentError(
            f"{what} answered {answer.status} and nothing that can be read; the URL must be "
            "that of fannie/ws/, and CORE-POS must run on a PHP that it supports"
        ) from None


def chosen(rows: list[Columns], entity: Entity, asked: Mapping[str, str]) -> list[Columns]:
    """
    Return the rows within the bounds of a question, with the columns that are handed on.

    Args:
        asked: "store" and, of the number, "page" (only rows after it); "since", a wall-clock
            time. There is no limit: all rows are here anyway.
    """
    store, after = asked.get("store", ""), int(asked.get("page", 0))
    found = []
    for row in rows:
        if entity.store and store and text(row.get(entity.store)) not in {"", "0", store}:
            continue
        if entity.name == "Stores" and text(row.get("storeID")) != store:
            continue
        number = whole(row.get(entity.number), entity.number)
        if number <= after and entity.store:
            continue
        if "since" in asked and text(row.get("modified")) < asked["since"]:
            continue
        found.append(_handed_on(row, entity))
    return found


def _handed_on(row: Columns, entity: Entity) -> Columns:
    if entity.columns:
        return {name: row[name] for name in entity.columns if name in row}
    return {entity.always: None, **row} if entity.always else row
