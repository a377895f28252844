"""Samples of the provider's own documentation, where they are at hand."""

from datetime import date
from pathlib import Path

import pytest

from connectors.contract import NeedsFetch, Outcome, Parts, Rejected
from schemas.transaction import Status
from tests.connectors.toast.bodies import SHOP, read, transactions
from tests.connectors.toast.test_read import ANYWHERE

FOLDER = Path(__file__).parents[4] / "shared" / "payloads" / "toast"

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no {FOLDER.name} payloads beside us"
)


def body(name: str) -> bytes:
    return (FOLDER / f"{name}.json").read_bytes()


def outcome(name: str) -> Outcome:
    return read(body(name), ANYWHERE)


def test_the_paid_order_is_a_sale_of_one_dollar_and_its_tax() -> None:
    (bill,) = transactions(body("api_order_closed_credit"), shop=SHOP)
    assert (bill.status, bill.business_day) == (Status.COMPLETED, date(2019, 2, 24))
    assert (bill.totals.net, bill.totals.tax, bill.totals.total) == (100, 6, 106)
    assert bill.totals.unpaid == 0
    (tender,) = bill.tenders
    assert (tender.amount, tender.brand, tender.last_four) == (106, "VISA", "1111")
    assert bill.customer is None


def test_the_order_webhook_has_two_open_checks_with_nothing_on_them() -> None:
    bills = transactions(body("webhook_order_updated_open_two_checks"), shop=ANYWHERE)
    assert [one.status for one in bills] == [Status.OPEN, Status.OPEN]
    assert [one.receipt_number for one in bills] == ["2", "1"]
    assert {one.totals.total for one in bills} == {0}


def test_the_payment_asks_for_its_order() -> None:
    found = outcome("api_payment_credit")
    assert isinstance(found, NeedsFetch)
    assert found.wanted[0].resource == "orders/86675d88-b27e-4850-94ab-48662563eae8"


def test_the_menus_webhook_asks_for_the_menus() -> None:
    found = outcome("webhook_menus_updated")
    assert isinstance(found, NeedsFetch)
    assert found.wanted[0].resource == "menus"


@pytest.mark.parametrize("kind", ["in_stock_quantity", "low_quantity", "out_of_stock"])
def test_a_stock_sample_is_refused_for_its_placeholder_of_a_time_and_good_with_one(
    kind: str,
) -> None:
    name = f"webhook_stock_{kind}"
    refused = outcome(name)
    assert isinstance(refused, Rejected)
    assert refused.reason == "the timestamp is not an ISO 8601 time"
    dated = body(name).replace(b"<ISO formatted timestamp in UTC>", b"2026-05-04T16:31:00.000Z")
    accepted = read(dated, ANYWHERE)
    assert isinstance(accepted, Parts)
    assert len(accepted.counts) == 1
