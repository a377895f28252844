"""Recorded answers of the R-Series, where a folder of them stands beside the project."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from connectors.contract import Ignored, NeedsFetch, Parts
from schemas.transaction import Kind, Method, Status, Transaction, broken_laws
from tests.connectors.golden import read, transactions
from tests.connectors.lightspeed_r.bodies import RSERIES, SHOP

PAYLOADS = Path(__file__).parents[3].parent / "shared" / "payloads" / "lightspeed-r"

pytestmark = pytest.mark.skipif(
    not PAYLOADS.is_dir(), reason="no folder ../shared/payloads/lightspeed-r beside the project"
)


def body(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


def made(name: str) -> dict[str, Transaction]:
    found = transactions(RSERIES, [body(name)], SHOP)
    for one in found:
        assert list(broken_laws(one)) == []
    return {one.provider_ids["sale"]: one for one in found}


def test_the_sale_of_two_taxes_is_shared_out_to_the_cent() -> None:
    one = made("sale_completed_two_taxes")["277"]
    assert (one.kind, one.status) == (Kind.SALE, Status.COMPLETED)
    assert [(tax.amount, tax.rate_percent) for tax in one.taxes] == [(150, "5"), (299, "9.975")]
    assert [(line.gross, line.tax) for line in one.lines] == [(999, 150), (2000, 299)]
    assert (one.totals.total, one.totals.unpaid) == (3448, 0)
    assert (one.customer, one.register, one.cashier) == ("8", "5", "2")


def test_the_list_has_three_sales_and_payments_of_nothing_are_none() -> None:
    found = made("sale_list_page_excerpt")
    assert sorted(found) == ["2", "56", "57"]
    assert found["2"].totals.total == 68738670
    assert [line.quantity for line in found["2"].lines] == [90090]
    (cash,) = found["56"].tenders
    assert (cash.method, cash.amount, cash.change) == (Method.CASH, 3998, 3998)
    assert [line.name for line in found["57"].lines] == ["SKU-6", "Fake Item"] * 2
    assert [tender.amount for tender in found["57"].tenders] == [3998, 3998]
    assert found["2"].business_day == date(2015, 11, 5)


def test_a_single_sale_that_is_still_empty_is_open() -> None:
    one = made("sale_single_object_not_array")["4"]
    assert (one.status, one.lines, one.totals.total) == (Status.OPEN, (), 0)


def test_the_updated_sale_is_open_and_its_tax_is_the_sales_own() -> None:
    one = made("sale_updated_with_lines")["1"]
    assert one.status is Status.OPEN
    assert [line.gross for line in one.lines] == [246, 246, 1, 1, 1, 1]
    assert (one.totals.gross, one.totals.tax, one.totals.total) == (496, 22, 518)


def test_the_item_has_a_price_and_the_stock_of_its_shop() -> None:
    outcome = read(RSERIES, body("item_with_itemshops"), SHOP)
    assert isinstance(outcome, Parts)
    assert [(one.pos_product_id, one.sku, one.price) for one in outcome.products] == [
        ("177", "302683AB", 1395)
    ]
    assert [count.quantity for count in outcome.counts] == ["1045"]


def test_recorded_purchase_orders_have_their_vendor_and_lines() -> None:
    outcome = read(RSERIES, body("purchase_order_list"), SHOP)
    assert isinstance(outcome, Parts)
    assert [(it.order_id, it.vendor_name, it.status.value) for it in outcome.orders] == [
        ("1", "C&C Metals", "received"),
        ("2", "Test Vendor 123", "open"),
        ("3", "C&C Metals", "open"),
        ("4", "Great Planes", "open"),
        ("5", "Plastruct", "open"),
    ]
    assert [len(it.lines) for it in outcome.orders] == [4, 2, 3, 0, 0]
    assert [it.goods_total for it in outcome.orders] == [0, 200, 0, 0, 0]


def test_a_line_wants_its_sale() -> None:
    outcome = read(RSERIES, body("sale_lines_single"), SHOP)
    assert isinstance(outcome, NeedsFetch)
    assert [want.resource for want in outcome.wanted] == ["sales/2"]


@pytest.mark.parametrize("name", ["api_error_404", "shop", "special_orders", "vendor"])
def test_what_tells_nothing_of_sales_is_ignored(name: str) -> None:
    assert isinstance(read(RSERIES, body(name), SHOP), Ignored)
