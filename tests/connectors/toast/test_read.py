from datetime import UTC, date, datetime

import msgspec
import pytest

from connectors.contract import Ignored, NeedsFetch, Parts, Rejected
from schemas.transaction import Kind, LineKind, Status
from tests.connectors.toast.bodies import (
    RECEIVED,
    RESTAURANT,
    SHOP,
    amounts,
    cash,
    charge,
    check,
    discount,
    guid,
    order,
    payment,
    read,
    refund,
    refunded,
    selection,
    tax,
    transactions,
    webhook,
)

ANYWHERE = msgspec.structs.replace(SHOP, location_id="")


def plain_order(**more: object) -> dict[str, object]:
    burger = selection("burger", 14.50, tax=0.91)
    return order(
        "plain",
        check("1", [burger], [payment("a", 15.41)], **amounts(14.50, 0.91, 15.41), **more),
    )


def rejection(body: object) -> tuple[str, str]:
    outcome = read(body)
    assert isinstance(outcome, Rejected), outcome
    return outcome.error_type, outcome.reason


# -- which body it is ------------------------------------------------------------------------


def test_webhook_api_answer_and_page_of_the_same_order_are_the_same_part() -> None:
    hook = webhook("order_updated", "order_updated", {"order": plain_order()})
    assert read(plain_order()) == read(hook) == read([plain_order()])


def test_a_body_about_another_restaurant_is_ignored_unless_any_will_do() -> None:
    hook = webhook("order_updated", "order_updated", {"order": plain_order()})
    hook["details"] = {**hook["details"], "restaurantGuid": guid("other")}  # type: ignore[dict-item]
    assert isinstance(read(hook), Ignored)
    assert isinstance(read(hook, ANYWHERE), Parts)


@pytest.mark.parametrize("flag", ["createdInTestMode", "excessFood"])
def test_training_and_leftovers_are_no_sales(flag: str) -> None:
    assert isinstance(read({**plain_order(), flag: True}), Ignored)


def test_a_payment_asks_for_its_order_unless_that_is_known_as_new() -> None:
    lone = payment("a", 15.41, orderGuid=guid("oplain"), checkGuid=guid("k1"), refund=refund(5))
    outcome = read(lone)
    assert isinstance(outcome, NeedsFetch)
    (want,) = outcome.wanted
    assert want.resource == f"orders/{guid('oplain')}"
    assert (want.transaction, want.part_id) == (f"order:{guid('oplain')}", "order")
    refunded_at = datetime(2026, 5, 5, 15, tzinfo=UTC)
    assert want.min_updated_at_us == int(refunded_at.timestamp()) * 1_000_000


def test_an_order_without_a_currency_of_the_account_is_refused() -> None:
    outcome = read(plain_order(), msgspec.structs.replace(SHOP, currency=None))
    assert isinstance(outcome, Rejected)
    assert outcome.error_type == "wrong-currency"
    assert "currency is needed" in outcome.reason


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"5",
        b"{}",
        b"[1]",
        b'{"guid":"x"}',
        b'{"guid":"x","checks":null}',
        b"\xff{}",
    ],
)
def test_what_is_nothing_of_toasts_is_unreadable(body: bytes) -> None:
    assert rejection(body)[0] == "unreadable"


def test_one_bad_order_of_a_page_says_which() -> None:
    bad = order("bad", check("1", [], [], **amounts(1, 0, 1)))
    assert rejection([plain_order(), bad])[1].startswith("number 2: check amount")


# -- amounts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "field"),
    [
        (amounts(14.51, 0.91, 15.42), "check amount"),
        (amounts(14.50, 0.92, 15.42), "check tax"),
        (amounts(14.50, 0.91, 15.40), "check totalAmount"),
    ],
)
def test_numbers_that_contradict_each_other_are_refused_with_the_difference(
    said: dict[str, object], field: str
) -> None:
    burger = selection("burger", 14.50, tax=0.91)
    error_type, reason = rejection(order("off", check("1", [burger], **said)))
    assert error_type == "unbalanced"
    assert reason.startswith(field)
    assert reason.endswith(("difference 1", "difference -1"))


