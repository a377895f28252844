"""
The SQL of each question; pure. Values are parameters, names of databases are checked before.

Source: CORE-POS/IS4C fannie/cron/tasks/TransArchiveTask.php (bigArchive, or a table a month),
fannie/classlib2.0/data/models/op/ProductsModel.php, ProdUpdateModel.php,
InventoryCountsModel.php, StoresModel.php
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime

from msgspec import Struct

from connectors.contract import PermanentError, Request
from connectors.corepos.asking import (
    ARCHIVE,
    ARCHIVED_LOG,
    ARCHIVED_SUMS,
    COUNTS,
    DEPARTMENTS,
    MEMBERS,
    PRODUCT_LOG,
    PRODUCTS,
    PRODUCTS_IN_USE,
    STORES,
    TODAY,
    TODAYS_BOUNDS,
    TODAYS_SUMS,
    VENDORS,
)
from connectors.corepos.dsn import Dsn

PAGE_MAX = 10_000

Asked = Mapping[str, str]


class Statement(Struct, frozen=True, kw_only=True):
    """
    What to send.

    Args:
        tables: may be missing; each becomes a SELECT of its own, joined by UNION ALL. The
            first name in backquotes is then their database's.
    """

    text: str
    values: tuple[str | int, ...]
    tables: tuple[str, ...] = ()


def statement(request: Request, dsn: Dsn) -> Statement:
    """
    Return the SQL of a question.

    Raises:
        PermanentError: nobody asks that, or a bound is missing or none.
    """
    make = _STATEMENTS.get(request.path)
    if make is None:
        raise PermanentError(f"{request.path[:40]}: no such question to the database")
    try:
        return make(dict(request.query), dsn)
    except (KeyError, ValueError):
        raise PermanentError(f"{request.path}: a bound is missing or is none") from None


def _store(asked: Asked, column: str) -> tuple[str, tuple[str | int, ...]]:
    """Return the condition on the store; 0 stands for all, or for the only one."""
    if "store" not in asked:
        return "TRUE", ()
    return f"({column} IN (0, %s) OR {column} IS NULL)", (asked["store"],)


def _limit(asked: Asked) -> int:
    return min(int(asked["limit"]), PAGE_MAX)


def _bounds(asked: Asked, dsn: Dsn) -> Statement:
    here, store = _store(asked, "store_id")
    return Statement(
        text="SELECT MAX(store_row_id) AS store_row_id, MIN(`datetime`) AS `datetime` "
        f"FROM `{dsn.trans}`.dtransactions WHERE {here}",
        values=store,
    )


def _today(asked: Asked, dsn: Dsn) -> Statement:
    """All rows of the transactions that have a row after `after`."""
    here, store = _store(asked, "store_id")
    table = f"`{dsn.trans}`.dtransactions"
    same = " AND ".join(
        f"d.{name} <=> n.{name}" for name in ("store_id", "register_no", "emp_no", "trans_no")
    )
    return Statement(
        text=f"SELECT d.* FROM {table} d JOIN (SELECT DISTINCT store_id, register_no, emp_no, "
        f"trans_no FROM {table} WHERE store_row_id > %s AND {here}) n ON {same} "
        "WHERE d.store_row_id > %s ORDER BY d.store_row_id LIMIT %s",
        values=(int(asked["after"]), *store, int(asked["page"]), _limit(asked)),
    )


def _archive(asked: Asked, dsn: Dsn) -> Statement:
    """
    The rows of [from, to), by time: the archive has no key of its own.

    By a setting of CORE-POS's they are in one table or in one a month; after a change of that
    setting in both.
    """
    here, store = _store(asked, "store_id")
    begin, end = date.fromisoformat(asked["from"]), date.fromisoformat(asked["to"])
    return Statement(
        text=f"SELECT * FROM `{dsn.archive}`.`{{table}}` "
        f"WHERE `datetime` >= %s AND `datetime` < %s AND {here}",
        values=(begin.isoformat(), end.isoformat(), *store),
        tables=("bigArchive", f"transArchive{begin:%Y%m}"),
    )


def _todays_sums(asked: Asked, dsn: Dsn) -> Statement:
    text, values = _sums(asked, f"`{dsn.trans}`.dtransactions")
    return Statement(text=text, values=values)


def _archived_sums(asked: Asked, dsn: Dsn) -> Statement:
    text, values = _sums(asked, f"`{dsn.archive}`.`{{table}}`")
    month = f"{datetime.fromisoformat(asked['from']):%Y%m}"
    return Statement(text=text, values=values, tables=("bigArchive", f"transArchive{month}"))


def _sums(asked: Asked, table: str) -> tuple[str, tuple[str | int, ...]]:
    """
    The sums of [from, to) by kind of row, over the rows that the dlog view lets through.

    A row that a till uploaded twice has another `store_row_id` and is the same in all else.

    Source: view dlog; fannie/classlib2.0/data/models/trans/DTransactionsModel.php
    """
    here, store = _store(asked, "store_id")
    begin, end = datetime.fromisoformat(asked["from"]), datetime.fromisoformat(asked["to"])
    same = "register_no, emp_no, trans_no, trans_id, pos_row_id, datetime"
    kind = (
        "CASE WHEN trans_subtype IN ('CP', 'IC') THEN 'T' "
        "WHEN upc = 'DISCOUNT' THEN 'S' ELSE trans_type END"
    )
    text = (
        f"SELECT kind, SUM(total) AS total FROM (SELECT DISTINCT {same}, upc, total, "
        f"{kind} AS kind FROM {table} WHERE `datetime` >= %s AND `datetime` < %s AND {here} "
        "AND trans_status NOT IN ('D', 'X', 'Z') AND emp_no <> 9999 AND register_no <> 99"
        ") dlog GROUP BY kind"
    )
    return text, (f"{begin:%Y-%m-%d %H:%M:%S}", f"{end:%Y-%m-%d %H:%M:%S}", *store)


def _products(asked: Asked, dsn: Dsn) -> Statement:
    here, store = _store(asked, "store_id")
    table = f"SELECT * FROM `{dsn.op}`.products WHERE {here}"
    if "upc" in asked:
        return Statement(text=f"{table} AND upc = %s", values=(*store, asked["upc"]))
    tail, bounds = "AND id > %s ORDER BY id LIMIT %s", (int(asked["page"]), _limit(asked))
    if "since" not in asked:
        return Statement(text=f"{table} {tail}", values=(*store, *bounds))
    values = (*store, asked["since"], *bounds)
    return Statement(text=f"{table} AND modified >= %s {tail}", values=values)


def _product_log(asked: Asked, dsn: Dsn) -> Statement:
    """CORE-POS's own log of changed products; installations of before it have none."""
    here, store = _store(asked, "storeID")
    return Statement(
        text=f"SELECT * FROM `{dsn.op}`.`{{table}}` WHERE {here} "
        "AND prodUpdateID > %s ORDER BY prodUpdateID LIMIT %s",
        values=(*store, int(asked["page"]), _limit(asked)),
        tables=("prodUpdate",),
    )


