"""
What an answer of Square's API means, whole or one object of it standing alone.

Source: developer.squareup.com/reference/square
"""

from __future__ import annotations

import msgspec

from connectors.contract import Ignored, Outcome, Parts, Shop
from connectors.square.catalog import many_objects, one_object, products
from connectors.square.envelope import PAYMENT, REFUND, Body
from connectors.square.inventory import (
    changed,
    counted,
    many_changes,
    many_counts,
    one_change,
    one_count,
)
from connectors.square.kept import orders_kept, payments_kept, refunds_kept, stubs_wanted
from connectors.troubles import UnreadableError

_ORDER_STATES = {"OPEN", "COMPLETED", "CANCELED", "DRAFT"}


def answer_outcome(said: Body, body: bytes, shop: Shop) -> Outcome:
    """
    Say what an answer means; `said` is `body` decoded.

    Raises:
        UnreadableError: it is nothing that Square's API answers.
    """
    found = _money(said, body, shop) if said.id is None else _bare(said, body, shop)
    found = found or _catalog_or_stock(said, body, shop)
    if found is not None:
        return found
    if said.errors:
        return Ignored("an answer that only tells of errors")
    lists = (said.orders, said.payments, said.refunds, said.order_entries)
    # Square leaves a list out when there is nothing on it.
    empty = (
        any(one is not None for one in lists) or said.cursor or not msgspec.json.decode(body)
    )
    if not empty or said.id is not None:
        raise UnreadableError("no body of Square's that we know")
    return Ignored("a page with nothing on it")


def _money(said: Body, body: bytes, shop: Shop) -> Outcome | None:
    """Read answers about orders, payments and refunds."""
    if orders := [said.order] if said.order is not None else said.orders:
        return orders_kept(orders, body, shop)
    if payments := [said.payment] if said.payment is not None else said.payments:
        return payments_kept(payments, shop)
    if refunds := [said.refund] if said.refund is not None else said.refunds:
        return refunds_kept(refunds, shop)
    if said.order_entries:
        return stubs_wanted(said.order_entries, shop, "order entries are only stubs")
    return None


def _catalog_or_stock(said: Body, body: bytes, shop: Shop) -> Outcome | None:
    """Read answers about products and stock, and bare counts and changes, which have no id."""
    if said.object or said.objects:
        told = one_object(said.object) if said.object else many_objects(said.objects)
        return Parts(products=products(told, many_objects(said.related_objects), shop))
    if said.counts:
        return Parts(counts=counted(many_counts(said.counts), shop))
    if said.changes:
        return Parts(counts=changed(many_changes(said.changes), shop))
    if said.catalog_object_id and said.state is not None:
        return Parts(counts=counted(one_count(body), shop))
    if said.physical_count or said.adjustment or said.transfer:
        return Parts(counts=changed(one_change(body), shop))
    return None


def _bare(said: Body, body: bytes, shop: Shop) -> Outcome | None:
    """Read one object that stands alone; its fields tell what it is."""
    if said.line_items or said.returns or said.tenders or said.state in _ORDER_STATES:
        return orders_kept([said], body, shop)
    catalog = said.item_data or said.item_variation_data or said.category_data
    if said.type is not None and (catalog or said.is_deleted is not None):
        return Parts(products=products(one_object(body), (), shop))
    if said.payment_id or said.destination_type or said.unlinked:
        return refunds_kept([REFUND.decode(body)], shop)
    if said.amount_money or said.source_type:
        return payments_kept([PAYMENT.decode(body)], shop)
    return orders_kept([said], body, shop) if said.total_money is not None else None
