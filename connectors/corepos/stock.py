"""
Stock: counts that people made, and what was thrown away (shrink).

Source: CORE-POS/IS4C fannie/classlib2.0/data/models/op/InventoryCountsModel.php; rows of
dtransactions with trans_status Z
"""

from __future__ import annotations

from collections.abc import Iterable

from connectors.contract import Shop
from connectors.corepos.columns import code, local_time, quantity, text
from connectors.corepos.rows import SHRINK, status_of
from connectors.corepos.wire import Row
from connectors.troubles import UnreadableError
from schemas.catalogue import CountKind, StockCount
from schemas.identity import derived_id


def counted(rows: Iterable[Row], shop: Shop) -> tuple[StockCount, ...]:
    """
    Return this store's counts.

    Raises:
        UnreadableError: a column is not what it should be.
    """
    found = []
    for row in rows:
        store, upc = text(row.storeID), text(row.upc)
        if shop.location_id and store not in {"", "0", shop.location_id}:
            continue
        if not upc:
            raise UnreadableError("a count without upc")
        at = local_time(row.countDate, shop.calendar)
        amount = quantity(row.count, "count")
        names = (shop.account_id, store, upc, at.isoformat(), f"{amount:f}")
        found.append(
            StockCount(
                count_id=derived_id("corepos-count", *names),
                tenant_id=shop.tenant_id,
                account_id=shop.account_id,
                pos_product_id=upc,
                kind=CountKind.COUNT,
                quantity=f"{amount:f}",
                counted_at=at,
                physical=True,
            )
        )
    return tuple(found)


def wasted(rows: Iterable[Row], shop: Shop) -> tuple[StockCount, ...]:
    """
    Return what shrink took off the shelf; a row uploaded twice is the same movement.

    Raises:
        UnreadableError: a column is not what it should be.
    """
    found: dict[str, StockCount] = {}
    for row in rows:
        upc, amount = text(row.upc), quantity(row.quantity, "quantity")
        if status_of(row) != SHRINK or code(row.trans_type) != "I" or not amount:
            continue
        at = local_time(row.datetime or row.tdate, shop.calendar)
        numbers = (row.store_id, row.register_no, row.emp_no, row.trans_no, row.trans_id)
        count_id = derived_id(
            "corepos-shrink", shop.account_id, *map(text, numbers), at.isoformat(), upc
        )
        found[count_id] = StockCount(
            count_id=count_id,
            tenant_id=shop.tenant_id,
            account_id=shop.account_id,
            pos_product_id=upc,
            kind=CountKind.MOVEMENT,
            quantity=f"{-amount:f}",
            counted_at=at,
        )
    return tuple(found.values())
