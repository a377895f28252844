"""What CORE-POS is asked, and in which order."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from connectors.contract import Conversation, Page, PermanentError, Request, Response
from connectors.corepos.poll import ROWS_A_BODY, ROWS_A_PAGE
from tests.connectors.corepos.rows import COREPOS, EGGS, SHOP, change, end, item, paid, sale
from tests.connectors.golden import read, transactions


def talk(
    conversation: Conversation, answers: dict[str, list[object]]
) -> tuple[list[Request], list[Page]]:
    """Answer each path from its list; what is not listed has no rows."""
    asked: list[Request] = []
    pages: list[Page] = []
    answer: Response | None = None
    while True:
        try:
            said = conversation.send(answer)
        except StopIteration:
            return asked, pages
        if isinstance(said, Page):
            pages.append(said)
            answer = None
        else:
            asked.append(said)
            left = answers.get(said.path)
            answer = Response(status=200, body=json.dumps(left.pop(0) if left else []).encode())


def at(hour: int, day: int = 5) -> datetime:
    return datetime(2026, 5, day, hour, tzinfo=UTC)


def eggs(first: int, **same: object) -> list[dict[str, object]]:
    return sale(item(EGGS, "3.49"), paid("CA", "-3.49"), change(), *end(), first=first, **same)


def test_by_day_only_the_live_table_is_asked() -> None:
    asked, pages = talk(COREPOS.poll(SHOP, at(15), at(16)), {"/dtransactions": [eggs(1)]})
    assert [(one.method, one.path, one.budget) for one in asked] == [
        ("SELECT", "/dtransactions", "database")
    ]
    assert [page.resource for page in pages] == ["dtransactions"]
    assert len(transactions(COREPOS, pages[0].bodies, SHOP)) == 1


def test_after_midnight_the_archive_is_asked_by_days_and_after_the_live_table() -> None:
    asked, _ = talk(COREPOS.poll(SHOP, at(3, 5), at(6, 5)), {})
    assert [one.path for one in asked] == ["/dtransactions", *["/archive"] * 4]
    assert asked[1].query == (("from", "2026-05-01"), ("to", "2026-05-02"))
    assert asked[-1].query == (("from", "2026-05-04"), ("to", "2026-05-05"))


def test_the_live_table_is_read_to_its_end_by_store_row_id() -> None:
    full = [{**one, "store_row_id": number} for number, one in enumerate(_rows(ROWS_A_PAGE), 1)]
    asked, pages = talk(COREPOS.poll(SHOP, at(15), at(16)), {"/dtransactions": [full, []]})
    after = [dict(one.query)["after"] for one in asked]
    assert after == ["0", str(ROWS_A_PAGE)]
    assert sum(len(json.loads(body)) for body in pages[0].bodies) == ROWS_A_PAGE


def _rows(count: int) -> list[dict[str, object]]:
    sales = [eggs(10 * number, trans_no=number) for number in range(1, count)]
    return [row for one in sales for row in one][:count]


def test_a_transaction_is_a_body_of_exactly_its_rows() -> None:
    rows = [*eggs(1), *eggs(11, trans_no=2)]
    _, pages = talk(COREPOS.poll(SHOP, at(15), at(16)), {"/dtransactions": [rows]})
    assert [json.loads(body) for body in pages[0].bodies] == [rows[:5], rows[5:]]


def test_the_snapshot_brings_products_in_bodies_of_bounded_size_and_counts() -> None:
    texts = [
        json.dumps({"upc": f"{n:013}", "description": "TEA", "normal_price": "1.00"})
        for n in range(ROWS_A_BODY + 1)
    ]
    counts = [{"upc": "1", "storeID": 1, "count": 4, "countDate": "2026-05-04 07:00:00"}]
    answers: dict[str, list[object]] = {
        "/fannie/ws/": [{"jsonrpc": "2.0", "id": 1, "result": {"result": texts}}],
        "/inventory-counts": [counts],
    }
    asked, pages = talk(COREPOS.snapshot(SHOP), answers)
    assert [one.method for one in asked] == ["POST", "SELECT"]
    products = [page for page in pages if page.resource == "Products"]
    assert [len(json.loads(page.bodies[0])) for page in products] == [ROWS_A_BODY, 1]
    told = read(COREPOS, products[1].bodies[0], SHOP)
    assert [one.name for one in told.products] == ["TEA"]  # type: ignore[union-attr]


def test_an_error_of_the_web_service_is_never_taken_for_no_products() -> None:
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32600, "message": "Invalid entity"}}
    with pytest.raises(PermanentError):
        talk(COREPOS.fetch(SHOP, "products/0000000001009"), {"/fannie/ws/": [error]})
    with pytest.raises(PermanentError):
        talk(COREPOS.fetch(SHOP, "orders/1"), {})
