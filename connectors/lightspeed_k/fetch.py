"""Ask K-Series for one thing."""

from __future__ import annotations

from datetime import date

from connectors.contract import Conversation, PermanentError, Shop
from connectors.lightspeed_k.poll import day_of_sales, items


def fetch(shop: Shop, resource: str) -> Conversation:
    """
    Ask for one resource; what K-Series does not know brings nothing.

    Args:
        resource: "sales-daily/<yyyy-mm-dd>" or "items".

    Raises:
        PermanentError: nothing of that name can be asked for, or K-Series refused.

    Source: api-docs.lsk.lightspeed.app, Financial V2 (getBusinessDaySales)
    """
    kind, _, name = resource.partition("/")
    if kind == "sales-daily":
        yield from day_of_sales(shop, _day(name))
    elif resource == "items":
        yield from items(shop)
    else:
        raise PermanentError(f"nothing is fetched by the name of {kind[:20]!r}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise PermanentError("the business day cannot be read") from error
