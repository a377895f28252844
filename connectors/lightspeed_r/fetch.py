"""Ask the R-Series for one thing by its number."""

from __future__ import annotations

from connectors.contract import Conversation, PermanentError, Shop
from connectors.lightspeed_r.poll import one_item, one_sale


def fetch(shop: Shop, resource: str) -> Conversation:
    """
    Ask for one resource; what Lightspeed does not know is a page without bodies.

    Args:
        resource: "sales/<saleID>" or "items/<itemID>".

    Raises:
        PermanentError: nothing of that name can be asked for, or Lightspeed refused.

    Source: developers.lightspeedhq.com/retail/endpoints/Sale, .../Item
    """
    del shop
    kind, _, name = resource.partition("/")
    if not (name.isascii() and name.isdigit()) or kind not in {"sales", "items"}:
        raise PermanentError(f"nothing is fetched by the name of {kind[:20]!r}")
    yield from one_sale(name) if kind == "sales" else one_item(name)
