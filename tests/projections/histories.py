"""Hypothesis strategies: whatever a shop may do, in whatever order it becomes known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.catalogue import CountKind, PosProduct, ProductMapping, StockCount
from schemas.transaction import Kind, Line, LineKind, Method, Status, Transaction
from tests.projections.builders import (
    MONDAY,
    a_bill,
    a_count,
    a_line,
    a_mapping,
    a_pos_product,
    history,
    split,
)
from tests.projections.ledger import Event

ACCOUNTS = ("a1", "a2")
PRODUCTS = ("p1", "p2", "p1/2026-03-02", "Ä 7")
MINUTES = st.integers(0, 60 * 24 * 3)

quantities = st.sampled_from(["1", "2", "-1", "0.385", "-0.5", "1.50", "10", "0"])


@st.composite
def lines(draw: st.DrawFn) -> Line:
    kind = draw(st.sampled_from([*[LineKind.ITEM] * 4, *LineKind]))
    product = draw(st.sampled_from(PRODUCTS))
    return a_line(
        draw(st.sampled_from([product, product, product, None])),
        draw(st.integers(-500, 900)),
        draw(quantities),
        kind=kind,
        name=draw(st.sampled_from(["Loaf", "loaf  ", "Bun", "", ""])),
        sku=draw(st.sampled_from([None, None, "S1"])),
        unit=draw(st.sampled_from(["each", "each", "kg"])),
        tax=draw(st.integers(0, 50)),
        tax_included=draw(st.integers(0, 20)),
        discount=draw(st.integers(0, 30)),
    )


@st.composite
def bills(draw: st.DrawFn, number: str, account: str) -> Transaction:
    when = MONDAY + timedelta(minutes=draw(MINUTES))
    return a_bill(
        number,
        *draw(st.lists(lines(), min_size=1, max_size=4)),
        when=when,
        kind=draw(st.sampled_from([*[Kind.SALE] * 3, *Kind])),
        status=draw(st.sampled_from([*[Status.COMPLETED] * 4, *Status])),
        account=account,
        method=draw(st.sampled_from([Method.CARD, Method.CASH])),
        tip=draw(st.integers(0, 30)),
        local_hour=draw(st.sampled_from([None, 3, 23])),
    )


@st.composite
def transactions(draw: st.DrawFn, number: str) -> list[Event]:
    """Return the changes of one transaction, in order."""
    account = draw(st.sampled_from(ACCOUNTS))
    versions = draw(st.lists(st.none() | bills(number, account), min_size=1, max_size=4))
    return list(history(versions))


@st.composite
def stock_counts(draw: st.DrawFn) -> StockCount:
    return a_count(
        draw(st.sampled_from(["0", "5", "12.5", "-3", "20.0"])),
        MONDAY + timedelta(minutes=draw(MINUTES)),
        draw(st.sampled_from(PRODUCTS)),
        kind=draw(st.sampled_from([CountKind.COUNT, CountKind.MOVEMENT])),
        account=draw(st.sampled_from(ACCOUNTS)),
    )


@st.composite
def mappings(draw: st.DrawFn) -> ProductMapping:
    return a_mapping(
        draw(st.sampled_from([*PRODUCTS, "custom:loaf"])),
        draw(st.sampled_from([None, "mine-1", "mine-2"])),
        account=draw(st.sampled_from(ACCOUNTS)),
        suggested=draw(st.sampled_from([None, "mine-3"])),
    )


@st.composite
def pos_products(draw: st.DrawFn) -> list[Event]:
    """Return the names that a product is given, one after the other."""
    product, account = draw(st.sampled_from(PRODUCTS)), draw(st.sampled_from(ACCOUNTS))
    names = draw(st.lists(st.sampled_from(["Loaf", "Rye loaf"]), min_size=1, max_size=3))
    sku = draw(st.sampled_from([None, "S2"]))
    return [
        replace(a_pos_product(product, name, account), version=number, sku=sku)
        for number, name in enumerate(names, 1)
    ]


def _named(strand: list[Event]) -> tuple[str, str]:
    product = strand[0]
    assert isinstance(product, PosProduct)
    return product.account_id, product.pos_product_id


@st.composite
def strands(draw: st.DrawFn) -> list[list[Event]]:
    """Return events in strands: the order inside a strand matters, between them it does not."""
    bill_strands = [
        draw(transactions(str(number))) for number in range(draw(st.integers(0, 7)))
    ]
    counted = draw(st.lists(stock_counts(), max_size=6))
    counted += draw(st.lists(st.sampled_from(counted), max_size=2)) if counted else []
    mapped: list[Event] = list(draw(st.lists(mappings(), max_size=6)))
    named = {_named(strand): strand for strand in draw(st.lists(pos_products(), max_size=5))}
    return [
        *bill_strands,
        *([one] for one in counted),
        mapped,
        *named.values(),
    ]


def woven(draw: st.DrawFn, parts: Sequence[Sequence[Event]]) -> list[Event]:
    """Return all events in some order that keeps the order inside each strand."""
    turns = draw(st.permutations([n for n, part in enumerate(parts) for _ in part]))
    rest = [iter(part) for part in parts]
    return [next(rest[turn]) for turn in turns]


@st.composite
def chunked(draw: st.DrawFn, parts: Sequence[Sequence[Event]]) -> list[Sequence[Event]]:
    """Return all events in some order and in chunks of any size."""
    events = woven(draw, parts)
    cuts = draw(st.lists(st.integers(0, max(len(events), 1)), max_size=8))
    return [part for part in split(events, cuts) if part]
