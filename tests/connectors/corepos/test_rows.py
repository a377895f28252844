"""What the rows of a till mean, rule by rule."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest

from connectors.contract import Ignored, Parts, Rejected
from schemas.catalogue import CountKind
from schemas.transaction import Kind, Method, Status
from tests.connectors.corepos.rows import (
    BREAD,
    COREPOS,
    EGGS,
    SHOP,
    SODA,
    Row,
    change,
    end,
    item,
    made,
    paid,
    read,
    row,
    sale,
)
from tests.connectors.golden import read as read_bytes


def eggs(**same: object) -> list[Row]:
    rows = sale(item(EGGS, "3.49"), paid("CA", "-5.00"), change("1.51"), *end())
    return [{**row, **same} for row in rows]


def test_a_whole_transaction_that_does_not_sum_to_zero_is_rejected_by_how_much() -> None:
    rows = eggs()
    rows[0]["total"] = "3.59"
    assert read(rows) == Rejected(
        "unbalanced", "transaction 35-1-1: its rows make 10, not 0, difference 10"
    )


def test_without_the_accounts_currency_no_amount_can_be_read() -> None:
    outcome = read(eggs(), msgspec.structs.replace(SHOP, currency=None))
    assert isinstance(outcome, Rejected)
    assert outcome.error_type == "wrong-currency"
    assert "the account's currency is needed" in outcome.reason


def test_cents_in_a_currency_without_cents_are_unreadable() -> None:
    outcome = read(eggs(), msgspec.structs.replace(SHOP, currency="JPY"))
    assert outcome == Rejected("unreadable", "unitPrice has more than 0 decimals")


@pytest.mark.parametrize("who", [{"emp_no": 9999}, {"register_no": 99}])
def test_training_and_test_rows_are_ignored(who: dict[str, object]) -> None:
    assert isinstance(read(eggs(**who)), Ignored)


def test_rows_of_another_store_are_ignored_and_of_no_store_are_ours() -> None:
    assert isinstance(read(eggs(store_id=2)), Ignored)
    assert len(made(eggs(store_id=0))) == 1
    anywhere = msgspec.structs.replace(SHOP, location_id="")
    assert len(made(eggs(store_id=2), shop=anywhere)) == 1


def test_rows_of_the_log_alone_are_ignored() -> None:
    rows = sale(row("L", trans_subtype="OG", trans_status="D", upc="SIGNOUT"))
    assert isinstance(read(rows), Ignored)


def test_the_first_half_of_a_sale_makes_nothing_and_the_second_makes_it_whole() -> None:
    rows = eggs()
    assert made(rows[:2]) == []
    assert made(rows[2:]) == []
    assert made(rows[2:], rows[:2]) == made(rows)


def test_a_sale_known_without_its_display_rows_is_the_same_sale() -> None:
    shown = row("C", trans_status="D", description="Subtotal 3.49, Tax0.00")
    rows = sale(shown, item(EGGS, "3.49"), shown, paid("CA", "-3.49"), change(), *end())
    (whole,) = made(rows)
    assert made([one for one in rows if one["trans_status"] != "D"]) == [whole]


def test_a_second_upload_changes_nothing() -> None:
    rows = eggs()
    again = [{**one, "store_row_id": 9000 + number} for number, one in enumerate(rows)]
    first, second, both = read(rows), read(again), read([*rows, *again])
    assert isinstance(first, Parts)
    assert first == second == both


def test_the_same_numbers_on_two_days_are_two_sales() -> None:
    later = eggs(datetime="2026-05-05 09:30:00")
    assert made(eggs(), later) == made([*later, *eggs()])
    assert [one.business_day for one in made(eggs(), later)] in (
        [date(2026, 5, 4), date(2026, 5, 5)],
        [date(2026, 5, 5), date(2026, 5, 4)],
    )


def test_local_times_are_on_the_shops_own_clock() -> None:
    (one,) = made(eggs(datetime="2026-11-01 23:30:00"))
    assert one.occurred_at == datetime(2026, 11, 2, 5, 30, tzinfo=UTC)
    assert (one.business_day, one.local_hour) == (date(2026, 11, 1), 23)


def test_a_void_takes_back_the_last_line_of_its_goods_and_price() -> None:
    rows = sale(
        item(SODA, "3.30", 2),
        item(SODA, "1.65"),
        item(SODA, "-1.65", -1, trans_status="V", voided=1),
        paid("CA", "-3.30"),
        change(),
        *end(),
    )
    (one,) = made(rows)
    assert [(line.quantity, line.gross) for line in one.lines] == [(Decimal(2), 330)]
    assert one.kind is Kind.SALE


def test_when_all_is_voided_nothing_was_sold() -> None:
    rows = sale(
        item(SODA, "1.65", voided=1),
        item(SODA, "-1.65", -1, trans_status="V", voided=1),
        paid("CA", "0.00"),
        change(),
        *end(),
    )
    assert made(rows) == []


def test_a_tender_taken_back_is_no_part_of_what_was_paid() -> None:
    rows = sale(
        item(EGGS, "3.49"),
        paid("CC", "-3.49", "Credit Card"),
        paid("CC", "3.49", "Credit Card", trans_status="V"),
        paid("CK", "-3.49", "Check"),
        change(),
        *end(),
    )
    (one,) = made(rows)
    assert [(tender.method, tender.amount) for tender in one.tenders] == [(Method.BANK, 349)]


def test_a_cancelled_transaction_is_kept_and_counts_nowhere() -> None:
    (one,) = made(sale(item(EGGS, "3.49", trans_status="X")))
    assert (one.status, one.tenders) == (Status.CANCELLED, ())


def test_a_tender_of_an_unknown_code_is_some_other_way_to_pay() -> None:
    (one,) = made(sale(item(BREAD, "4.50"), paid("ZZ", "-4.50", "Tokens"), change(), *end()))
    assert [tender.method for tender in one.tenders] == [Method.OTHER]


def test_shrink_is_no_sale_and_leaves_the_shelf() -> None:
    rows = sale(item(EGGS, "6.98", 2, trans_status="Z"), first=None, emp_no=1001)
    outcome = read([*rows, *rows])
    assert isinstance(outcome, Parts)
    assert outcome.parts == ()
    (moved,) = outcome.counts
    assert (moved.kind, moved.quantity) == (CountKind.MOVEMENT, "-2")
    assert moved.pos_product_id == EGGS[0]


def test_products_come_from_rows_and_from_the_web_service_alike() -> None:
    row_ = b'{"upc":"0000000001009","description":"EGGS LOCAL MEDIUM","normal_price":"3.79",'
    row_ += b'"inUse":"1","store_id":"0","modified":"2026-11-19 10:05:00"}'
    answer = msgspec.json.encode(
        {"jsonrpc": "2.0", "id": 1, "result": {"result": [row_.decode()]}}
    )
    for body in (b"[" + row_ + b"]", answer):
        outcome = read_bytes(COREPOS, body, SHOP)
        assert isinstance(outcome, Parts), outcome
        (product,) = outcome.products
        assert (product.name, product.price, product.sku) == (
            "EGGS LOCAL MEDIUM",
            379,
            "0000000001009",
        )
        assert not product.deleted


def test_a_stores_own_price_is_better_than_the_one_for_all_stores() -> None:
    common = {"upc": "1", "description": "TEA", "normal_price": "3.79", "store_id": 0}
    own = {**common, "normal_price": "4.29", "store_id": 1}
    other = {**common, "normal_price": "5.00", "store_id": 2}
    for rows in ([common, own, other], [other, own, common]):
        outcome = read(rows)
        assert isinstance(outcome, Parts)
        assert [product.price for product in outcome.products] == [429]


def test_a_logged_deletion_is_history_the_catalogue_follows_what_is_there() -> None:
    outcome = read(
        [
            {
                "updateType": "DELETE",
                "upc": "0000000000944",
                "description": "RAISINS",
                "price": "18.75",
                "storeID": 0,
                "modified": "2026-11-19 10:05:00",
            }
        ]
    )
    assert isinstance(outcome, Parts)
    assert [past.product.deleted for past in outcome.history] == [True]
    assert outcome.products == ()


def test_counts_are_physical() -> None:
    outcome = read(
        [{"upc": "1", "storeID": 1, "count": 12.5, "countDate": "2026-05-04 07:00:00"}]
    )
    assert isinstance(outcome, Parts)
    (count,) = outcome.counts
    assert (count.kind, count.quantity, count.physical) == (CountKind.COUNT, "12.5", True)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[{}]",
        b'[{"trans_no":1,"trans_type":"I","trans_id":1,"datetime":"soon"}]',
        b'[{"trans_no":1,"trans_type":"I","trans_id":"x"}]',
        b'[{"trans_no":1},{"normal_price":1}]',
        b'[{"trans_no":1,"trans_type":"\xff"}]',
    ],
)
def test_what_is_no_row_of_a_till_is_unreadable(body: bytes) -> None:
    outcome = read_bytes(COREPOS, body, SHOP)
    assert isinstance(outcome, Rejected)
    assert outcome.error_type == "unreadable"


def test_core_pos_sends_no_webhooks() -> None:
    assert isinstance(COREPOS.route(b"{}"), Rejected)
