"""A bill that does not say what a product is called says so; a typed-in amount has a word."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schemas.transaction import Line
from tests.connectors.lightspeed_k import bodies as k_series
from tests.connectors.lightspeed_r import bodies as r_series
from tests.connectors.lightspeed_x import bodies as x_series
from tests.connectors.square import bodies as square
from tests.connectors.toast import bodies as toast


def square_line(product: str | None) -> Line:
    line = square.a_line(name=None, variation_name=None, catalog_object_id=product)
    (bill,) = square.made_of(square.an_order(line), square.a_payment())
    return bill.lines[0]


def toast_line(product: str | None) -> Line:
    item = toast.ref(product, "MenuItem") if product else None
    soup = toast.selection("soup", 5.0, displayName=None, item=item)
    sums = toast.amounts(5.0, 0, 5.0)
    (bill,) = toast.transactions(toast.order("x", toast.check("1", [soup], **sums)))
    return bill.lines[0]


def k_line(product: str | None) -> Line:
    stew = k_series.line("stew", "12.10", "2.10", name=None, sku=product)
    sale = k_series.sale("A1.1", [stew], [k_series.payment("CASH", "12.10")])
    (bill,) = k_series.transactions(sale)
    return bill.lines[0]


def r_line(product: str | None) -> Line:
    tube = r_series.line("3", (product or "0", "", "20"), "20", Item=None)
    money = [r_series.payment("2", "20")]
    (bill,) = r_series.made(r_series.sale("1", [tube], money, ("20", "0", "0", "0", "20")))
    return bill.lines[0]


def x_line(product: str | None) -> Line:
    sock = x_series.line("1", product or "", "10")
    money = [x_series.payment("1", "10")]
    (bill,) = x_series.made(x_series.sale("1", [sock], money, "10", "0"))
    return bill.lines[0]


EVERY = [square_line, toast_line, k_line, r_line, x_line]


@pytest.mark.parametrize("line_of", EVERY)
def test_a_product_of_the_catalogue_without_a_name_has_none(
    line_of: Callable[[str | None], Line],
) -> None:
    line = line_of("9")
    assert line.pos_product_id
    assert line.name == ""


@pytest.mark.parametrize("line_of", EVERY)
def test_what_is_in_no_catalogue_is_called_something(
    line_of: Callable[[str | None], Line],
) -> None:
    line = line_of(None)
    assert line.pos_product_id is None
    assert line.name
