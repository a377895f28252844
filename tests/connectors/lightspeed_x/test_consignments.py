"""Stock orders, transfers and returns of the X-Series: read, and counted by nobody twice."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.contract import (
    Conversation,
    Ignored,
    NeedsFetch,
    Page,
    Parts,
    Rejected,
    Request,
    Response,
)
from connectors.lightspeed_x.simulator import LightspeedXSimulator
from schemas.catalogue import CountKind
from schemas.purchasing import OrderKind, OrderStatus, PurchaseOrder
from tests.connectors.lightspeed_x.bodies import SHOP, XSERIES, form, read
from tests.connectors.simulated import NOW, Reading, carried_out, clients, simulated

AT = datetime(2026, 5, 4, 9, tzinfo=UTC)
HERE, ELSEWHERE = SHOP.location_id, "another-outlet"


def consignment(**more: Any) -> dict[str, Any]:
    return {
        "id": "c1",
        "outlet_id": HERE,
        "name": "Order - Mon 4 May",
        "type": "SUPPLIER",
        "status": "SENT",
        "supplier_id": "s1",
        "source_outlet_id": None,
        "consignment_date": AT.isoformat(),
        "received_at": None,
        "updated_at": AT.isoformat(),
        "version": 100,
        **more,
    }


def product(**more: Any) -> dict[str, Any]:
    return {
        "product_id": "p1",
        "count": "10.00000",
        "received": "0.00000",
        "cost": "1.8750000000",
        "version": 90,
        **more,
    }


def whole(*products: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "consignment": consignment(**more),
        "products": list(products),
        "supplier": {"id": "s1", "name": "Ridge Mill"},
    }


def order(*products: dict[str, Any], **more: Any) -> PurchaseOrder:
    outcome = read(whole(*products, **more))
    assert isinstance(outcome, Parts), outcome
    (found,) = outcome.orders
    assert outcome.counts == ()
    return found


def test_a_stock_order_says_what_comes_of_whom_and_for_how_much() -> None:
    none_counted = product(product_id="p2", count=None, cost=None)
    gone = product(product_id="p3", deleted_at=AT.isoformat(), version=120)
    found = order(product(received="4.00000"), gone, reference="SO-1")
    assert (found.order_id, found.reference, found.vendor_name) == ("c1", "SO-1", "Ridge Mill")
    (line,) = found.lines
    assert (line.quantity, line.received, line.unit_cost) == (10, 4, Decimal("187.5"))
    assert (found.goods_total, found.version) == (1875, 120)
    assert order(product(), none_counted).goods_total is None


@pytest.mark.parametrize(
    ("said", "kind", "status"),
    [
        ({"status": "OPEN"}, OrderKind.SUPPLIER, OrderStatus.OPEN),
        ({"status": "DISPATCHED"}, OrderKind.SUPPLIER, OrderStatus.SENT),
        ({"type": "OUTLET", "status": "RECEIVED"}, OrderKind.TRANSFER, OrderStatus.RECEIVED),
        ({"type": "RETURN", "status": "SENT"}, OrderKind.SUPPLIER_RETURN, OrderStatus.SENT),
        ({"status": "CANCELLED"}, OrderKind.SUPPLIER, OrderStatus.CANCELLED),
        ({"deleted_at": AT.isoformat()}, OrderKind.SUPPLIER, OrderStatus.CANCELLED),
    ],
)
def test_kind_and_status_are_the_consignments_own(
    said: dict[str, str], kind: OrderKind, status: OrderStatus
) -> None:
    found = order(product(), **said)
    assert (found.kind, found.status) == (kind, status)


def test_a_transfer_concerns_both_outlets_and_no_third() -> None:
    leaving = order(product(), type="OUTLET", outlet_id=ELSEWHERE, source_outlet_id=HERE)
    assert (leaving.source_location_id, leaving.location_id) == (HERE, ELSEWHERE)
    assert isinstance(read(whole(outlet_id=ELSEWHERE)), Ignored)


def test_a_stocktake_is_no_order_and_an_unknown_status_is_for_a_person() -> None:
    assert isinstance(read(whole(type="STOCKTAKE")), Ignored)
    assert isinstance(read(whole(status="TELEPORTED")), Rejected)


@pytest.mark.parametrize("kind", ["consignment.send", "consignment.receive"])
def test_a_webhook_of_a_consignment_wants_the_whole_of_it(kind: str) -> None:
    outcome = read(form(consignment(), kind))
    assert isinstance(outcome, NeedsFetch)
    assert [want.resource for want in outcome.wanted] == ["consignments/c1"]


# -- polled ----------------------------------------------------------------------------------


def talk(
    conversation: Conversation, answers: dict[str, list[object]]
) -> tuple[list[str], list[Page]]:
    """Answer each path from its list; what is not listed is an empty list."""
    asked: list[str] = []

    def answered(request: Request) -> Response:
        path = request.path.removeprefix("/api/2.0")
        asked.append(path)
        left = answers.get(path) or [[]]
        found = left.pop(0)
        status = found if isinstance(found, int) else 200
        return Response(status=status, body=json.dumps({"data": found}).encode())

    return asked, carried_out(conversation, answered)


def test_each_changed_consignment_comes_whole_and_each_supplier_is_asked_for_once() -> None:
    listed = [
        consignment(id="c1", version=101),
        consignment(id="c2", version=102),
        consignment(id="c3", version=103, type="STOCKTAKE"),
        consignment(id="c4", version=104, outlet_id=ELSEWHERE),
    ]
    asked, pages = talk(
        XSERIES.poll(SHOP, AT, AT + timedelta(minutes=15)),
        {
            "/consignments": [listed, []],
            "/consignments/c1/products": [[product(version=90)], []],
            "/consignments/c2/products": [[product(version=91), product(product_id="p2")]],
            "/suppliers/s1": [{"id": "s1", "name": "Ridge Mill"}],
        },
    )
    told = [body for page in pages if page.resource == "consignment" for body in page.bodies]
    orders = [one for body in told if isinstance(it := read(body), Parts) for one in it.orders]
    assert [(one.order_id, len(one.lines), one.vendor_name) for one in orders] == [
        ("c1", 1, "Ridge Mill"),
        ("c2", 2, "Ridge Mill"),
    ]
    assert asked.count("/suppliers/s1") == 1
    assert not {"/consignments/c3/products", "/consignments/c4/products"} & set(asked)


def test_who_may_not_see_consignments_still_gets_the_sales() -> None:
    asked, pages = talk(
        XSERIES.poll(SHOP, AT, AT + timedelta(minutes=15)), {"/consignments": [403]}
    )
    assert asked[-1] == "/consignments"
    assert not [page for page in pages if page.resource == "consignment"]


def test_one_consignment_is_fetched_with_its_products() -> None:
    answers: dict[str, list[object]] = {
        "/consignments/c1": [consignment()],
        "/consignments/c1/products": [[product()]],
        "/suppliers/s1": [404],
    }
    _, pages = talk(XSERIES.fetch(SHOP, "consignments/c1"), answers)
    (body,) = pages[0].bodies
    assert isinstance(outcome := read(body), Parts)
    assert [len(one.lines) for one in outcome.orders] == [1]
    _, none = talk(XSERIES.fetch(SHOP, "consignments/c9"), {"/consignments/c9": [404]})
    assert none[0].bodies == ()


def test_what_was_received_is_in_the_stock_once_by_the_outlets_own_count() -> None:
    series = simulated("lightspeed-x", days=9)
    assert isinstance(series, LightspeedXSimulator)
    client = clients("lightspeed-x", series)[0]
    reading = Reading(client)
    reading.read_all(client.poll(NOW - timedelta(days=20), series.ends))
    told = [it for it in reading.outcomes if isinstance(it, Parts)]
    orders = [one for it in told for one in it.orders]
    assert {one.kind for one in orders} == set(OrderKind)
    assert any(one.status is OrderStatus.RECEIVED for one in orders)
    counts = [count for it in told for count in it.counts]
    assert {count.kind for count in counts} == {CountKind.COUNT}
    shelf = series.totals().stock[client.place.location_id]
    assert {it.pos_product_id: Decimal(it.quantity) for it in counts} == shelf
    assert series.over_budget == 0


def test_a_snapshot_brings_what_is_ordered_and_has_not_come_in() -> None:
    client = clients("lightspeed-x", simulated("lightspeed-x", days=9))[0]
    reading = Reading(client)
    reading.read_all(client.snapshot())
    told = [it for it in reading.outcomes if isinstance(it, Parts)]
    orders = [one for it in told for one in it.orders]
    assert {one.status for one in orders} == {OrderStatus.SENT}
    assert {one.kind for one in orders} == {OrderKind.SUPPLIER, OrderKind.SUPPLIER_RETURN}
