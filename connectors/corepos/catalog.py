"""
Products: rows of `products`, and of `prodUpdate`, which logs most changes and deletions.

Source: CORE-POS/IS4C fannie/classlib2.0/data/models/op/ProductsModel.php, ProdUpdateModel.php
"""

from __future__ import annotations

from collections.abc import Iterable

from connectors.contract import PastProduct, Shop
from connectors.corepos.columns import microseconds, minor, text, time_of_change, whole
from connectors.corepos.wire import Row
from connectors.troubles import NoCurrencyError, UnreadableError
from schemas.catalogue import PosProduct
from schemas.money import exponent

_DELETED = "DELETE"
_NOBODY = "0"


def products(rows: Iterable[Row], shop: Shop) -> tuple[PosProduct, ...]:
    """
    Return the products; a store's own row is better than the one for all stores (store 0).

    A product that is no longer in use is one that is no longer sold (column inUse).

    Raises:
        NoCurrencyError: the account does not say in which currency prices are.
        UnreadableError: a column is not what it should be.
    """
    found: dict[str, tuple[bool, PosProduct]] = {}
    for row in rows:
        store = text(row.store_id)
        if shop.location_id and store not in {"", "0", shop.location_id}:
            continue
        own = store == shop.location_id
        product = _product(row, row.normal_price, shop, deleted=not _in_use(row))
        known = found.get(product.pos_product_id)
        if known is None or (own and not known[0]):
            found[product.pos_product_id] = (own, product)
    return tuple([product for _, product in found.values()])


def upcs_in_use(rows: Iterable[Row], shop: Shop) -> set[str]:
    """Return the UPCs that are sold, by the same rows that `products` goes by."""
    found: dict[str, tuple[bool, bool]] = {}
    for row in rows:
        store, upc = text(row.store_id), text(row.upc)
        if not upc or (shop.location_id and store not in {"", "0", shop.location_id}):
            continue
        own = store == shop.location_id
        known = found.get(upc)
        if known is None or (own and not known[0]):
            found[upc] = (own, _in_use(row))
    return {upc for upc, (_, used) in found.items() if used}


def changes(rows: Iterable[Row], shop: Shop) -> tuple[PastProduct, ...]:
    """
    Return what products became by each change of the log, and by whom.

    A row holds the values after the change; those of a deletion are the last ones. User 0 is
    nobody: a change by the web service, or by a page that nobody has to sign in for.

    Raises:
        NoCurrencyError, UnreadableError: as in `products`.
    """
    found = []
    for row in rows:
        if shop.location_id and text(row.storeID) not in {"", "0", shop.location_id}:
            continue
        gone = text(row.updateType) == _DELETED or not _in_use(row)
        user = text(row.user)
        product = _product(row, row.price, shop, deleted=gone)
        found.append(PastProduct(product, user if user not in {"", _NOBODY} else None))
    return tuple(found)


def _in_use(row: Row) -> bool:
    return row.inUse is None or whole(row.inUse, "inUse") != 0


def _product(row: Row, price: object, shop: Shop, *, deleted: bool) -> PosProduct:
    if not shop.currency:
        raise NoCurrencyError
    upc = text(row.upc)
    if not upc:
        raise UnreadableError("a product without upc")
    changed_at = time_of_change(row.modified, shop.calendar)
    return PosProduct(
        tenant_id=shop.tenant_id,
        account_id=shop.account_id,
        pos_product_id=upc,
        name=text(row.description) or upc,
        version=0 if changed_at is None else microseconds(changed_at),
        sku=upc,
        price=None if price is None else minor(price, exponent(shop.currency), "price"),
        currency=shop.currency,
        deleted=deleted,
        changed_at=changed_at,
    )
