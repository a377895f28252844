"""Of a purchase order the newest version is kept, whatever came first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import decode
from schemas.purchasing import OrderedLine, OrderKind, OrderStatus, PurchaseOrder
from streams.log import Effects
from streams.operations.rebuild import MemoryState
from streams.stages.order_book import OrderBook

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)


def an_order(order_id: str, version: int, status: OrderStatus) -> PurchaseOrder:
    line = OrderedLine(line_id="1", pos_product_id="p", quantity=Decimal(version))
    return PurchaseOrder(
        tenant_id="t",
        account_id="a",
        order_id=order_id,
        version=version,
        kind=OrderKind.SUPPLIER,
        status=status,
        changed_at=BEGIN + timedelta(days=version),
        lines=(line,),
    )


orders = st.builds(
    an_order, st.sampled_from(["1", "2"]), st.integers(1, 4), st.sampled_from(OrderStatus)
)


def kept(chunks: list[list[PurchaseOrder]]) -> tuple[dict[bytes, bytes], list[PurchaseOrder]]:
    """Return the rows after these chunks, and everything that was published."""
    state, told = MemoryState(), list[PurchaseOrder]()
    for chunk in chunks:
        book = OrderBook(state)
        book.load(chunk)
        book.take(chunk)
        rows, outs = book.rows()
        state.take(Effects(rows={"orders": rows}))
        told += [decode(PurchaseOrder, out.value or b"") for out in outs]
    return state.scan("orders", b""), told


@given(st.lists(orders, max_size=12), st.randoms(use_true_random=False), st.integers(1, 5))
def test_any_order_in_any_chunks_with_duplicates_keeps_the_same_rows(
    told: list[PurchaseOrder], chance: Random, size: int
) -> None:
    once, _ = kept([told])
    again = told + told[::2]
    chance.shuffle(again)
    rows, _ = kept([again[at : at + size] for at in range(0, len(again), size)])
    assert rows == once


def test_what_is_known_is_not_published_again() -> None:
    order = an_order("1", 2, OrderStatus.SENT)
    older = an_order("1", 1, OrderStatus.OPEN)
    _, told = kept([[order], [order, older], [an_order("1", 3, OrderStatus.CLOSED)]])
    assert [(it.version, it.status) for it in told] == [(2, "sent"), (3, "closed")]
