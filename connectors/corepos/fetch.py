"""Ask CORE-POS for one thing by its number."""

from __future__ import annotations

from connectors.contract import Conversation, PermanentError, Shop
from connectors.corepos.poll import entity


def fetch(shop: Shop, resource: str) -> Conversation:
    """
    Ask for one resource; what CORE-POS does not know brings no page.

    Args:
        resource: "products/<upc>".

    Raises:
        PermanentError: nothing of that name can be asked for, or it was refused.

    Source: CORE-POS/IS4C fannie/classlib2.0/webservices/FannieEntity.php
    """
    del shop
    kind, _, name = resource.partition("/")
    if kind != "products" or not name:
        raise PermanentError(f"nothing is fetched by the name of {kind[:20]!r}")
    yield from entity("Products", {"upc": name})
