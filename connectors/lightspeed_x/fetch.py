"""Ask the X-Series for one thing by its id."""

from __future__ import annotations

from connectors.contract import Conversation, PermanentError, Shop
from connectors.lightspeed_x.poll import one, one_consignment, segment


def fetch(shop: Shop, resource: str) -> Conversation:
    """
    Ask for one resource; what Lightspeed does not know is a page without bodies.

    Args:
        resource: "sales/<id>", "products/<id>" or "consignments/<id>".

    Raises:
        PermanentError: nothing of that name can be asked for, or Lightspeed refused.

    Source: x-series-api.lightspeedhq.com/reference (GetSaleByID, GetProductByID)
    """
    del shop
    kind, _, name = resource.partition("/")
    if name and kind == "consignments":
        yield from one_consignment(name)
        return
    if not name or kind not in {"sales", "products"}:
        raise PermanentError(f"nothing is fetched by the name of {kind[:20]!r}")
    yield from one("sale" if kind == "sales" else "product", f"/{kind}/{segment(name)}")
