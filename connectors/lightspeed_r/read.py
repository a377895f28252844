"""
Any body of the R-Series: an answer of one row or many, or a row standing alone.

What a body is shows in itself. Whatever is wrong with it is said in the outcome, in words that
hold none of its own text.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.amounts import number
from connectors.bodies import UNBELIEVABLE, must_be_text, must_fit, rejected
from connectors.contract import (
    Ignored,
    NeedsFetch,
    Outcome,
    Parts,
    Shop,
    WantedBody,
)
from connectors.instants import microseconds
from connectors.lightspeed_r.amounts import identity, instant, text
from connectors.lightspeed_r.bills import bill_of, lines_in, payments_in
from connectors.lightspeed_r.catalog import counted, counts_of, products_of
from connectors.lightspeed_r.orders import orders_of
from connectors.lightspeed_r.wire import (
    BODY,
    ITEM,
    ITEM_SHOP,
    ITEM_SHOPS,
    ITEMS,
    LINE,
    LINES,
    ORDER,
    ORDERS,
    SALE,
    SALES,
    Body,
    Item,
    Order,
    Sale,
    SaleLine,
    rows,
)
from connectors.troubles import NoCurrencyError, UnreadableError
from connectors.whole import SALE_PART, part_of, sale_key
from schemas.money import exponent
from schemas.part import Part

ELSEWHERE = "all of it happened at another shop"
OTHER = "an answer that tells nothing about sales, products or stock"


def read(body: bytes, shop: Shop) -> Outcome:
    """Say what a body means to a shop; a shop without a location takes every shop's."""
    try:
        return _outcome(body, shop)
    except UNBELIEVABLE as error:
        return rejected(error, "the R-Series")


def _outcome(body: bytes, shop: Shop) -> Outcome:
    must_fit(body)
    must_be_text(body)
    if body.lstrip()[:1] == b"[":
        return _sales(SALES.decode(body), shop)
    said = BODY.decode(body)
    return _answer(said, shop) or _ordering(said, body, shop) or _bare(said, body, shop)


def _answer(said: Body, shop: Shop) -> Outcome | None:
    """Read an answer, which names its rows."""
    if said.Sale and not said.saleLineID:
        return _sales(rows(said.Sale, SALE, SALES), shop)
    if said.SaleLine:
        return _lines(rows(said.SaleLine, LINE, LINES))
    if said.Item and not (said.saleLineID or said.itemShopID):
        return _items(rows(said.Item, ITEM, ITEMS), shop)
    if said.ItemShop:
        return Parts(counts=counted(rows(said.ItemShop, ITEM_SHOP, ITEM_SHOPS), shop))
    return None


def _bare(said: Body, body: bytes, shop: Shop) -> Outcome:
    """
    Read a row that stands alone; its own id tells what it is.

    Raises:
        UnreadableError: it is nothing of the R-Series.
    """
    if said.saleLineID:
        return _lines([LINE.decode(body)])
    if said.itemShopID:
        return Parts(counts=counted([ITEM_SHOP.decode(body)], shop))
    if said.saleID:
        return _sales([SALE.decode(body)], shop)
    if said.itemID:
        return _items([ITEM.decode(body)], shop)
    if said.httpCode:
        return Ignored("an answer that only tells of an error")
    if said.attributes:
        return Ignored(OTHER)
    raise UnreadableError("no body of the R-Series that we know")


def _items(items: Sequence[Item], shop: Shop) -> Outcome:
    if not items:
        return Ignored("no items")
    return Parts(products=products_of(items, shop), counts=counts_of(items, shop))


def _ordering(said: Body, body: bytes, shop: Shop) -> Outcome | None:
    """Read purchase orders, as an answer or standing alone; None where it is about sales."""
    if said.saleID or said.saleLineID:
        return None
    if said.OrderLine or said.orderLineID:
        return Ignored("lines of orders: the orders come whole")
    if said.Order or said.orderID:
        found = rows(said.Order, ORDER, ORDERS) if said.Order else [ORDER.decode(body)]
        return _orders(found, shop)
    return None


def _orders(orders: Sequence[Order], shop: Shop) -> Outcome:
    found = orders_of(orders, shop)
    if not found:
        return Ignored("orders of another shop" if orders else "no orders")
    return Parts(orders=found)


def _lines(lines: Sequence[SaleLine]) -> Outcome:
    """Want the sales of lines that came alone: what they are of it, only the whole tells."""
    wanted = {
        sale: _wanted(sale, microseconds(instant(line.timeStamp)))
        for line in lines
        if (sale := identity(line.saleID)) is not None
    }
    if not wanted:
        return Ignored("lines that are of no sale yet")
    return NeedsFetch(tuple(wanted.values()), "lines are parts of their sales")


def _wanted(sale_id: str, at: int) -> WantedBody:
    return WantedBody(
        resource=f"sales/{sale_id}",
        transaction=sale_key(sale_id),
        part_id=SALE_PART,
        min_updated_at_us=at,
    )


def _sales(sales: Sequence[Sale], shop: Shop) -> Outcome:
    """
    Read sales; those that came without their lines or payments are wanted whole.

    Raises:
        NoCurrencyError: the account does not say in which currency they are.
        BodyError: a sale cannot be read, or contradicts itself.
    """
    here = [sale for sale in sales if _here(sale, shop)]
    if not here:
        return Ignored(ELSEWHERE if sales else "no sales")
    if not shop.currency:
        raise NoCurrencyError
    parts: list[Part] = []
    wanted: list[WantedBody] = []
    for sale in here:
        at = microseconds(instant(sale.timeStamp))
        if _is_bare(sale):
            wanted.append(_wanted(identity(sale.saleID) or "", at))
        else:
            bill = bill_of(sale, shop.currency, exponent(shop.currency))
            parts.append(part_of(bill, at, at))
    if parts:
        return Parts(parts=tuple(parts), wanted=tuple(wanted))
    return NeedsFetch(tuple(wanted), "the sales came without their lines or payments")


def _here(sale: Sale, shop: Shop) -> bool:
    return not shop.location_id or text(sale.shopID) in {"", shop.location_id}


def _is_bare(sale: Sale) -> bool:
    """Say whether relations were left out: there are amounts and nothing that makes them."""
    if identity(sale.saleID) is None:
        return False
    has_goods = number(sale.calcSubtotal, "calcSubtotal") != 0
    has_money = number(sale.calcPayments, "calcPayments") != 0
    return (has_goods and not lines_in(sale)) or (has_money and not payments_in(sale))
