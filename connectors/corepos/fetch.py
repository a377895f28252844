"""Ask CORE-POS for one thing by its number."""

from __future__ import annotations

from connectors.contract import Conversation, PermanentError, Shop
from connectors.corepos.asking import PRODUCTS, arrays, pages, select, store_of


def fetch(shop: Shop, resource: str) -> Conversation:
    """
    Ask for one resource; what CORE-POS does not know brings no page.

    Args:
        resource: "products/<upc>".

    Raises:
        PermanentError: nothing of that name can be asked for, or it was refused.
    """
    kind, _, name = resource.partition("/")
    match kind:
        case "products" if name:
            rows = yield from select(PRODUCTS, (("upc", name), *store_of(shop)))
            yield from pages("products", arrays(rows))
        case _:
            raise PermanentError(f"nothing is fetched by the name of {kind[:20]!r}")
