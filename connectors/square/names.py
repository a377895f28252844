"""What a product, a line or a modifier is called."""

from __future__ import annotations

# Square's own name for the variation of an item that has only one.
PLAIN_VARIATION = "Regular"


def product_name(item: str | None, variation: str | None, *, only: bool = False) -> str:
    """Return "Tea - Black", or "Tea - Black (Large)" where the item has several variations."""
    if not item:
        return variation or "Item"
    if only or not variation or variation in {PLAIN_VARIATION, item}:
        return item
    return f"{item} ({variation})"
