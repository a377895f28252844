"""
The databases of a simulated CORE-POS, in memory: what is in them at a time.

Tills add rows, each with the next `store_row_id`, whenever they reach the server; half an hour
after midnight the nightly task moves what is older than the day into the archive.

Source: CORE-POS/IS4C fannie/cron/tasks/TransArchiveTask.php
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from connectors.corepos.simulator.writing import COLUMNS, Column, Row

Cells = tuple[Column, ...]

OFFICE: Mapping[str, Sequence[str]] = {
    "products": (
        "id",
        "upc",
        "description",
        "brand",
        "normal_price",
        "department",
        "scale",
        "tax",
        "cost",
        "inUse",
        "modified",
        "store_id",
    ),
    "InventoryCounts": ("upc", "storeID", "count", "countDate", "mostRecent", "par"),
    "Stores": ("storeID", "description"),
    "departments": ("dept_no", "dept_name", "dept_tax", "modified", "modifiedby", "active"),
    "prodUpdate": (
        "prodUpdateID",
        "updateType",
        "upc",
        "storeID",
        "description",
        "price",
        "modified",
        "user",
        "inUse",
    ),
    "vendors": ("vendorID", "vendorName", "vendorAbbreviation", "phone", "inactive"),
    "custdata": (
        "id",
        "CardNo",
        "personNum",
        "FirstName",
        "LastName",
        "Balance",
        "Discount",
        "Type",
        "memType",
        "staff",
    ),
}
_WHOLE = {
    "id",
    "inUse",
    "store_id",
    "storeID",
    "dept_no",
    "prodUpdateID",
    "user",
    "vendorID",
    "mostRecent",
    "register_no",
    "emp_no",
    "trans_no",
    "trans_id",
    "store_row_id",
    "pos_row_id",
    "voided",
    "numflag",
}
_ROWS = ("store_row_id", *COLUMNS)
SCHEMA: Mapping[str, Mapping[str, Sequence[str]]] = {
    "core_op": OFFICE,
    "core_trans": {"dtransactions": _ROWS},
    "trans_archive": {"bigArchive": _ROWS},
}


class Tables:
    """The three databases, empty at first."""

    def __init__(self) -> None:
        self._server = sqlite3.connect(":memory:", check_same_thread=False)
        self._last = 0
        for schema, tables in SCHEMA.items():
            self._server.execute(f"ATTACH ':memory:' AS {schema}")
            for table, columns in tables.items():
                wanted = ", ".join(
                    f'"{name}" {"INTEGER" if name in _WHOLE else "TEXT"}' for name in columns
                )
                self._server.execute(f'CREATE TABLE {schema}."{table}" ({wanted})')
        self._server.execute("CREATE INDEX core_trans.by_id ON dtransactions (store_row_id)")
        self._server.execute("CREATE INDEX trans_archive.by_time ON bigArchive (datetime)")

    def put(self, table: str, rows: Iterable[Row]) -> None:
        """Add rows to a table of the operational database."""
        names = OFFICE[table]
        marks = ", ".join("?" * len(names))
        self._server.executemany(
            f'INSERT INTO core_op."{table}" VALUES ({marks})',
            [tuple(row[name] for name in names) for row in rows],
        )

    def ring(self, rows: Iterable[Row]) -> None:
        """Add what a till uploads; each row gets the next `store_row_id`."""
        marks = ", ".join("?" * len(_ROWS))
        numbered: list[Cells] = []
        for row in rows:
            self._last += 1
            numbered.append((self._last, *(row[name] for name in COLUMNS)))
        self._server.executemany(
            f"INSERT INTO core_trans.dtransactions VALUES ({marks})", numbered
        )

    def rotate(self, before: str) -> None:
        """Move the rows that are older than a wall-clock time into the archive."""
        where = "FROM core_trans.dtransactions WHERE datetime < ?"
        self._server.execute(
            f"INSERT INTO trans_archive.bigArchive SELECT * {where}", (before,)
        )
        self._server.execute(f"DELETE {where}", (before,))

    def change(self, text: str) -> None:
        """Carry out a statement in SQLite's dialect, as who works in the office does."""
        self._server.execute(text)

    def select(self, text: str) -> tuple[list[Cells], list[str]]:
        """
        Return the rows of a statement in SQLite's dialect, and their columns.

        Raises:
            sqlite3.Error: it is no statement that these tables can answer.
        """
        found = self._server.execute(text)
        return found.fetchall(), [column[0] for column in found.description or ()]