def _archived_log(asked: Asked, dsn: Dsn) -> Statement:
    """What an older nightly task took out of the log, by time: the numbers are lost there."""
    here, store = _store(asked, "storeID")
    since = datetime.fromisoformat(asked["since"])
    return Statement(
        text=f"SELECT * FROM `{dsn.op}`.`{{table}}` WHERE {here} "
        "AND modified >= %s ORDER BY modified",
        values=(*store, f"{since:%Y-%m-%d %H:%M:%S}"),
        tables=("prodUpdateArchive",),
    )


def _in_use(asked: Asked, dsn: Dsn) -> Statement:
    here, store = _store(asked, "store_id")
    return Statement(
        text=f"SELECT id, upc, store_id, inUse FROM `{dsn.op}`.products "
        f"WHERE {here} AND id > %s ORDER BY id LIMIT %s",
        values=(*store, int(asked["page"]), _limit(asked)),
    )


def _counts(asked: Asked, dsn: Dsn) -> Statement:
    here, store = _store(asked, "storeID")
    return Statement(
        text=f"SELECT * FROM `{dsn.op}`.`{{table}}` WHERE mostRecent = 1 AND {here}",
        values=store,
        tables=("InventoryCounts",),
    )


def _departments(_asked: Asked, dsn: Dsn) -> Statement:
    return _whole("departments", dsn)


def _vendors(_asked: Asked, dsn: Dsn) -> Statement:
    return _whole("vendors", dsn)


def _members(_asked: Asked, dsn: Dsn) -> Statement:
    return _whole("custdata", dsn)


def _whole(table: str, dsn: Dsn) -> Statement:
    """A whole table, without a limit: what is missing from it counts as deleted."""
    return Statement(text=f"SELECT * FROM `{dsn.op}`.`{{table}}`", values=(), tables=(table,))


def _stores(asked: Asked, dsn: Dsn) -> Statement:
    """Names only: that table holds passwords, too."""
    return Statement(
        text=f"SELECT storeID, description FROM `{dsn.op}`.Stores WHERE storeID = %s",
        values=(int(asked["store"]),),
    )


_STATEMENTS: Mapping[str, Callable[[Asked, Dsn], Statement]] = {
    TODAYS_BOUNDS: _bounds,
    TODAY: _today,
    ARCHIVE: _archive,
    TODAYS_SUMS: _todays_sums,
    ARCHIVED_SUMS: _archived_sums,
    PRODUCTS: _products,
    PRODUCT_LOG: _product_log,
    ARCHIVED_LOG: _archived_log,
    PRODUCTS_IN_USE: _in_use,
    DEPARTMENTS: _departments,
    VENDORS: _vendors,
    MEMBERS: _members,
    COUNTS: _counts,
    STORES: _stores,
}
