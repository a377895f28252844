"""Two views of a business day: which figures differ, and which bills explain it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from projections.reconcile import SUMMED, compare
from projections.sales_days import day_of
from schemas.reconciliation import BillState
from schemas.transaction import Kind, Method, Status, Tender, Totals, Transaction

DAY = date(2026, 5, 4)
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
EDGES = (NOON - timedelta(hours=12), NOON + timedelta(hours=12))


def a_bill(name: str, total: int = 1000, **given: object) -> Transaction:
    fields = {
        "transaction_id": name,
        "tenant_id": "t",
        "account_id": "a",
        "location_id": "L",
        "provider": "square",
        "provider_ids": {"order": f"O-{name}"},
        "kind": Kind.SALE,
        "status": Status.COMPLETED,
        "occurred_at": NOON,
        "closed_at": NOON,
        "business_day": DAY,
        "currency": "EUR",
        "lines": (),
        "discounts": (),
        "taxes": (),
        "service_charges": (),
        "tips": (),
        "tenders": (Tender(tender_id="T", method=Method.CASH, amount=total),),
        "totals": Totals(
            gross=total,
            discount=0,
            tax=0,
            tax_included=0,
            net=total,
            service_charge=0,
            tip=0,
            total=total,
        ),
    }
    return Transaction(**{**fields, **given})  # type: ignore[arg-type]


def compared(ours: list[Transaction], theirs: list[Transaction], **more: object):  # type: ignore[no-untyped-def]
    mine = [bill for bill in ours if bill.business_day == DAY]
    return compare(DAY, day_of(mine), ours, theirs, **more)  # type: ignore[arg-type]


def test_the_same_bills_agree_in_every_figure() -> None:
    bills = [a_bill("1"), a_bill("2", -300, kind=Kind.REFUND)]
    found = compared(bills, list(reversed(bills)))
    assert found.agrees
    assert found.bills_compared == 2
    assert found.figures_compared >= 16
    assert found.currency == "EUR"


def test_a_bill_that_is_missing_here_is_named_by_the_provider_s_own_id() -> None:
    found = compared([a_bill("1")], [a_bill("1"), a_bill("2", 250)])
    (bill,) = found.bills
    assert (bill.state, bill.provider_ids) == (BillState.MISSING_HERE, {"order": "O-2"})
    assert {it.figure: it.theirs - it.ours for it in found.figures} == {
        "gross": 250,
        "net": 250,
        "total": 250,
        "tender cash": 250,
        "transactions": 1,
        "sales": 1,
    }


def test_a_bill_that_the_provider_does_not_have_is_missing_there() -> None:
    found = compared([a_bill("1"), a_bill("2")], [a_bill("1")])
    assert [bill.state for bill in found.bills] == [BillState.MISSING_THERE]


def test_differences_that_cancel_each_other_out_are_found_all_the_same() -> None:
    found = compared([a_bill("1", 100), a_bill("2", 200)], [a_bill("1", 200), a_bill("2", 100)])
    assert found.figures == ()
    assert not found.agrees
    assert [bill.state for bill in found.bills] == [BillState.DIFFERS, BillState.DIFFERS]


def test_bills_of_other_days_and_those_that_do_not_count_are_left_out() -> None:
    others = [
        a_bill("2", business_day=DAY + timedelta(days=1)),
        a_bill("3", status=Status.CANCELLED),
        a_bill("4", kind=Kind.VOID),
    ]
    assert compared([a_bill("1")], [a_bill("1"), *others]).agrees


def test_a_row_that_is_not_what_its_bills_make_differs_without_a_bill_to_name() -> None:
    row = day_of([a_bill("1", 999)])
    found = compare(DAY, row, [a_bill("1")], [a_bill("1")])
    assert {it.figure for it in found.figures} == {"gross", "net", "total", "tender cash"}
    assert found.bills == ()


def test_the_provider_s_own_sums_stand_beside_ours_unless_a_bill_lies_on_an_edge() -> None:
    bills = [a_bill("1")]
    sums = {"gross": 1000, "total": 990}
    found = compared(bills, bills, sums=sums, edges=EDGES)
    (only,) = found.figures
    assert (only.figure, only.theirs, only.ours) == (f"{SUMMED}total", 990, 1000)
    late = a_bill("2", occurred_at=EDGES[1] - timedelta(minutes=5), closed_at=EDGES[1])
    late = replace(late, business_day=DAY + timedelta(days=1))
    assert compared(bills, [*bills, late], sums=sums, edges=EDGES).agrees


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(-500, 500)),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(-500, 500)),
)
def test_the_bills_that_differ_explain_the_totals_to_the_cent(
    here: dict[str, int], there: dict[str, int]
) -> None:
    ours = [a_bill(name, total) for name, total in here.items()]
    theirs = [a_bill(name, total) for name, total in there.items()]
    found = compared(ours, theirs)
    named = [
        it.theirs - it.ours
        for bill in found.bills
        for it in bill.figures
        if it.figure == "total"
    ]
    assert sum(named) == sum(there.values()) - sum(here.values())
    assert found.agrees == (here == there)
