"""
Departments and vendors: whole tables, of which only what is not about people is kept.

Neither table says reliably when a row changed (a rename by the web service leaves `modified` of
a department as it was, vendors have no such column), and rows are deleted without a trace: so
each is read whole, and brought when it is not as it was. Vendors' addresses, telephones and
notes, and all of the members, are left where they are: nothing here needs them.

Sources: CORE-POS/IS4C fannie/classlib2.0/data/models/op/DepartmentsModel.php, VendorsModel.php;
fannie/item/vendors/DeleteVendorPage.php
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Any

import msgspec

from connectors.contract import Page, RecordSet, Request, Response, Shop, ToldRecord
from connectors.corepos.asking import DEPARTMENTS, VENDORS, array, select
from connectors.corepos.columns import code, text, time_of_change
from connectors.corepos.position import digest
from connectors.troubles import UnreadableError
from schemas.catalogue import PosRecord, RecordKind

Columns = Mapping[str, Any]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a table's columns are read.

    Args:
        resource: what its body and its page are called.
        unused: the column, and its value, of what is no longer used.
        details: the columns that are kept besides, as they are.
    """

    kind: RecordKind
    path: str
    resource: str
    number: str
    name: str
    unused: tuple[str, str]
    details: tuple[str, ...]


DEPARTMENT = Table(
    kind=RecordKind.DEPARTMENT,
    path=DEPARTMENTS,
    resource="departments",
    number="dept_no",
    name="dept_name",
    unused=("active", "0"),
    details=(
        "dept_tax",
        "dept_fs",
        "dept_limit",
        "dept_minimum",
        "dept_discount",
        "dept_see_id",
        "margin",
        "salesCode",
        "memberOnly",
        "line_item_discount",
        "dept_wicable",
    ),
)
VENDOR = Table(
    kind=RecordKind.VENDOR,
    path=VENDORS,
    resource="vendors",
    number="vendorID",
    name="vendorName",
    unused=("inactive", "1"),
    details=(
        "vendorAbbreviation",
        "shippingMarkup",
        "discountRate",
        "localOriginID",
        "orderMinimum",
        "halfCases",
    ),
)
TABLES = (DEPARTMENT, VENDOR)

_row = msgspec.json.Decoder(dict[str, Any])


def tables(
    known: Mapping[str, str],
) -> Generator[Request | Page, Response | None, dict[str, str]]:
    """
    Ask for the tables and bring those that are not as they were; return what they are.

    An empty answer brings nothing: it is what a table looks like that cannot be read.

    Args:
        known: a digest of each table by its resource.
    """
    seen: dict[str, str] = {}
    for table in TABLES:
        rows = [_kept(row, table) for row in (yield from select(table.path, ()))]
        if not rows:
            continue
        seen[table.resource] = digest(rows)
        if seen[table.resource] != known.get(table.resource):
            body = msgspec.json.encode({table.resource: msgspec.Raw(array(rows))})
            yield Page(resource=table.resource, bodies=(body,))
    return seen


def _kept(row: bytes, table: Table) -> bytes:
    """Return the columns that are kept; the others do not even get into a body."""
    wanted = (table.number, table.name, table.unused[0], "modified", "modifiedby")
    columns = _row.decode(row)
    return msgspec.json.encode(
        {name: columns[name] for name in (*wanted, *table.details) if name in columns}
    )


def all_of(table: Table, rows: Iterable[Columns], shop: Shop, as_of_us: int) -> RecordSet:
    """
    Return the set that the rows of a whole table are.

    Raises:
        UnreadableError: a row has no number, or none of them has a name.
    """
    told = tuple([_told(table, row, shop, as_of_us) for row in rows])
    if told and not any(text(row.get(table.name)) for row in rows):
        raise UnreadableError(f"{table.resource}: no row has a name")
    return RecordSet(kind=table.kind, records=told, as_of_us=as_of_us)


def _told(table: Table, row: Columns, shop: Shop, as_of_us: int) -> ToldRecord:
    number, (unused, yes) = text(row.get(table.number)), table.unused
    if not number:
        raise UnreadableError(f"{table.resource}: a row without a number")
    record = PosRecord(
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        kind=table.kind,
        record_id=number,
        name=text(row.get(table.name)) or number,
        version=as_of_us,
        details={name: said for name in table.details if (said := text(row.get(name)))},
        deleted=row.get(unused) is not None and text(row.get(unused)) == yes,
        changed_at=time_of_change(row.get("modified"), shop.calendar),
    )
    user = code(row.get("modifiedby"))
    return ToldRecord(record, user if user and record.changed_at is not None else None)