def test_a_tenth_of_a_cent_is_refused_not_rounded() -> None:
    burger = selection("burger", 14.505)
    assert rejection(order("x", check("1", [burger], **amounts(14.505, 0, 14.505)))) == (
        "unreadable",
        "an amount has more than 2 decimals",
    )


def test_decimals_are_exact_where_floats_are_not() -> None:
    lines = [selection(f"l{n}", 0.10, tax=0.01) for n in range(3)]
    (bill,) = transactions(
        order("x", check("1", lines, [cash("c", 0.33, 0.33)], **amounts(0.30, 0.03, 0.33)))
    )
    assert (bill.totals.net, bill.totals.total) == (30, 33)


@pytest.mark.parametrize(("currency", "total"), [("JPY", 1541), ("KWD", 1_541_000)])
def test_minor_units_are_those_of_the_accounts_currency(currency: str, total: int) -> None:
    ramen = selection("ramen", 1500, tax=41)
    shop = msgspec.structs.replace(SHOP, currency=currency)
    body = order("x", check("1", [ramen], [payment("a", 1541)], **amounts(1500, 41, 1541)))
    (bill,) = transactions(body, shop=shop)
    assert (bill.currency, bill.totals.total) == (currency, total)


def test_pieces_of_a_tax_with_more_decimals_are_rounded_together() -> None:
    pieces = [tax(0.4534, "State", 0.0313), tax(0.4534, "City", 0.0312)]
    burger = selection("burger", 14.50, tax=0.91, appliedTaxes=pieces)
    (bill,) = transactions(order("x", check("1", [burger], **amounts(14.50, 0.91, 15.41))))
    assert [(one.name, one.amount) for one in bill.taxes] == [("State", 46), ("City", 45)]


def test_a_discount_of_the_check_is_borne_as_the_prices_show_it() -> None:
    steak = selection("steak", 30.00, preDiscountPrice=30.00, price=28.00)
    soup = selection("soup", 10.00, price=9.00)
    off = [discount("Happy hour", 3.00)]
    (bill,) = transactions(
        order("x", check("1", [steak, soup], appliedDiscounts=off, **amounts(37, 0, 37)))
    )
    assert [line.discount for line in bill.lines] == [200, 100]


def test_where_prices_do_not_know_of_the_checks_discount_it_is_spread() -> None:
    lines = [selection("steak", 30.00), selection("soup", 10.00)]
    off = [discount("Reward", 5.00, nonTaxDiscountAmount=None)]
    (bill,) = transactions(
        order("x", check("1", lines, appliedDiscounts=off, **amounts(35, 0, 35)))
    )
    assert [line.discount for line in bill.lines] == [375, 125]


def printed_with_tax(name: str, price: float, before: float, taxed: float) -> dict[str, object]:
    """Make a line of an item on which a discount of 20 % of the whole check was given."""
    return selection(
        name,
        price,
        preDiscountPrice=before,
        price=before * 4 / 5,
        tax=taxed,
        taxInclusion="INCLUDED",
    )


@pytest.mark.parametrize("known", [True, False])
def test_what_a_discount_takes_off_a_tax_inside_the_price_is_what_the_printed_price_leaves(
    *,
    known: bool,
) -> None:
    bread = printed_with_tax("bread", 10.70, 10.00, 0.56)
    wine = printed_with_tax("wine", 11.90, 10.00, 1.52)
    if not known:
        wine["receiptLinePrice"] = None
    off = [discount("Friends", 4.52, nonTaxDiscountAmount=4.00)]
    (bill,) = transactions(
        order("x", check("1", [bread, wine], appliedDiscounts=off, **amounts(16, 2.08, 18.08)))
    )
    gross = [1070, 1190] if known else [1082, 1178]
    assert [line.gross for line in bill.lines] == gross
    assert [line.net for line in bill.lines] == [800, 800]
    assert bill.totals.discount == 452


