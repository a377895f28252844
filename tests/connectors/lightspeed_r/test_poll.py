"""What the R-Series is asked, and in which order."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from connectors.contract import Conversation, Page, PermanentError, Request, Response
from tests.connectors.golden import transactions
from tests.connectors.lightspeed_r.bodies import (
    RSERIES,
    SHOP,
    TUBE,
    Json,
    answer,
    few,
    line,
    payment,
    sale,
)
from tests.connectors.simulated import carried_out

SINCE, UNTIL = (datetime(2026, 5, 4, hour, tzinfo=UTC) for hour in (14, 15))


def tube(number: str) -> Json:
    return sale(
        number, [line("3", TUBE, "20")], [payment("2", "20")], ("20", "0", "0", "0", "20")
    )


def talk(
    conversation: Conversation, answers: dict[str, list[object]]
) -> tuple[list[Request], list[Page]]:
    """Answer each path from its list; what is not listed has no rows."""
    asked: list[Request] = []

    def answered(request: Request) -> Response:
        asked.append(request)
        left = answers.get(request.path) or [answer()]
        found = left.pop(0)
        status = found if isinstance(found, int) else 200
        return Response(status=status, body=json.dumps(found).encode())

    return asked, carried_out(conversation, answered)


def test_items_stock_and_sales_are_asked_for_since_a_second_before() -> None:
    asked, pages = talk(RSERIES.poll(SHOP, SINCE, UNTIL), {})
    paths = ["/Item.json", "/ItemShop.json", "/Sale.json", "/Order.json", "/OrderLine.json"]
    assert [one.path for one in asked] == paths
    for one in asked:
        query = dict(one.query)
        assert query["timeStamp"] == ">,2026-05-04T13:59:59+00:00"
        assert (query["sort"], query["limit"]) == ("timeStamp", "100")
        assert (one.method, one.budget) == ("GET", "bucket")
    assert "SaleLines" in dict(asked[2].query)["load_relations"]
    assert dict(asked[2].query)["shopID"] == "1"
    assert [page.bodies for page in pages] == [()] * 4


def test_a_day_is_the_sales_that_were_completed_between_its_ends() -> None:
    asked, pages = talk(
        RSERIES.day(SHOP, date(2026, 5, 4)), {"/Sale.json": [answer(tube("1"))]}
    )
    (one,) = asked
    query = dict(one.query)
    begin, end = SHOP.calendar.begins(date(2026, 5, 4)), SHOP.calendar.ends(date(2026, 5, 4))
    times = [f"{moment:%Y-%m-%dT%H:%M:%S}+00:00" for moment in (begin, end)]
    assert query["completeTime"] == f"><,{times[0]},{times[1]}"
    assert query["shopID"] == "1"
    assert "timeStamp" not in query
    assert [len(page.bodies) for page in pages] == [1]


def test_the_next_page_is_asked_by_its_query_alone() -> None:
    first = {
        **answer(tube("1"), tube("2")),
        "@attributes": {"next": "https://elsewhere.example/Sale.json?after=x%3D%3D&limit=100"},
    }
    asked, pages = talk(
        RSERIES.poll(SHOP, SINCE, UNTIL), {"/Sale.json": [first, answer(tube("3"))]}
    )
    second = [one for one in asked if one.path == "/Sale.json"][-1]
    assert second.query == (("after", "x=="), ("limit", "100"))
    sales = [body for page in pages if page.resource == "sale" for body in page.bodies]
    assert [json.loads(body)["saleID"] for body in sales] == ["1", "2", "3"]
    assert len(transactions(RSERIES, sales, SHOP)) == 3


def orders(*numbers: str) -> Json:
    rows = [{"orderID": number, "shopID": "1"} for number in numbers]
    return {"@attributes": {}, **few("Order", rows)}


def test_an_order_whose_lines_changed_is_asked_for_whole_even_where_it_did_not() -> None:
    lines = [{"orderLineID": f"{n}", "orderID": n} for n in ("7", "8", "8")]
    asked, pages = talk(
        RSERIES.poll(SHOP, SINCE, UNTIL),
        {
            "/Order.json": [orders("7")],
            "/OrderLine.json": [{"@attributes": {}, "OrderLine": lines}],
            "/Order/8.json": [orders("8")],
        },
    )
    assert [one.path for one in asked][-1] == "/Order/8.json"
    told = [body for page in pages if page.resource == "order" for body in page.bodies]
    assert [json.loads(body)["orderID"] for body in told] == ["7", "8"]


def test_who_may_not_see_orders_still_gets_the_sales() -> None:
    answers: dict[str, list[object]] = {"/Sale.json": [answer(tube("1"))], "/Order.json": [403]}
    asked, pages = talk(RSERIES.poll(SHOP, SINCE, UNTIL), answers)
    assert asked[-1].path == "/Order.json"
    assert [len(page.bodies) for page in pages] == [0, 0, 1]


def test_a_list_that_leads_to_itself_ends() -> None:
    endless = {**answer(), "@attributes": {"next": "https://x.example/Item.json?after=1"}}
    conversation = RSERIES.snapshot(SHOP)
    with pytest.raises(PermanentError, match="does not end"):
        talk(conversation, {"/Item.json": [endless] * 10_001})


def test_one_sale_is_fetched_with_all_that_belongs_to_it() -> None:
    asked, pages = talk(RSERIES.fetch(SHOP, "sales/1"), {"/Sale/1.json": [answer(tube("1"))]})
    assert [one.path for one in asked] == ["/Sale/1.json"]
    assert [len(page.bodies) for page in pages] == [1]


def test_what_lightspeed_does_not_know_is_an_empty_page() -> None:
    _, pages = talk(RSERIES.fetch(SHOP, "items/9"), {"/Item/9.json": [404]})
    assert [page.bodies for page in pages] == [()]


@pytest.mark.parametrize(
    "resource", ["sales/", "sales/1/../2", "vendors/1", "sales/x", "order-drafts/{}"]
)
def test_nothing_else_is_fetched(resource: str) -> None:
    with pytest.raises(PermanentError):
        talk(RSERIES.fetch(SHOP, resource), {})


def test_a_refusal_is_said_as_such() -> None:
    with pytest.raises(PermanentError, match="400"):
        talk(RSERIES.fetch(SHOP, "sales/1"), {"/Sale/1.json": [400]})
