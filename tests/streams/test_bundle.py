"""The newest parts make the transactions; every difference is one change."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.part import Part
from schemas.transaction import Cause, Kind, Status, Totals, Transaction
from streams.stages.bundle import Bundle

CAUSE = Cause(raw_id="r", channel="webhook", resource="order")
NOTHING = Totals(
    gross=0, discount=0, tax=0, tax_included=0, net=0, service_charge=0, tip=0, total=0
)


def a_sale(name: str = "t1", total: int = 0) -> Transaction:
    return Transaction(
        transaction_id=name,
        tenant_id="t",
        account_id="a",
        location_id="l",
        provider="square",
        provider_ids={},
        kind=Kind.SALE,
        status=Status.COMPLETED,
        occurred_at=datetime(2026, 5, 4, tzinfo=UTC),
        closed_at=None,
        business_day=date(2026, 5, 4),
        currency="EUR",
        lines=(),
        discounts=(),
        taxes=(),
        service_charges=(),
        tips=(),
        tenders=(),
        totals=replace(NOTHING, total=total),
    )


parts = st.builds(
    Part,
    st.just("order:1"),
    st.sampled_from(["order", "payment:1", "payment:2"]),
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from([b"a", b"b"]),
)


@given(st.lists(parts), st.randoms())
def test_the_newest_parts_are_the_same_in_whatever_order_and_however_often_they_come(
    seen: list[Part], chance: object
) -> None:
    one, other = Bundle(), Bundle()
    one.take(seen)
    again = seen + seen[: len(seen) // 2]
    chance.shuffle(again)  # type: ignore[attr-defined]
    for part in again:
        other.take((part,))
    assert one.parts == other.parts


def test_a_part_that_is_no_newer_changes_nothing() -> None:
    bundle = Bundle()
    part = Part("order:1", "order", 2, 5, b"x")
    assert bundle.take((part,)) == 1
    assert bundle.take((part,)) == 0
    assert bundle.take((replace(part, version=1, content=b"z"),)) == 0


def test_a_replay_replaces_the_reading_of_the_same_version_but_not_of_a_newer_one() -> None:
    bundle = Bundle()
    bundle.take((Part("o", "order", 2, 5, b"old reading"),))
    bundle.take((Part("o", "order", 2, 5, b"a new reading"),), again=True)
    assert bundle.parts["order"].content == b"a new reading"
    bundle.take((Part("o", "order", 1, 4, b"zz"),), again=True)
    assert bundle.parts["order"].version == 2


def test_a_change_takes_back_exactly_what_was_emitted_before() -> None:
    bundle = Bundle()
    (first,) = bundle.become([a_sale(total=100)], CAUSE)
    (second,) = bundle.become([a_sale(total=90)], CAUSE)
    assert (first.before, first.revision) == (None, 1)
    assert second.before == first.after
    assert (second.after.totals.total, second.after.revision) == (90, 2)
    assert first.change_id != second.change_id


def test_what_did_not_change_is_not_emitted_again() -> None:
    bundle = Bundle()
    list(bundle.become([a_sale(total=100)], CAUSE))
    assert list(bundle.become([a_sale(total=100)], CAUSE)) == []


def test_a_transaction_that_proves_to_be_none_is_taken_back_and_may_come_again() -> None:
    bundle = Bundle()
    (first,) = bundle.become([a_sale(total=100)], CAUSE)
    (gone,) = bundle.become([], CAUSE)
    (again,) = bundle.become([a_sale(total=100)], CAUSE)
    assert (gone.before, gone.after) == (first.after, None)
    assert [first.revision, gone.revision, again.revision] == [1, 2, 3]