def test_modifiers_kept_apart_from_their_items_price_are_added() -> None:
    latte = selection("latte", 4.00, tax=0.25, modifiers=[selection("oat", 0.75, tax=0.05)])
    (bill,) = transactions(order("x", check("1", [latte], **amounts(4.75, 0.30, 5.05))))
    (line,) = bill.lines
    assert (line.gross, line.tax) == (475, 30)


@pytest.mark.parametrize(
    ("amount", "total", "paid", "tip"),
    [(25.37, 26.72, 26.72, 0), (21.50, 26.72, 26.72, 0), (21.50, 22.85, 22.85, 3.87)],
    ids=["inside the amount", "beside the amount", "collected as a tip"],
)
def test_a_gratuity_is_a_tip_once_however_toast_counts_it(
    amount: float, total: float, paid: float, tip: float
) -> None:
    meal = selection("meal", 21.50, tax=1.35)
    gratuity = charge("Gratuity", 3.87, gratuity=True)
    body = check(
        "1",
        [meal],
        [payment("a", paid, tip)],
        appliedServiceCharges=[gratuity],
        **amounts(amount, 1.35, total),
    )
    (bill,) = transactions(order("x", body))
    assert (bill.totals.tip, bill.totals.total, bill.totals.unpaid) == (387, 2672, 0)
    assert bill.service_charges == ()


# -- what a check is -------------------------------------------------------------------------


def test_the_business_date_is_toasts_own_and_the_hour_that_of_payment() -> None:
    (bill,) = transactions({**plain_order(), "businessDate": 20260503})
    assert bill.business_day == date(2026, 5, 3)
    assert bill.local_hour == 12


def test_goods_leave_when_they_are_paid_not_with_the_batch_of_the_next_morning() -> None:
    (bill,) = transactions(plain_order(closedDate="2026-05-05T08:05:00.000+0000"))
    assert bill.closed_at == datetime(2026, 5, 4, 16, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "status"),
    [("OPEN", Status.OPEN), ("PAID", Status.COMPLETED), ("CLOSED", Status.COMPLETED)],
)
def test_a_check_counts_when_nothing_is_left_to_pay(said: str, status: Status) -> None:
    (bill,) = transactions(plain_order(paymentStatus=said))
    assert bill.status is status


@pytest.mark.parametrize("flag", ["voided", "deleted"])
def test_a_check_taken_back_as_a_whole_counts_nowhere(flag: str) -> None:
    (bill,) = transactions(plain_order(**{flag: True}))
    assert bill.status is Status.CANCELLED


def test_money_kept_for_later_is_no_sale() -> None:
    card = selection("card", 25, item=None, displayName="Gift Card")
    account = selection("acct", 10, item=None, selectionType="HOUSE_ACCOUNT_PAY_BALANCE")
    (bill,) = transactions(order("x", check("1", [card, account], **amounts(35, 0, 35))))
    assert {line.kind for line in bill.lines} == {LineKind.GIFT_CARD}


# -- refunds ---------------------------------------------------------------------------------


def refunded_order(back: dict[str, object], *more: dict[str, object]) -> dict[str, object]:
    burger = selection("burger", 14.50, tax=0.91, **(more[0] if more else {}))
    paid = payment("a", 15.41, 2.00, refundStatus="PARTIAL", refund=back)
    return order("back", check("1", [burger], [paid], **amounts(14.50, 0.91, 15.41)))


def test_a_refund_is_a_transaction_of_its_own_on_its_own_business_day() -> None:
    sale, back = transactions(refunded_order(refund(15.41)))
    assert (sale.kind, sale.business_day) == (Kind.SALE, date(2026, 5, 4))
    assert (back.kind, back.business_day) == (Kind.REFUND, date(2026, 5, 5))
    assert back.totals.total == -1541
    assert sale.transaction_id != back.transaction_id


def test_a_refund_that_says_only_its_business_day_counts_on_it() -> None:
    bare = {"refundAmount": 15.41, "tipRefundAmount": 0, "refundBusinessDate": 20260507}
    _, back = transactions(refunded_order(bare))
    assert back.business_day == date(2026, 5, 7)
    assert back.totals.total == -1541


