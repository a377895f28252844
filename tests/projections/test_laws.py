"""Laws of all projections together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.catalogue import PosProduct, ProductMapping, StockCount
from schemas.transaction import TransactionChange
from tests.projections.histories import chunked, strands
from tests.projections.ledger import Event, ledger
from tests.projections.oracle import Rows, final, rows_of

SOME = 40
"""Examples a law in the unit tests; each is a whole history in many chunks."""


def expected(events: Iterable[Event]) -> Rows:
    known = list(events)
    return rows_of(
        final(one for one in known if isinstance(one, TransactionChange)),
        {(m.account_id, m.pos_product_id): m for m in known if isinstance(m, ProductMapping)},
        [one for one in known if isinstance(one, StockCount)],
        {(p.account_id, p.pos_product_id): p for p in known if isinstance(p, PosProduct)},
    )


@settings(max_examples=SOME)
@given(st.data())
def test_rows_are_what_the_oracle_says_in_any_order_and_any_chunks(data: st.DataObject) -> None:
    chunks = data.draw(strands().flatmap(chunked))
    rows = ledger(*chunks).rows()
    wanted = expected(event for chunk in chunks for event in chunk)
    for table, known in wanted.items():
        assert rows[table] == known, table


@settings(max_examples=SOME)
@given(st.data())
def test_order_and_chunks_leave_no_trace_in_any_byte_of_the_state(data: st.DataObject) -> None:
    parts = data.draw(strands())
    one, other = data.draw(chunked(parts)), data.draw(chunked(parts))
    first, second = ledger(*one).tables, ledger(*other).tables
    assert {t: r for t, r in first.items() if r} == {t: r for t, r in second.items() if r}


@settings(max_examples=SOME)
@given(st.data())
def test_taking_everything_back_leaves_no_row_and_no_movement(data: st.DataObject) -> None:
    parts = [
        part for part in data.draw(strands()) if part and isinstance(part[0], TransactionChange)
    ]
    undone = [[*part, _undo(part)] for part in parts]
    tables = ledger(*data.draw(chunked(undone))).tables
    assert not any(tables.values())


def _undo(part: list[Event]) -> TransactionChange:
    last = part[-1]
    assert isinstance(last, TransactionChange)
    return TransactionChange(
        change_id="undo",
        tenant_id=last.tenant_id,
        account_id=last.account_id,
        transaction_id=last.transaction_id,
        revision=last.revision + 1,
        before=last.after,
        after=None,
        cause=last.cause,
    )


@settings(max_examples=SOME)
@given(st.data())
def test_days_are_the_sums_of_their_products(data: st.DataObject) -> None:
    rows = ledger(*data.draw(strands().flatmap(chunked))).rows()
    for what in ("net", "gross", "discount", "tax_included"):
        by_product: Counter[object] = Counter()
        for row in rows["sales"].values():
            by_product[row.account_id, row.business_day] += getattr(row, what)
        by_day = {
            (row.account_id, row.business_day): getattr(row, what)
            for row in rows["sales_days"].values()
        }
        assert {k: v for k, v in by_product.items() if v} == {
            k: v for k, v in by_day.items() if v
        }
    for row in rows["sales_days"].values():
        assert sum(hour.net for hour in row.hours.values()) == row.net
        assert sum(hour.transactions for hour in row.hours.values()) == row.transactions
        assert row.sales + row.refunds + row.exchanges == row.transactions
        assert sum(row.tenders.values()) == row.total - row.unpaid
        assert row.total == (
            row.gross
            - row.discount
            + (row.tax - row.tax_included)
            + row.service_charge
            + row.tip
            + row.rounding
            + row.gift_cards
        )


@settings(max_examples=SOME)
@given(st.data())
def test_mapped_and_unmapped_revenue_are_all_revenue(data: st.DataObject) -> None:
    rows = ledger(*data.draw(strands().flatmap(chunked))).rows()
    mapped = sum(row.net for row in rows["sales"].values() if row.product_id is not None)
    unmapped = sum(row.net for row in rows["unmapped"].values())
    assert mapped + unmapped == sum(row.net for row in rows["sales_days"].values())
