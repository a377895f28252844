"""Ask the R-Series for one thing by its number, or write an order."""

from __future__ import annotations

import msgspec

from connectors.bodies import rejected
from connectors.contract import (
    Conversation,
    NeedsFetch,
    Outcome,
    PermanentError,
    Shop,
    WantedBody,
)
from connectors.lightspeed_r.ordering import write_order
from connectors.lightspeed_r.poll import one_item, one_order, one_sale
from schemas.purchasing import ORDER_DRAFTS, OrderDraft

_KINDS = {"sales": one_sale, "items": one_item, "orders": one_order}


def fetch(shop: Shop, resource: str) -> Conversation:
    """
    Ask for one resource; what Lightspeed does not know is a page without bodies.

    Args:
        resource: "sales/<saleID>", "items/<itemID>", "orders/<orderID>", or "order-drafts/"
            with the draft in JSON behind it.

    Raises:
        PermanentError: nothing of that name can be asked for, or Lightspeed refused.

    Source: developers.lightspeedhq.com/retail/endpoints/Sale, .../Item
    """
    if resource.startswith(ORDER_DRAFTS):
        yield from write_order(_draft(resource.removeprefix(ORDER_DRAFTS)), shop)
        return
    kind, _, name = resource.partition("/")
    asked = _KINDS.get(kind)
    if asked is None or not (name.isascii() and name.isdigit()):
        raise PermanentError(f"nothing is fetched by the name of {kind[:20]!r}")
    yield from asked(name)


def wanted_order(body: bytes) -> Outcome:
    """Say that an order that was handed in is to be written; what comes of it is fetched."""
    try:
        draft = msgspec.json.decode(body, type=OrderDraft)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return rejected(error, "the R-Series")
    text = msgspec.json.encode(draft).decode()
    return NeedsFetch((WantedBody(resource=f"{ORDER_DRAFTS}{text}"),), "an order to be written")


def _draft(text: str) -> OrderDraft:
    try:
        return msgspec.json.decode(text, type=OrderDraft)
    except msgspec.MsgspecError as error:
        raise PermanentError("the draft of the order cannot be read") from error