def test_payments_refunded_on_one_day_without_a_transaction_are_one_refund() -> None:
    bare = {"tipRefundAmount": 0, "refundDate": "2026-05-05T15:00:00.000+0000"}
    day = {**bare, "refundBusinessDate": 20260505}
    paid = [
        payment("a", 10.00, refund={**day, "refundAmount": 10.00}),
        payment("b", 5.41, refund={**day, "refundAmount": 5.41}),
    ]
    burger = selection("burger", 14.50, tax=0.91)
    _, back = transactions(
        order("x", check("1", [burger], paid, **amounts(14.50, 0.91, 15.41)))
    )
    assert [line.name for line in back.lines] == ["Burger"]
    assert [one.amount for one in back.tenders] == [-1000, -541]


def test_a_tip_comes_back_only_where_the_refund_says_so() -> None:
    _, back = transactions(refunded_order(refund(15.41, 2.00)))
    assert (back.totals.tip, back.totals.total) == (-200, -1741)


def test_more_items_than_money_cannot_come_back() -> None:
    details = {"refundDetails": refunded(14.50, 0.91)}
    assert rejection(refunded_order(refund(5.00), details))[1] == (
        "refunded items: parts make 1541, the body says 500, difference -1041"
    )


def test_an_item_cannot_come_back_without_money() -> None:
    details = {"refundDetails": refunded(14.50, 0.91)}
    body = refunded_order(refund(0), details)
    assert rejection(body)[0] == "unbalanced"


def test_a_refunded_payment_has_to_say_how_much() -> None:
    paid = payment("a", 1, refundStatus="FULL")
    body = order("x", check("1", [selection("tea", 1)], [paid], **amounts(1, 0, 1)))
    assert rejection(body)[0] == "unreadable"


def test_part_of_a_price_brings_no_goods_back() -> None:
    details = {"refundDetails": refunded(1.00, 0.06)}
    _, back = transactions(refunded_order(refund(1.06), details))
    (line,) = back.lines
    assert (line.quantity, line.net, line.tax) == (0, -100, -6)


# -- menus and stock -------------------------------------------------------------------------


def test_an_item_on_two_menus_is_one_product_of_the_first() -> None:
    item = {"guid": guid("burger"), "name": "Burger", "plu": "B1", "price": 14.5}
    body = {
        "restaurantGuid": RESTAURANT,
        "lastUpdated": "2026-05-04T10:00:00.000+0000",
        "menus": [
            {"name": "Lunch", "menuGroups": [{"name": "Grill", "menuItems": [item]}]},
            {"name": "Dinner", "menuGroups": [{"menuGroups": [{"menuItems": [item]}]}]},
        ],
    }
    outcome = read(body)
    assert isinstance(outcome, Parts)
    (product,) = outcome.products
    assert (product.name, product.sku, product.price) == ("Burger", "B1", 1450)
    assert product.category == "Grill"
    assert product.version == 1_777_888_800_000_000


def test_a_stock_webhook_counts_at_its_own_time() -> None:
    details = {"itemGuid": guid("burger"), "status": "QUANTITY", "quantity": 10.0}
    outcome = read(webhook("stock", "in_stock", details))
    assert isinstance(outcome, Parts)
    (count,) = outcome.counts
    assert (count.pos_product_id, count.quantity) == (guid("burger"), "10")
    assert count.counted_at == datetime(2026, 5, 4, 16, 31, tzinfo=UTC)


def test_out_of_stock_is_none_left_and_in_stock_is_no_number() -> None:
    entry = {"guid": guid("burger"), "multiLocationId": "1", "quantity": None}
    outcome = read([{**entry, "status": "OUT_OF_STOCK"}, {**entry, "status": "IN_STOCK"}])
    assert isinstance(outcome, Parts)
    assert [(one.quantity, one.counted_at) for one in outcome.counts] == [("0", RECEIVED)]
