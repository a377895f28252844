"""What orders, payments and refunds make together."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from connectors.contract import Parts
from schemas.businessday import BusinessCalendar
from schemas.transaction import Kind, LineKind, Method, Status, broken_laws
from tests.connectors.golden import BAKERY
from tests.connectors.square.bodies import (
    SQUARE,
    Json,
    a_line,
    a_payment,
    a_refund,
    an_order,
    eur,
    made_of,
    read,
)


def a_tender(amount: int, *, id: str = "PAYMENT", **more: object) -> Json:  # noqa: A002
    return {"id": id, "type": "CARD", "amount_money": eur(amount), **more}


def a_return(amount: int = 300, **more: object) -> Json:
    back = {"source_order_id": "ORDER", "return_line_items": [a_line(amount)]}
    return {**an_order(id="RETURN", line_items=[], total_money=eur(0), returns=[back]), **more}


# --- sales


def test_money_alone_is_not_yet_a_sale() -> None:
    assert made_of({"payment": a_payment()}) == []
    assert made_of({"refund": a_refund()}) == []


def test_an_order_without_payments_uses_its_own_tenders() -> None:
    (made,) = made_of({"order": an_order(tenders=[a_tender(300)])})
    assert [(tender.tender_id, tender.amount) for tender in made.tenders] == [("PAYMENT", 300)]
    assert made.totals.unpaid == 0


def test_a_payment_makes_its_tender_exact_and_does_not_double_it() -> None:
    card = {
        "card_details": {"status": "CAPTURED", "card": {"card_brand": "VISA", "last_4": "1"}}
    }
    (made,) = made_of(
        {"order": an_order(tenders=[a_tender(300)])}, {"payment": a_payment(**card)}
    )
    (tender,) = made.tenders
    assert (tender.amount, tender.brand, tender.last_four) == (300, "VISA", "1")


@pytest.mark.parametrize("status", ["FAILED", "CANCELED"])
def test_a_payment_that_failed_paid_nothing_whatever_the_order_says(status: str) -> None:
    (made,) = made_of(
        {"order": an_order(tenders=[a_tender(300)])}, {"payment": a_payment(status=status)}
    )
    assert (made.tenders, made.totals.unpaid) == ((), 300)


def test_an_authorised_card_has_not_paid_until_it_is_captured() -> None:
    authorised = a_tender(300, card_details={"status": "AUTHORIZED"})
    approved = {"payment": a_payment(status="APPROVED")}
    (made,) = made_of({"order": an_order(state="OPEN", tenders=[authorised])}, approved)
    assert (made.status, made.tenders, made.totals.unpaid) == (Status.OPEN, (), 300)
    captured = a_tender(300, card_details={"status": "CAPTURED"})
    (made,) = made_of({"order": an_order(tenders=[captured])}, approved)
    assert (made.status, made.totals.unpaid) == (Status.COMPLETED, 0)


def test_a_payment_that_its_order_has_not_heard_of_counts() -> None:
    (made,) = made_of({"order": an_order(state="OPEN")}, {"payment": a_payment(100)})
    assert (made.totals.total, made.totals.unpaid) == (300, 200)


def test_a_payment_in_another_currency_pays_nothing_of_the_bill() -> None:
    payment = a_payment(amount_money={"amount": 300, "currency": "USD"})
    payment["total_money"] = payment["amount_money"]
    (made,) = made_of({"order": an_order()}, {"payment": payment})
    assert (made.currency, made.totals.unpaid) == ("EUR", 300)


def test_a_tip_is_in_the_tender_and_in_the_total_but_in_no_line() -> None:
    order = an_order(
        total_money=eur(350),
        total_tip_money=eur(50),
        tenders=[a_tender(350, tip_money=eur(50))],
    )
    (made,) = made_of({"order": order})
    assert (made.totals.net, made.totals.tip, made.totals.total) == (300, 50, 350)
    assert [(tip.source, tip.amount) for tip in made.tips] == [("tender", 50)]
    assert made.tenders[0].tip == 50


def test_a_tip_that_only_the_order_knows_is_still_a_tip() -> None:
    order = an_order(total_money=eur(350), total_tip_money=eur(50), tenders=[a_tender(350)])
    (made,) = made_of({"order": order})
    assert [(tip.source, tip.amount) for tip in made.tips] == [("order", 50)]
    assert made.totals.unpaid == 0


def test_tax_without_shares_is_inside_where_the_total_does_not_grow() -> None:
    on_top = a_line(1000, tax=70)
    inside = {**a_line(1000, tax=70), "total_money": eur(1000)}
    (additive,) = made_of({"order": an_order(on_top)})
    (inclusive,) = made_of({"order": an_order(inside)})
    assert (additive.totals.tax_included, additive.totals.total) == (0, 1070)
    assert (inclusive.totals.tax_included, inclusive.totals.total) == (70, 1000)
    assert (additive.taxes[0].included, inclusive.taxes[0].included) == (False, True)


def test_a_taxed_gratuity_is_a_tip_and_its_tax_is_tax() -> None:
    charge = {
        "type": "AUTO_GRATUITY",
        "applied_money": eur(100),
        "total_tax_money": eur(10),
        "total_money": eur(110),
    }
    order = an_order(
        service_charges=[charge],
        total_service_charge_money=eur(100),
        total_tax_money=eur(10),
        total_money=eur(410),
    )
    (made,) = made_of({"order": order})
    assert [(tip.source, tip.amount) for tip in made.tips] == [("gratuity", 100)]
    assert [(fee.amount, fee.tax) for fee in made.service_charges] == [(0, 10)]
    assert (made.totals.tax, made.totals.total) == (10, 410)
    assert list(broken_laws(made)) == []


def test_the_tax_of_an_apportioned_charge_counts_once_wherever_square_puts_it() -> None:
    charge = {
        "name": "Pfand",
        "type": "CUSTOM",
        "treatment_type": "APPORTIONED_TREATMENT",
        "applied_money": eur(50),
        "total_tax_money": eur(5),
    }
    beside = {**a_line(), "total_service_charge_money": eur(50), "total_money": eur(350)}
    inside = {**beside, "total_tax_money": eur(5), "total_money": eur(355)}
    for line in (beside, inside):
        order = an_order(
            line,
            service_charges=[charge],
            total_service_charge_money=eur(50),
            total_tax_money=eur(5),
            total_money=eur(355),
        )
        (made,) = made_of({"order": order})
        assert (made.totals.tax, made.totals.service_charge, made.totals.total) == (5, 50, 355)
        assert list(broken_laws(made)) == []


def test_gift_cards_and_typed_amounts_are_lines_of_their_own_kind() -> None:
    gift = {**a_line(2000), "item_type": "GIFT_CARD", "name": None}
    typed = {**a_line(150), "item_type": "CUSTOM_AMOUNT", "name": None}
    (made,) = made_of({"order": an_order(gift, typed)})
    assert [(line.kind, line.name, line.net) for line in made.lines] == [
        (LineKind.GIFT_CARD, "Gift card", 2000),
        (LineKind.CUSTOM_AMOUNT, "Custom amount", 150),
    ]


def test_who_where_and_for_whom() -> None:
    payment = a_payment(
        team_member_id="TM1",
        receipt_number="PAYM",
        customer_id="C1",
        device_details={"device_id": "TILL"},
    )
    (made,) = made_of({"order": an_order()}, {"payment": payment})
    assert (made.cashier, made.register, made.receipt_number) == ("TM1", "TILL", "PAYM")
    assert made.customer == "C1"
    assert made.source_refs == ("order@2", "payment:PAYMENT@1777875000000000")


def test_the_same_order_has_the_same_id_in_one_account_and_another_in_another() -> None:
    other = msgspec.structs.replace(BAKERY, account_id="other")
    one, again, elsewhere = (
        made_of({"order": an_order()}, shop=shop)[0].transaction_id
        for shop in (BAKERY, BAKERY, other)
    )
    assert one == again != elsewhere


def test_a_sale_belongs_to_the_day_it_was_closed_and_an_open_one_to_its_beginning() -> None:
    shop = msgspec.structs.replace(BAKERY, calendar=BusinessCalendar("Europe/Berlin", 4))
    times = {"created_at": "2026-05-04T22:00:00Z", "closed_at": "2026-05-05T02:30:00Z"}
    (closed,) = made_of({"order": an_order(**times)}, shop=shop)
    (opened,) = made_of({"order": an_order(**times, state="OPEN")}, shop=shop)
    assert (closed.business_day, closed.local_hour) == (date(2026, 5, 5), 4)
    assert (opened.business_day, opened.local_hour) == (date(2026, 5, 4), 0)
    assert opened.closed_at is None


def test_an_order_emptied_and_closed_or_a_drawer_opened_is_no_transaction() -> None:
    empty = an_order(
        line_items=[], total_money=eur(0), tenders=[{"id": "n", "type": "NO_SALE"}]
    )
    assert made_of({"order": empty}) == []


# --- money back


def test_a_refund_is_negative_everywhere_but_in_its_unit_price() -> None:
    (made,) = made_of({"order": a_return()}, {"refund": a_refund(destination_type="CASH")})
    (line,), (tender,) = made.lines, made.tenders
    assert (made.kind, made.status) == (Kind.REFUND, Status.COMPLETED)
    assert (line.quantity, line.unit_price, line.gross, line.net) == (-1, 300, -300, -300)
    assert (tender.method, tender.amount, made.totals.total) == (Method.CASH, -300, -300)
    assert made.provider_ids["source_order"] == "ORDER"


def test_a_refund_counts_on_the_day_the_money_went_back() -> None:
    refund = a_refund(created_at="2026-05-06T10:00:00Z")
    (made,) = made_of({"order": a_return()}, {"refund": refund})
    assert made.business_day == date(2026, 5, 6)


@pytest.mark.parametrize(
    ("status", "stands"),
    [
        ("PENDING", Status.OPEN),
        ("COMPLETED", Status.COMPLETED),
        ("FAILED", Status.CANCELLED),
        ("REJECTED", Status.CANCELLED),
    ],
)
def test_a_refund_counts_only_when_the_money_has_gone(status: str, stands: Status) -> None:
    (made,) = made_of({"order": a_return()}, {"refund": a_refund(status=status)})
    assert made.status is stands


def test_a_refund_told_by_the_order_and_by_itself_is_one() -> None:
    for told in (
        {"id": "REFUND"},
        {"id": "x", "tender_id": "PAYMENT"},
        {"id": "FUND", "tender_id": "?"},
    ):
        inside = {"status": "APPROVED", "amount_money": eur(300), **told}
        known = a_refund(id="RE_FUND") if told["id"] == "FUND" else a_refund()
        (made,) = made_of({"order": a_return(refunds=[inside])}, {"refund": known})
        assert [tender.amount for tender in made.tenders] == [-300], told


def test_two_refunds_of_one_return_are_two_tenders() -> None:
    first, second = a_refund(100, id="A"), a_refund(200, id="B", payment_id="OTHER")
    (made,) = made_of({"order": a_return()}, {"refunds": [second, first]})
    assert [(one.tender_id, one.amount) for one in made.tenders] == [("A", -100), ("B", -200)]
    assert made.totals.unpaid == 0


def test_an_exchange_has_lines_of_both_signs_and_what_was_paid_beyond() -> None:
    exchange = a_return(200, line_items=[a_line(300)], total_money=eur(300))
    exchange["tenders"] = [a_tender(100)]
    (made,) = made_of({"order": exchange})
    assert made.kind is Kind.EXCHANGE
    assert [line.gross for line in made.lines] == [300, -200]
    assert (made.totals.total, made.totals.unpaid) == (100, 0)


def test_an_exchange_counts_on_the_day_it_was_closed() -> None:
    exchange = a_return(200, line_items=[a_line(300)], total_money=eur(300))
    exchange["closed_at"] = "2026-05-07T10:00:00Z"
    (made,) = made_of({"order": exchange}, {"refund": a_refund(50)})
    assert made.business_day == date(2026, 5, 7)


def test_refunds_written_into_one_sale_on_two_days_are_two_transactions() -> None:
    refunds = [
        a_refund(100, id="A", order_id="ORDER", created_at="2026-05-05T10:00:00Z"),
        a_refund(50, id="B", order_id="ORDER", created_at="2026-05-06T10:00:00Z"),
    ]
    made = made_of({"order": an_order(tenders=[a_tender(300)])}, {"refunds": refunds})
    by_day = {one.business_day.day: (one.kind, one.totals.total) for one in made}
    assert by_day == {4: (Kind.SALE, 300), 5: (Kind.REFUND, -100), 6: (Kind.REFUND, -50)}


def test_a_return_hint_in_a_sale_without_anything_coming_back_is_no_exchange() -> None:
    order = an_order(returns=[{"uid": "r"}], tenders=[a_tender(300)])
    assert isinstance(read({"order": order}), Parts)
    (made,) = made_of({"order": order})
    assert made.kind is Kind.SALE


def test_square_speaks_for_itself() -> None:
    assert SQUARE.provider == "square"
    assert SQUARE.lookback_s > 0
