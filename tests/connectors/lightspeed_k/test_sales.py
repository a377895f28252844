from datetime import date
from decimal import Decimal
from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Ignored, Rejected
from connectors.lightspeed_k.amounts import spread
from schemas.money import round_minor
from schemas.transaction import Kind, Method, Status
from tests.connectors.lightspeed_k.bodies import (
    SHOP,
    line,
    payment,
    read,
    sale,
    transactions,
)

STEW = line("stew", "12.10", "2.100000", totalNetAmountWithoutTax="10.000000")


def one_sale(**more: object) -> dict[str, object]:
    return sale("A1.1", [STEW], [payment("CASH", "12.10")], **more)


def rejection(body: object) -> tuple[str, str]:
    outcome = read(body)
    assert isinstance(outcome, Rejected), outcome
    return outcome.error_type, outcome.reason


def test_tax_is_inside_the_price_where_the_totals_have_it() -> None:
    (bill,) = transactions(one_sale())
    assert (bill.totals.gross, bill.totals.tax_included, bill.totals.net) == (1210, 210, 1000)


@given(st.lists(st.decimals(-10_000, 10_000, places=6), max_size=20))
def test_rounded_shares_make_the_rounded_sum_and_none_is_off_by_a_cent(
    exact: list[Decimal],
) -> None:
    shares = spread(exact)
    assert sum(shares) == round_minor(sum(exact, start=Decimal(0)))
    assert all(abs(share - one) < 1 for share, one in zip(shares, exact, strict=True))


def test_a_line_that_contradicts_itself_is_refused_with_the_difference() -> None:
    bad = line("stew", "12.10", "1.10", totalNetAmountWithoutTax="10.00")
    assert rejection(sale("A1.1", [bad])) == (
        "unbalanced",
        "line total: parts make 1110, the body says 1210, difference 100",
    )


def test_discounts_that_do_not_make_their_total_are_refused() -> None:
    bad = {**STEW, "discountAmount": "1.00", "totalDiscountAmount": "2.00"}
    assert rejection(sale("A1.1", [bad]))[0] == "unbalanced"


def test_more_paid_than_due_is_refused_and_less_is_named_unpaid() -> None:
    assert rejection(sale("A1.1", [STEW], [payment("CASH", "13.00")])) == (
        "unbalanced",
        "payments: parts make 1300, the body says 1210, difference -90",
    )
    (bill,) = transactions(sale("A1.1", [STEW], [payment("CASH", "12.00")]))
    assert bill.totals.unpaid == 10


@pytest.mark.parametrize(
    ("paid", "total", "unpaid"),
    [("12.10", 1210, 0), ("13.10", 1310, 0), ("12.60", 1310, 50)],
    ids=["inside the total", "on top of it", "neither makes what was paid"],
)
def test_what_was_paid_says_whether_an_untaxed_charge_is_in_the_total(
    paid: str, total: int, unpaid: int
) -> None:
    charged = {**STEW, "serviceCharge": "1.00", "serviceChargeType": "UNTAXED"}
    (bill,) = transactions(sale("A1.1", [charged], [payment("CASH", paid)]))
    assert (bill.totals.service_charge, bill.totals.total) == (100, total)
    assert bill.totals.unpaid == unpaid


@pytest.mark.parametrize("paid", ["12.10", "13.10"], ids=["apart", "inside"])
def test_a_tip_counts_once_whether_it_is_inside_the_payment_or_apart(paid: str) -> None:
    (bill,) = transactions(sale("A1.1", [STEW], [payment("VISA", paid, "1.00")]))
    assert (bill.totals.tip, bill.totals.total, bill.totals.unpaid) == (100, 1310, 0)


