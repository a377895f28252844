"""The rules of the rows, one by one."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from schemas.catalogue import CountKind, StockCount
from schemas.rows import InventoryRow, SalesDayRow, SalesRow, UnmappedRow
from schemas.transaction import Kind, LineKind, Method, Status
from tests.projections.builders import (
    MONDAY,
    a_bill,
    a_change,
    a_count,
    a_line,
    a_mapping,
    a_pos_product,
    at,
    new,
)
from tests.projections.ledger import Event, Ledger, ledger

TODAY = "a1/2026-03-02"


def sales(book: Ledger, product: str = "p1", day: str = TODAY) -> SalesRow:
    return cast("SalesRow", book.rows()["sales"][f"{day}/{product}"])


def day(book: Ledger, key: str = TODAY) -> SalesDayRow:
    return cast("SalesDayRow", book.rows()["sales_days"][key])


def stock(book: Ledger, product: str = "p1") -> InventoryRow:
    return cast("InventoryRow", book.rows()["inventory"][f"a1/{product}"])


def unmapped(book: Ledger) -> dict[str, UnmappedRow]:
    return cast("dict[str, UnmappedRow]", book.rows()["unmapped"])


def on_hand(*events: Event) -> Decimal | None:
    return stock(ledger(events)).on_hand


# -- sales -----------------------------------------------------------------------------------


def test_a_bill_counts_once_for_a_product_however_many_lines_it_has() -> None:
    row = sales(ledger(new(a_bill("1", a_line("p1", 100), a_line("p1", 200, "2")))))
    assert (row.transactions, row.net, row.units) == (1, 300, Decimal(3))


def test_gift_cards_are_in_the_days_total_and_in_no_sales_figure() -> None:
    card = a_line("g1", 5000, kind=LineKind.GIFT_CARD)
    book = ledger(new(a_bill("1", a_line("p1", 100), card)))
    assert list(book.rows()["sales"]) == [f"{TODAY}/p1"]
    row = day(book)
    assert (row.net, row.gross, row.gift_cards, row.total) == (100, 100, 5000, 5100)
    assert sum(hour.net for hour in row.hours.values()) == 100


def test_a_refund_counts_on_its_own_day() -> None:
    refund = a_bill("2", a_line("p1", -100, "-1"), when=at(30), kind=Kind.REFUND)
    book = ledger(new(a_bill("1", a_line("p1", 100)), refund))
    assert sales(book).net == 100
    tuesday = sales(book, day="a1/2026-03-03")
    assert (tuesday.net, tuesday.refunds, tuesday.units) == (-100, -100, Decimal(-1))
    row = day(book, "a1/2026-03-03")
    assert (row.refunds, row.refunded, row.sales) == (1, -100, 0)


def test_a_cancelled_bill_is_taken_back_from_its_own_day_and_leaves_nothing() -> None:
    sold, cancelled = a_bill("1"), a_bill("1", status=Status.CANCELLED, when=at(40))
    book = ledger(new(sold), [a_change(sold, cancelled, 2)])
    assert not any(book.rows().values())


def test_open_bills_and_voids_count_nowhere() -> None:
    void, open_ = a_bill("1", kind=Kind.VOID), a_bill("2", status=Status.OPEN)
    assert not any(ledger(new(void, open_)).rows().values())


def test_a_bill_that_moves_to_another_day_moves_as_a_whole() -> None:
    monday, tuesday = a_bill("1"), a_bill("1", when=at(30))
    book = ledger(new(monday), [a_change(monday, tuesday, 2)])
    assert list(book.rows()["sales_days"]) == ["a1/2026-03-03"]
    assert list(book.rows()["sales"]) == ["a1/2026-03-03/p1"]


def test_typed_in_amounts_are_known_by_their_name() -> None:
    line = a_line(None, 100, kind=LineKind.CUSTOM_AMOUNT, name=" Party  Platter ")
    book = ledger(new(a_bill("1", line)))
    assert list(book.rows()["sales"]) == [f"{TODAY}/custom:party platter"]
    assert not book.rows()["inventory"]


def test_a_product_has_the_name_of_most_bills_and_shows_the_others() -> None:
    names = ["Loaf", "Old loaf", "Loaf"]
    bills = [a_bill(str(n), a_line("p1", name=name)) for n, name in enumerate(names)]
    row = sales(ledger(new(*bills)))
    assert row.name == "Loaf"
    assert [(other.name, other.transactions) for other in row.also_known] == [("Old loaf", 1)]


def test_among_equally_used_names_the_smallest_wins_whatever_came_first() -> None:
    one, other = a_bill("1", a_line(name="B")), a_bill("2", a_line(name="A"))
    assert sales(ledger(new(one, other))).name == sales(ledger(new(other, one))).name == "A"


def test_taking_a_bill_back_takes_back_its_name() -> None:
    one, other = a_bill("1", a_line(name="A")), a_bill("2", a_line(name="B"))
    row = sales(ledger(new(one, other), [a_change(one, None, 2)]))
    assert (row.name, row.also_known, row.transactions) == ("B", [], 1)


# -- days ------------------------------------------------------------------------------------


def test_the_hour_is_that_of_the_shops_clock_where_the_bill_says_it() -> None:
    told = a_bill("1", when=at(23), local_hour=0)
    untold = a_bill("2", when=at(23))
    assert list(day(ledger(new(untold, told))).hours) == ["00", "23"]


def test_tenders_are_summed_by_method_and_nothing_is_no_entry() -> None:
    paid = a_bill("1", method=Method.CASH)
    back = a_bill("2", a_line("p1", -100, "-1"), method=Method.CASH, kind=Kind.REFUND)
    card = a_bill("3", a_line("p1", 70), tip=30)
    assert day(ledger(new(paid, back, card))).tenders == {"card": 100}
    assert list(day(ledger(new(paid, card))).tenders) == ["card", "cash"]


# -- inventory -------------------------------------------------------------------------------


def test_on_hand_is_the_last_count_and_what_moved_after_it() -> None:
    sold = new(a_bill("1", a_line("p1", quantity="2"), when=at(10)))
    back = new(a_bill("2", a_line("p1", quantity="-1"), when=at(11)))
    waste = a_count("-3", at(12), kind=CountKind.MOVEMENT)
    assert on_hand(a_count("10", at(9)), *sold, *back, waste) == Decimal(6)


def test_a_movement_at_the_very_time_of_a_count_is_before_it() -> None:
    at_nine = new(a_bill("1", when=at(9)))
    later = new(a_bill("2", when=at(9, micro=1)))
    assert on_hand(a_count("10", at(9)), *at_nine, *later) == Decimal(9)


def test_negative_stock_is_shown_as_it_is() -> None:
    assert (
        on_hand(a_count("1", at(9)), *new(a_bill("1", a_line(quantity="3"), when=at(10)))) == -2
    )


def test_what_was_never_counted_has_no_stock_but_says_what_went_out() -> None:
    row = stock(ledger(new(a_bill("1", a_line(quantity="2")))))
    assert (row.on_hand, row.counted, row.sold_since) == (None, None, Decimal(2))


def test_an_earlier_count_that_arrives_late_changes_nothing() -> None:
    known = ledger([a_count("10", at(12))], new(a_bill("1", when=at(13))))
    before = known.rows()
    assert known.feed(a_count("50", at(8))).rows() == before


def test_a_count_that_arrives_late_falls_between_the_sales_by_its_own_time() -> None:
    book = ledger(new(*(a_bill(str(n), when=at(n)) for n in range(8, 13))))
    assert stock(book.feed(a_count("10", at(10)))).on_hand == Decimal(8)


def test_a_sale_before_the_count_may_be_taken_back_without_changing_the_stock() -> None:
    sold = a_bill("1", when=at(8))
    book = ledger(new(sold), [a_count("10", at(9))], [a_change(sold, None, 2)])
    assert stock(book).on_hand == Decimal(10)


def test_stating_a_movement_twice_moves_once() -> None:
    receipt = a_count("5", at(10), kind=CountKind.MOVEMENT)
    book = ledger([a_count("1", at(9)), receipt], [receipt], [receipt])
    assert stock(book).on_hand == Decimal(6)


def test_only_movements_after_the_newest_count_are_kept() -> None:
    book = ledger(new(*(a_bill(str(n), when=at(n)) for n in range(12))))
    book.feed(a_count("10", at(10)))
    assert list(book.tables["stock_state"]) == [
        b"a1/p1/%010d" % (int((MONDAY + timedelta(hours=11)).timestamp()) // 3600)
    ]


def test_the_catalogue_names_a_product_until_a_bill_does() -> None:
    book = ledger([a_count("3", at(9)), a_pos_product("p1", "Brioche")])
    assert stock(book).name == "Brioche"
    assert stock(book.feed(*new(a_bill("1", a_line(name="Brioche bun"))))).name == "Brioche bun"


@given(st.data())
def test_stock_is_the_same_whatever_the_order_of_counts_sales_and_movements(
    data: st.DataObject,
) -> None:
    hours = st.integers(0, 4).map(lambda hour: at(9 + hour))
    counts: st.SearchStrategy[StockCount] = st.builds(
        a_count,
        st.sampled_from(["0", "7", "2.5"]),
        hours,
        kind=st.sampled_from(CountKind),
    )
    bills = st.integers(0, 99).flatmap(
        lambda n: hours.map(lambda when: a_bill(f"{n}-{when}", when=when))
    )
    counted = data.draw(st.lists(counts, max_size=5))
    sold = data.draw(st.lists(bills, max_size=5, unique_by=lambda tx: tx.transaction_id))
    events: list[Event] = [*counted, *counted[:1], *new(*sold)]
    one = ledger(events).rows()["inventory"]
    order = data.draw(st.permutations(events))
    assert ledger(*([event] for event in order)).rows()["inventory"] == one
    last = max(
        ((c.counted_at, Decimal(c.quantity)) for c in counted if c.kind is CountKind.COUNT),
        default=None,
    )
    if last is not None:
        after = [tx for tx in sold if tx.occurred_at > last[0]]
        moves = {c.count_id: c for c in counted if c.kind is CountKind.MOVEMENT}.values()
        moved = [Decimal(c.quantity) for c in moves if c.counted_at > last[0]]
        assert one["a1/p1"].on_hand == last[1] - len(after) + sum(moved)


# -- unmapped revenue ------------------------------------------------------------------------


def test_mapping_moves_all_of_a_products_revenue_and_unmapping_brings_it_back() -> None:
    bills = [a_bill(str(n), a_line(net=100 + n), when=at(24 * n)) for n in range(3)]
    book = ledger(new(*bills))
    before = unmapped(book)
    assert before["a1/p1"].net == 303
    assert not unmapped(book.feed(a_mapping("p1", "mine")))
    assert sales(book).product_id == "mine"
    book.feed(*new(a_bill("9", a_line(net=50))))
    assert unmapped(book.feed(a_mapping("p1", None)))["a1/p1"].net == 353


def test_a_sale_and_the_mapping_of_its_product_in_one_chunk_leave_nothing_unmapped() -> None:
    assert not unmapped(ledger([a_mapping("p1", "mine"), *new(a_bill("1"))]))


def test_days_of_an_unmapped_product_shrink_when_its_first_sale_is_taken_back() -> None:
    bills = [a_bill(str(n), when=at(24 * n)) for n in range(3)]
    book = ledger(new(*bills), [a_change(bills[0], None, 2)])
    row = unmapped(book)["a1/p1"]
    assert (row.first_day, row.last_day) == (at(24).date(), at(48).date())


def test_mappings_of_one_account_do_not_touch_another() -> None:
    book = ledger(new(a_bill("1"), a_bill("2", account="a2")), [a_mapping("p1", "mine")])
    assert list(unmapped(book)) == ["a2/p1"]


def test_an_update_that_changes_nothing_emits_nothing() -> None:
    bill = a_bill("1")
    assert not ledger(new(bill), [a_change(bill, bill, 2)]).emitted
