"""What can be exported, and its rows in key order, a page of them in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from typing import NamedTuple

import msgspec

from schemas.codec import unpack
from schemas.purchasing import PurchaseOrder
from schemas.rows import InventoryRow, SalesDayRow, SalesRow, UnmappedRow
from schemas.transaction import Transaction
from streams.directory import Directory
from streams.errors import SetupError
from streams.spans import day_span, rows_in
from streams.views import Views


class Export(StrEnum):
    """What can be exported."""

    TRANSACTIONS = "transactions"
    SALES = "sales"
    SALES_DAYS = "sales-days"
    INVENTORY = "inventory"
    UNMAPPED_REVENUE = "unmapped-revenue"
    PURCHASE_ORDERS = "purchase-orders"


class Source(NamedTuple):
    """Where the rows of an export are; `by_day` says that their keys are account/day/…."""

    table: str
    row: type[msgspec.Struct]
    by_day: bool


SOURCES = {
    Export.TRANSACTIONS: Source("project.transactions", Transaction, by_day=True),
    Export.SALES: Source("project.sales", SalesRow, by_day=True),
    Export.SALES_DAYS: Source("project.sales_days", SalesDayRow, by_day=True),
    Export.INVENTORY: Source("project.inventory", InventoryRow, by_day=False),
    Export.UNMAPPED_REVENUE: Source("project.unmapped", UnmappedRow, by_day=False),
    Export.PURCHASE_ORDERS: Source("normalise.orders", PurchaseOrder, by_day=False),
}


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows: of a tenant, of an account, of business days (both inclusive)."""

    tenant_id: str | None = None
    account_id: str | None = None
    first: date | None = None
    last: date | None = None

    def check(self, source: Source) -> None:
        """
        Refuse a choice that means nothing.

        Raises:
            SetupError: says what does not fit.
        """
        if not source.by_day and (self.first or self.last):
            raise SetupError("--from and --to are for what has days: this is as it is now")
        if self.first is not None and self.last is not None and self.last < self.first:
            raise SetupError("--to is before --from")


def rows_of(
    views: Views, directory: Directory, source: Source, choice: Choice
) -> Iterator[msgspec.Struct]:
    """
    Yield the rows that are chosen, by account and key.

    Raises:
        SetupError: the account or the tenant is not there, or has no account.
    """
    choice.check(source)
    chosen = sorted(
        account.account_id
        for account in directory.all_accounts()
        if choice.tenant_id in (None, account.tenant_id)
        and choice.account_id in (None, account.account_id)
    )
    if not chosen and (choice.tenant_id or choice.account_id):
        raise SetupError("no such account; `tillstream accounts ls` lists them")
    for account_id in chosen:
        span = day_span(account_id, directory.lane(account_id), choice.first, choice.last)
        for _, row in rows_in(views, source.table, span):
            yield unpack(source.row, row)