@pytest.mark.parametrize("sign", [1, -1], ids=["written positive", "written negative"])
def test_a_refund_is_negative_whichever_sign_it_is_written_with(sign: int) -> None:
    back = line(
        "stew",
        f"{sign * Decimal('12.10')}",
        f"{sign * Decimal('2.10')}",
        totalNetAmountWithoutTax=f"{sign * 10}",
    )
    paid = payment("CASH", f"{sign * Decimal('12.10')}")
    (bill,) = transactions(sale("A1.2", [back], [paid], type="REFUND"))
    assert bill.kind is Kind.REFUND
    assert (bill.totals.total, bill.totals.tax, bill.totals.unpaid) == (-1210, -210, 0)
    assert bill.lines[0].quantity == -1


def test_a_cancellation_takes_the_sale_back_from_its_own_day_in_any_order() -> None:
    cancel = sale(
        "A1.2",
        [STEW],
        type="CANCEL",
        source={"initialAccountId": "A1.1", "previousAccountId": "A1.1"},
        timeClosed="2026-05-06T10:00:00.000Z",
    )
    for bodies in permutations([one_sale(), cancel, one_sale()]):
        made = {one.provider_ids["sale"]: one for one in transactions(*bodies)}
        assert made["A1.1"].status is Status.CANCELLED
        assert made["A1.1"].business_day == date(2026, 5, 4)
        assert made["A1.2"].kind is Kind.VOID


def test_of_two_bodies_of_a_sale_the_cancelled_one_is_newer_then_the_one_with_payments() -> (
    None
):
    bare, cancelled = {**one_sale(), "payments": []}, one_sale(cancelled=True)
    for bodies in permutations([bare, cancelled, one_sale()]):
        (bill,) = transactions(*bodies)
        assert bill.status is Status.CANCELLED
    for bodies in permutations([bare, one_sale()]):
        (bill,) = transactions(*bodies)
        assert bill.totals.unpaid == 0


@pytest.mark.parametrize(
    "kind", ["RECALL", "SPLIT", "UPDATE", "TRANSFER", "FLOAT", "TRANSITORY", "CROSS_BL"]
)
def test_a_record_that_moves_an_account_about_sells_nothing(kind: str) -> None:
    assert isinstance(read(one_sale(type=kind)), Ignored)


def test_two_currencies_or_none_are_refused() -> None:
    dollars = payment("CASH", "12.10", currency="USD")
    assert rejection(sale("A1.1", [STEW], [dollars]))[0] == "wrong-currency"
    silent = {key: value for key, value in STEW.items() if key != "currency"}
    outcome = read(sale("A1.1", [silent]), msgspec.structs.replace(SHOP, currency=None))
    assert isinstance(outcome, Rejected)
    assert "no currency" in outcome.reason


def test_a_line_has_to_say_how_much_was_sold() -> None:
    assert rejection(sale("A1.1", [{**STEW, "quantity": None}]))[0] == "unreadable"


def test_a_sale_after_midnight_belongs_to_the_day_before_until_the_cut_off() -> None:
    (late,) = transactions(one_sale(timeClosed="2026-05-05T02:30:00.000Z"))
    (early,) = transactions(one_sale(timeClosed="2026-05-05T03:30:00.000Z"))
    assert (late.business_day, late.local_hour) == (date(2026, 5, 4), 4)
    assert (early.business_day, early.local_hour) == (date(2026, 5, 5), 5)


def test_a_debt_of_the_guest_is_a_house_account_and_an_unknown_code_is_other() -> None:
    paid = [payment("ROOM", "6.05", type="ACCOUNTS_RECEIVABLE"), payment("Ticket", "6.05")]
    (bill,) = transactions(sale("A1.1", [STEW], paid))
    assert [one.method for one in bill.tenders] == [Method.HOUSE_ACCOUNT, Method.OTHER]


def test_names_of_people_are_not_kept() -> None:
    guest = {"id": "ec021fb0", "firstName": "Ada", "lastName": "Lovelace", "email": "a@b.test"}
    (bill,) = transactions(sale("A1.1", [STEW], [payment("CASH", "12.10", consumer=guest)]))
    assert bill.customer == "ec021fb0"
    kept = msgspec.json.encode(bill)
    assert not any(word in kept for word in (b"Ada", b"Lovelace", b"a@b.test", b"Manager"))
