"""Which products are gone: the provider's own set beside what is known of the account."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from connectors.contract import ProductSet, Rejected
from schemas.catalogue import PosProduct

FEW = 20
"""Deletions that are believed however small the catalogue is."""


def differences(known: Iterable[PosProduct], said: ProductSet) -> list[PosProduct] | Rejected:
    """
    Return the known products that were deleted, or are back, as they are now.

    Refused when it would delete more than half of the catalogue: an error at the provider looks
    like emptiness, a shop that has closed does not.
    """
    older = [product for product in known if product.version < said.as_of_us]
    sold = [product for product in older if not product.deleted]
    gone = [product for product in sold if product.pos_product_id not in said.ids]
    if not said.ids or (len(gone) > FEW and 2 * len(gone) > len(sold)):
        return Rejected(
            "unreadable",
            f"the provider names {len(said.ids)} products: {len(gone)} of {len(sold)} known "
            "ones would be deleted at once, which is not believed",
        )
    back = [one for one in older if one.deleted and one.pos_product_id in said.ids]
    # since when, nobody says: only that it is so now
    now = {"version": said.as_of_us, "changed_at": None}
    return [
        *(replace(product, deleted=True, **now) for product in gone),
        *(replace(product, deleted=False, **now) for product in back),
    ]
