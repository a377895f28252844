"""Purchase orders of the R-Series: read as they are, written line by line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Conversation, Ignored, Page, Parts, PermanentError, Request
from connectors.lightspeed_r.simulator import LightspeedRSimulator
from schemas.purchasing import DraftLine, OrderDraft, OrderStatus, PurchaseOrder
from tests.connectors.lightspeed_r.bodies import read
from tests.connectors.simulated import NOW, Client, Reading, clients, simulated

AT = "2026-05-04T08:00:00+00:00"
LINE = {"orderLineID": "1", "itemID": "177", "quantity": "2", "price": "1.875", "timeStamp": AT}


def an_order(**more: Any) -> dict[str, Any]:
    return {
        "orderID": "9",
        "complete": "false",
        "archived": "false",
        "timeStamp": AT,
        "vendorID": "73",
        "noteID": "0",
        "shopID": "1",
        "OrderLines": {"OrderLine": LINE},
        **more,
    }


def the_order(**more: Any) -> PurchaseOrder:
    outcome = read(an_order(**more))
    assert isinstance(outcome, Parts), outcome
    (order,) = outcome.orders
    return order


def test_an_order_says_what_was_ordered_of_whom_and_for_how_much() -> None:
    two = {**LINE, "orderLineID": "2", "itemID": "13", "quantity": "3", "numReceived": "1"}
    order = the_order(
        OrderLines={"OrderLine": [LINE, two]}, Vendor={"name": "C&C Metals"}, refNum="PO-7"
    )
    assert (order.order_id, order.vendor_id, order.vendor_name) == ("9", "73", "C&C Metals")
    assert (order.reference, order.location_id, order.status) == ("PO-7", "1", OrderStatus.OPEN)
    assert [(line.pos_product_id, line.quantity, line.received) for line in order.lines] == [
        ("177", 2, 0),
        ("13", 3, 1),
    ]
    assert order.lines[0].unit_cost == Decimal("187.5")
    assert order.goods_total == 938  # 5 pieces at 1.875, rounded once


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({}, OrderStatus.OPEN),
        ({"orderedDate": AT}, OrderStatus.SENT),
        ({"orderedDate": AT, "receivedDate": AT}, OrderStatus.RECEIVED),
        ({"orderedDate": AT, "receivedDate": AT, "complete": "true"}, OrderStatus.CLOSED),
        ({"complete": "true", "archived": "true"}, OrderStatus.CLOSED),
        ({"orderedDate": AT, "archived": "true"}, OrderStatus.CANCELLED),
    ],
)
def test_how_far_an_order_is_follows_from_its_dates_and_flags(
    said: dict[str, str], status: OrderStatus
) -> None:
    assert the_order(**said).status is status


def test_custom_fields_come_as_one_or_many_and_of_a_choice_by_its_name() -> None:
    one = {"customFieldID": "7", "name": "Buyer", "value": "Ann"}
    chosen = {"customFieldID": "2", "name": "Dock", "value": {"value": "b", "name": "Back"}}
    gone = {"customFieldID": "3", "name": "Old", "value": "x", "deleted": "true"}
    single = the_order(CustomFieldValues={"CustomFieldValue": one}).custom_fields
    assert [(it.name, it.value) for it in single] == [("Buyer", "Ann")]
    several = the_order(CustomFieldValues={"CustomFieldValue": [one, chosen, gone]})
    assert [it.value for it in several.custom_fields] == ["Back", "Ann"]
    assert the_order(CustomFieldValues="").custom_fields == ()


def test_a_line_that_is_newer_than_its_order_makes_it_a_newer_version() -> None:
    later = {**LINE, "timeStamp": "2026-05-04T09:00:00+00:00"}
    assert the_order(OrderLines={"OrderLine": later}).version > the_order().version


def test_orders_of_another_shop_and_lines_alone_tell_nothing() -> None:
    assert isinstance(read(an_order(shopID="2")), Ignored)
    assert isinstance(read({"OrderLine": LINE}), Ignored)
    assert isinstance(read(LINE), Ignored)


# -- against the simulator -------------------------------------------------------------------

DRAFT = OrderDraft(
    reference="PO-2026-117",
    vendor_id="2",
    ordered_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
    custom_fields={"7": "Till 1"},
    lines=(
        DraftLine(pos_product_id="1", quantity=Decimal(24), unit_cost=Decimal("96.5")),
        DraftLine(pos_product_id="3", quantity=Decimal(6), unit_cost=Decimal(136)),
        DraftLine(pos_product_id="1", quantity=Decimal(24), unit_cost=Decimal("96.5")),
    ),
)


def a_client(days: int = 20) -> tuple[LightspeedRSimulator, Client]:
    series = simulated("lightspeed-r", days=days)
    assert isinstance(series, LightspeedRSimulator)
    return series, clients("lightspeed-r", series)[0]


def writing(client: Client, draft: OrderDraft = DRAFT) -> Conversation:
    text = msgspec.json.encode(draft).decode()
    return client.connector.fetch(client.shop, f"order-drafts/{text}")


def carried_out(client: Client, talk: Conversation, killed: int, *, answered: bool) -> bool:
    """Carry a conversation out until so many writes; say whether it came to its end."""
    answer = None
    writes = 0
    try:
        while True:
            said = talk.send(answer)
            if isinstance(said, Page):
                answer = None
                continue
            writes += said.once
            if writes == killed and said.once and not answered:
                return False
            answer = client.ask(said)
            if writes == killed and said.once:
                return False
    except StopIteration:
        return True
    finally:
        talk.close()


def orders_at(client: Client) -> list[PurchaseOrder]:
    reading = Reading(client)
    reading.read_all(client.poll(NOW - timedelta(days=60), client.simulator.ends))
    told = [it for it in reading.outcomes if isinstance(it, Parts)]
    return [order for it in told for order in it.orders]


def ours(client: Client) -> list[PurchaseOrder]:
    return [order for order in orders_at(client) if order.reference == DRAFT.reference]


def test_the_orders_of_every_week_are_polled_with_their_lines_and_fields() -> None:
    series, client = a_client()
    found = orders_at(client)
    assert {order.status for order in found} == {OrderStatus.SENT, OrderStatus.CLOSED}
    assert all(order.lines and order.vendor_name and order.custom_fields for order in found)
    assert {order.location_id for order in found} == {client.place.location_id}
    assert series.over_budget == 0


def test_an_order_is_written_line_by_line_and_is_ordered_when_it_is_whole() -> None:
    series, client = a_client()
    client.pages(writing(client))
    (order,) = ours(client)
    assert [(line.pos_product_id, line.quantity) for line in order.lines] == [
        ("1", 24),
        ("3", 6),
        ("1", 24),
    ]
    assert order.lines[0].unit_cost == Decimal("96.5")
    assert (order.status, order.ordered_at) == (OrderStatus.SENT, DRAFT.ordered_at)
    assert [(field.name, field.value) for field in order.custom_fields] == [("Buyer", "Till 1")]
    written = [one.path for one in client.asked if one.once]
    assert written == ["/Order.json", *["/OrderLine.json"] * 3, f"/Order/{order.order_id}.json"]
    assert series.over_budget == 0


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("killed", [1, 2, 3, 4, 5])
def test_killed_at_any_write_the_next_attempt_completes_the_order_without_doubling(
    killed: int,
    answered: bool,  # noqa: FBT001
) -> None:
    _, client = a_client()
    assert not carried_out(client, writing(client), killed, answered=answered)
    client.pages(writing(client))
    (order,) = ours(client)
    assert sorted(line.pos_product_id for line in order.lines) == ["1", "1", "3"]
    assert order.status is OrderStatus.SENT


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=6))
def test_however_often_it_is_killed_the_order_ends_as_it_was_drafted(
    kills: list[tuple[int, bool]],
) -> None:
    _, client = a_client(days=7)
    for killed, answered in kills:
        carried_out(client, writing(client), killed, answered=answered)
    client.pages(writing(client))
    (order,) = ours(client)
    assert sorted(line.pos_product_id for line in order.lines) == ["1", "1", "3"]
    before = len([one for one in client.asked if one.once])
    client.pages(writing(client))
    assert len([one for one in client.asked if one.once]) == before, "nothing is left to write"


def changed(client: Client, method: str, path: str, **fields: str) -> None:
    body = json.dumps(fields).encode()
    assert client.ask(Request(method=method, path=path, body=body)).status == 200


def add_a_line(client: Client, order_id: str) -> None:
    line = {"orderID": order_id, "itemID": "5", "quantity": "1", "price": "1"}
    changed(client, "POST", "/OrderLine.json", **line)


def of_another_vendor(client: Client, order_id: str) -> None:
    changed(client, "PUT", f"/Order/{order_id}.json", vendorID="3")


@pytest.mark.parametrize(
    ("change", "why"),
    [(add_a_line, "somebody changed it"), (of_another_vendor, "another vendor")],
)
def test_an_order_that_people_changed_is_left_alone(
    change: Callable[[Client, str], None], why: str
) -> None:
    _, client = a_client()
    client.pages(writing(client))
    (order,) = ours(client)
    change(client, order.order_id)
    with pytest.raises(PermanentError, match=why):
        client.pages(writing(client))
