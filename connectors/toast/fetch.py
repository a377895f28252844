"""Ask Toast for one thing that a webhook or a payment only pointed at."""

from __future__ import annotations

from connectors.contract import Conversation, PermanentError, Shop
from connectors.toast.poll import Seen, menus, order_named, order_of_payment, stock


def fetch(_shop: Shop, resource: str) -> Conversation:
    """
    Ask for one resource; what Toast does not know brings nothing.

    Args:
        resource: "orders/<guid>", "payments/<guid>" (brings the order), "menus" or "stock".

    Raises:
        PermanentError: nothing of that name can be asked for, or Toast refused.

    Source: platform guide, "Getting detailed information about one order"
    """
    kind, _, name = resource.partition("/")
    if kind == "orders" and name:
        yield from order_named(name, Seen())
    elif kind == "payments" and name:
        yield from order_of_payment(name, Seen())
    elif resource == "menus":
        yield from menus()
    elif resource == "stock":
        yield from stock()
    else:
        raise PermanentError(f"nothing is fetched by the name of {kind[:20]!r}")
