"""What bodies of the R-Series mean, rule by rule."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from connectors.contract import Ignored, NeedsFetch, Parts, Rejected
from schemas.transaction import Kind, Status
from tests.connectors.lightspeed_r.bodies import (
    BELL,
    RSERIES,
    SHOP,
    TUBE,
    Json,
    answer,
    line,
    made,
    payment,
    read,
    sale,
)


def tube(**more: object) -> Json:
    return sale(
        "1", [line("3", TUBE, "20")], [payment("2", "20")], ("20", "0", "0", "0", "20"), **more
    )


def test_without_the_accounts_currency_no_amount_can_be_read() -> None:
    outcome = read(tube(), msgspec.structs.replace(SHOP, currency=None))
    assert isinstance(outcome, Rejected)
    assert outcome.error_type == "wrong-currency"
    assert "the account's currency is needed" in outcome.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"calcTotal": "20.01"},
            "calcTotal: parts make 2000, the body says 2001, difference 1",
        ),
        (
            {"calcSubtotal": "20.01", "calcTotal": "20.01"},
            "line calcSubtotal: parts make 2000, the body says 2001, difference 1",
        ),
        (
            {"calcDiscount": "1", "calcTotal": "19"},
            "line discounts: parts make 0, the body says 100, difference 100",
        ),
        (
            {"calcTax1": "1", "calcTotal": "21"},
            "line calcTax1: parts make 0, the body says 100, difference 100",
        ),
        (
            {"calcPayments": "19.99"},
            "calcPayments: parts make 2000, the body says 1999, difference -1",
        ),
    ],
)
def test_a_sale_that_contradicts_itself_is_rejected_by_how_much(
    change: Json, reason: str
) -> None:
    assert read(tube(**change)) == Rejected("unbalanced", reason)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"Sale": {"completed": "true"}},
        tube(calcTotal="x"),
        tube(calcTotal="NaN"),
        tube(calcTotal="1e99"),
        tube(timeStamp="yesterday"),
        tube(timeStamp="2026-05-04T14:05:01"),
    ],
)
def test_what_is_no_body_of_the_r_series_is_never_believed(body: object) -> None:
    outcome = read(body)
    assert isinstance(outcome, Rejected | Ignored)
    assert body == [] or isinstance(outcome, Rejected)


def test_sales_of_another_shop_are_ignored() -> None:
    assert isinstance(read(tube(shopID="2")), Ignored)
    anywhere = msgspec.structs.replace(SHOP, location_id="")
    assert len(made(tube(shopID="2"), shop=anywhere)) == 1


def test_one_sale_is_the_same_alone_in_an_answer_and_in_a_list() -> None:
    assert read(tube()) == read(answer(tube())) == read([tube()])


def test_a_sale_that_came_without_lines_is_wanted_whole() -> None:
    bare = {name: value for name, value in tube().items() if name != "SaleLines"}
    outcome = read(answer(bare))
    assert isinstance(outcome, NeedsFetch)
    assert [want.resource for want in outcome.wanted] == ["sales/1"]
    assert made(answer(bare)) == []


def test_lines_alone_want_their_sale() -> None:
    outcome = read({"SaleLine": {**line("3", TUBE, "20"), "saleID": "77"}})
    assert isinstance(outcome, NeedsFetch)
    assert [want.resource for want in outcome.wanted] == ["sales/77"]
    assert isinstance(read({"SaleLine": line("3", TUBE, "20")}), Ignored)


def test_the_newest_change_wins_whatever_comes_last() -> None:
    voided = tube(voided="true", timeStamp="2026-05-04T16:00:00+00:00")
    (one,) = made(voided, tube())
    assert one.status is Status.CANCELLED
    assert made(tube(), voided) == [one]


def test_a_sale_belongs_to_the_day_it_was_completed_on() -> None:
    (one,) = made(
        tube(
            createTime="2026-05-01T20:00:00+00:00",
            completeTime="2026-05-04T03:30:00+00:00",
            timeStamp="2026-05-09T10:00:00+00:00",
        )
    )
    assert (one.business_day, one.local_hour) == (date(2026, 5, 3), 23)


def test_payments_of_an_open_sale_are_not_yet_payments() -> None:
    (one,) = made(tube(completed="false", completeTime=""))
    assert (one.status, one.tenders, one.closed_at) == (Status.OPEN, (), None)
    assert one.totals.unpaid == 2000


def test_a_negative_sale_is_a_refund_that_mirrors_it() -> None:
    taxes = ("0.4995", "0.9965025")
    minus = ("-0.4995", "-0.9965025")
    sold = sale(
        "1",
        [line("1", BELL, "9.99", "1", taxes)],
        [payment("1", "11.49")],
        ("9.99", "0", "0.5", "1", "11.49"),
    )
    back = sale(
        "2",
        [line("2", BELL, "-9.99", "-1", minus)],
        [payment("2", "-11.49")],
        ("-9.99", "0", "-0.5", "-1", "-11.49"),
    )
    one, other = sorted(made(sold, back), key=lambda each: each.totals.total, reverse=True)
    assert (one.kind, other.kind) == (Kind.SALE, Kind.REFUND)
    assert one.totals.total == -other.totals.total
    assert [line.tax for line in one.lines] == [-line.tax for line in other.lines]


def test_items_are_products_and_the_row_of_all_shops_is_no_stock() -> None:
    item = {
        "itemID": "28",
        "customSku": "",
        "systemSku": "210000000028",
        "description": "Inner tube 28",
        "archived": "true",
        "timeStamp": "2026-05-04T14:00:00+00:00",
        "Prices": {"ItemPrice": {"amount": "19.95", "useType": "Default"}},
        "Category": {"name": "Tubes"},
        "ItemShops": {
            "ItemShop": [
                {"itemID": "28", "shopID": shop, "qoh": qoh, "timeStamp": at}
                for shop, qoh, at in (
                    ("0", "9", "2026-05-04T14:00:00+00:00"),
                    ("1", "-4", "2026-05-04T14:00:00+00:00"),
                    ("2", "13", "2026-05-04T14:00:00+00:00"),
                )
            ]
        },
    }
    outcome = read({"Item": item})
    assert isinstance(outcome, Parts)
    (product,) = outcome.products
    assert (product.name, product.sku, product.price) == (
        "Inner tube 28",
        "210000000028",
        1995,
    )
    assert (product.category, product.deleted) == ("Tubes", True)
    assert [count.quantity for count in outcome.counts] == ["-4"]


def test_the_r_series_sends_no_webhooks() -> None:
    assert isinstance(RSERIES.route(b"{}"), Rejected)


@pytest.mark.parametrize("subtotal", ["3.25", "3.26"])
def test_where_prices_include_tax_the_total_is_what_the_prices_say(subtotal: str) -> None:
    """Of 3.50 the taxes are 0.1136 and 0.1281: with 3.2583 rounded they make 3.50 or 3.49."""
    goods = ("12", "Brass bell", "3.2583")
    row = line("1", goods, "3.2583", "1", ("0.1136", "0.1281"), displayableUnitPrice="3.50")
    (found,) = made(
        sale(
            "9",
            [row],
            [payment("1", "3.50")],
            (subtotal, "0", "0.11", "0.13", "3.50"),
            isTaxInclusive="true",
        )
    )
    assert (found.totals.gross, found.totals.tax, found.totals.net) == (350, 24, 326)
    assert (found.totals.total, found.totals.rounding, found.lines[0].gross) == (350, 0, 350)


def test_change_comes_out_of_as_many_payments_of_cash_as_it_takes() -> None:
    handed = [payment("1", "5"), payment("2", "20")]
    row = line("1", TUBE, "3")
    (found,) = made(sale("9", [row], handed, ("3", "0", "0", "0", "3"), change="22"))
    assert [(one.amount, one.change) for one in found.tenders] == [(300, 200), (0, 2000)]
