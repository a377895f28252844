"""Published answers of the X-Series, where a folder of them stands beside the project."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest

from connectors.contract import Ignored, Parts
from schemas.transaction import Kind, Method, Status, Transaction, broken_laws
from tests.connectors.golden import read, transactions
from tests.connectors.lightspeed_x.bodies import SHOP, XSERIES

PAYLOADS = Path(__file__).parents[3].parent / "shared" / "payloads" / "lightspeed-x"
ANYWHERE = msgspec.structs.replace(SHOP, location_id="")

pytestmark = pytest.mark.skipif(
    not PAYLOADS.is_dir(), reason="no folder ../shared/payloads/lightspeed-x beside the project"
)


def body(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


def made(name: str) -> dict[str | None, Transaction]:
    found = transactions(XSERIES, [body(name)], ANYWHERE)
    for one in found:
        assert list(broken_laws(one)) == []
    return {one.receipt_number: one for one in found}


def test_the_sale_has_a_fee_that_is_no_line() -> None:
    one = made("sale")["1036"]
    assert (one.kind, one.status, one.business_day) == (
        Kind.SALE,
        Status.COMPLETED,
        date(2014, 9, 18),
    )
    totals = one.totals
    assert (totals.gross, totals.tax, totals.service_charge) == (20000, 3000, 150)
    assert (totals.total, totals.unpaid) == (23150, 0)
    assert [(tender.method, tender.amount) for tender in one.tenders] == [(Method.CASH, 23150)]


def test_the_list_of_sales_is_exact_to_the_cent_where_lines_have_five_decimals() -> None:
    found = made("sales_list")
    assert sorted(found, key=str) == ["1036", "MR-1050-NZ"]
    one = found["MR-1050-NZ"]
    assert (one.totals.net, one.totals.tax, one.totals.total) == (1291, 194, 1485)
    assert sorted(line.net for line in one.lines) == [430, 430, 431]
    assert sorted(line.tax for line in one.lines) == [64, 65, 65]
    assert (one.totals.unpaid, one.totals.rounding) == (0, 0)


def test_the_products_have_prices_without_tax() -> None:
    outcome = read(XSERIES, body("products_list"), ANYWHERE)
    assert isinstance(outcome, Parts)
    assert [(one.name, one.sku, one.price) for one in outcome.products] == [
        ("Product 0003", "0003", 263),
        ("Product 0005", "0005", 439),
        ("Product 0006", "0006", 526),
    ]


def test_the_inventory_may_be_negative() -> None:
    outcome = read(XSERIES, body("inventory_list"), ANYWHERE)
    assert isinstance(outcome, Parts)
    assert [count.quantity for count in outcome.counts] == ["0", "0", "-10"]


@pytest.mark.parametrize("name", ["outlets", "payment_types", "suppliers"])
def test_what_tells_nothing_of_sales_is_ignored(name: str) -> None:
    assert isinstance(read(XSERIES, body(name), ANYWHERE), Ignored)
