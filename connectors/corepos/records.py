"""
Departments, vendors and members: whole tables, of which what is needed is kept.

None of them says reliably when a row changed (a rename by the web service leaves `modified` of
a department as it was, vendors have no such column), and rows are deleted without a trace: so
each is read whole, and brought when it is not as it was. Addresses, telephones, notes, balances
and purchases are left where they are: nothing here needs them. A member's name is personal, and
is sealed before it gets into a record.

Sources: CORE-POS/IS4C fannie/classlib2.0/data/models/op/DepartmentsModel.php, VendorsModel.php,
CustdataModel.php; fannie/item/vendors/DeleteVendorPage.php
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Any

import msgspec

from connectors.contract import Page, RecordSet, Request, Response, Shop, ToldRecord
from connectors.corepos.asking import DEPARTMENTS, MEMBERS, VENDORS, array, select
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
        numbers: the columns that name a row together.
        name: the column of its name, "" where it has none that anybody may see.
        unused: the column, and its value, of what is no longer used.
        details: the columns that are kept besides, as they are.
        personal: those of them that are about a person.
        changed: the column of the time of the last change, "" where it says nothing.
    """

    kind: RecordKind
    path: str
    resource: str
    numbers: tuple[str, ...]
    name: str
    unused: tuple[str, str]
    details: tuple[str, ...]
    personal: tuple[str, ...] = ()
    changed: str = "modified"


DEPARTMENT = Table(
    kind=RecordKind.DEPARTMENT,
    path=DEPARTMENTS,
    resource="departments",
    numbers=("dept_no",),
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
    numbers=("vendorID",),
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
MEMBER = Table(
    kind=RecordKind.MEMBER,
    path=MEMBERS,
    resource="members",
    numbers=("CardNo", "personNum"),
    name="",
    unused=("Type", "TERM"),
    details=("Type", "memType", "Discount", "staff", "SSI", "ChargeOk", "WriteChecks"),
    personal=("FirstName", "LastName"),
    # `LastChange` moves with every balance, which is not kept
    changed="",
)
TABLES = (DEPARTMENT, VENDOR, MEMBER)

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
    wanted = (*table.numbers, table.name, table.unused[0], table.changed, "modifiedby")
    columns, further = _row.decode(row), table.details + table.personal
    return msgspec.json.encode(
        {name: columns[name] for name in (*wanted, *further) if name in columns}
    )


def all_of(table: Table, rows: Iterable[Columns], shop: Shop, as_of_us: int) -> RecordSet:
    """
    Return the set that the rows of a whole table are.

    Raises:
        UnreadableError: a row has no number, or none of them has a name.
    """
    told = tuple([_told(table, row, shop, as_of_us) for row in rows])
    if told and table.name and not any(text(row.get(table.name)) for row in rows):
        raise UnreadableError(f"{table.resource}: no row has a name")
    return RecordSet(kind=table.kind, records=told, as_of_us=as_of_us)


def _told(table: Table, row: Columns, shop: Shop, as_of_us: int) -> ToldRecord:
    numbers, (unused, yes) = [text(row.get(name)) for name in table.numbers], table.unused
    if not all(numbers):
        raise UnreadableError(f"{table.resource}: a row without a number")
    number, personal = "-".join(numbers), _said(row, table.personal)
    record = PosRecord(
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        kind=table.kind,
        record_id=number,
        name=text(row.get(table.name)) or number,
        version=as_of_us,
        details=_said(row, table.details),
        deleted=row.get(unused) is not None and text(row.get(unused)) == yes,
        changed_at=time_of_change(row.get(table.changed), shop.calendar),
        personal=msgspec.json.encode(personal).decode() if personal else None,
    )
    user = code(row.get("modifiedby"))
    return ToldRecord(record, user if user and record.changed_at is not None else None)


def _said(row: Columns, names: Iterable[str]) -> dict[str, str]:
    return {name: said for name in names if (said := text(row.get(name)))}
