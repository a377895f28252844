"""What CORE-POS is asked, and in which order."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from connectors.contract import Conversation, Page, PermanentError, Request, Response
from connectors.corepos.asking import BODIES_A_PAGE, ROWS_A_BODY, ROWS_A_PAGE
from connectors.corepos.position import OVERLAP
from tests.connectors.corepos.rows import COREPOS, EGGS, SHOP, change, end, item, paid, sale
from tests.connectors.golden import read, transactions
from tests.connectors.simulated import carried_out


def talk(
    conversation: Conversation, answers: dict[str, list[object]]
) -> tuple[list[Request], list[Page]]:
    """Answer each path from its list; what is not listed has no rows."""
    asked: list[Request] = []

    def answered(request: Request) -> Response:
        asked.append(request)
        left = answers.get(request.path)
        return Response(status=200, body=json.dumps(left.pop(0) if left else []).encode())

    return asked, carried_out(conversation, answered)


def at(hour: int, day: int = 5) -> datetime:
    return datetime(2026, 5, day, hour, tzinfo=UTC)


def eggs(first: int, **same: object) -> list[dict[str, object]]:
    return sale(item(EGGS, "3.49"), paid("CA", "-3.49"), change(), *end(), first=first, **same)


def bounds(last: int, oldest: str = "2026-05-05 09:30:00") -> list[object]:
    """Return the answer about what is in the live table."""
    return [[{"store_row_id": last, "datetime": oldest}]]


def paths(asked: list[Request]) -> list[str]:
    return [one.path for one in asked]


def kept(asked: list[Request]) -> list[object]:
    """Return what the next poll will be told."""
    (said,) = [one.body for one in asked if (one.method, one.path) == ("KEEP", "/position")]
    assert said is not None
    return [[json.loads(said)]]


def test_by_day_only_the_live_table_is_asked_and_what_was_changed_of_products() -> None:
    answers = {"/dtransactions": [eggs(1)], "/dtransactions/bounds": bounds(1004)}
    asked, pages = talk(COREPOS.poll(SHOP, at(15), at(18)), answers)
    assert paths(asked) == [
        "/position",
        "/dtransactions/bounds",
        "/dtransactions",
        "/bookmark",
        "/products/log",
        "/bookmark",
        "/products",
        "/departments",
        "/vendors",
        "/members",
        "/position",
    ]
    assert {one.budget for one in asked} == {"database"}
    assert dict(asked[6].query)["since"] == "2026-05-05 10:00:00"
    assert [page.resource for page in pages] == ["dtransactions"]
    assert len(transactions(COREPOS, pages[0].bodies, SHOP)) == 1


def test_after_midnight_the_archive_is_asked_by_days_and_after_the_live_table() -> None:
    answers = {"/dtransactions/bounds": bounds(1004)}
    asked, _ = talk(COREPOS.poll(SHOP, at(3, 5), at(6, 5)), answers)
    tables = [one for one in asked if one.path in {"/dtransactions", "/archive"}]
    assert paths(tables) == ["/dtransactions", *["/archive"] * 5]
    assert tables[1].query[:2] == (("from", "2026-05-01"), ("to", "2026-05-02"))
    assert tables[-1].query[:2] == (("from", "2026-05-05"), ("to", "2026-05-06"))


def test_a_window_of_the_past_is_asked_of_the_archive_alone() -> None:
    answers = {"/dtransactions/bounds": bounds(1004, "2026-05-20 08:00:00")}
    asked, _ = talk(COREPOS.poll(SHOP, at(15), at(16)), answers)
    assert "/dtransactions" not in paths(asked)
    days = [dict(one.query)["from"] for one in asked if one.path == "/archive"]
    assert days == [f"2026-05-0{day}" for day in (2, 3, 4, 5)]


def test_the_live_table_is_read_to_its_end_by_store_row_id() -> None:
    full = [{**one, "store_row_id": number} for number, one in enumerate(_rows(ROWS_A_PAGE), 1)]
    answers = {"/dtransactions": [full, []], "/dtransactions/bounds": bounds(ROWS_A_PAGE)}
    asked, pages = talk(COREPOS.poll(SHOP, at(15), at(18)), answers)
    page = [dict(one.query)["page"] for one in asked if one.path == "/dtransactions"]
    assert page == ["0", str(ROWS_A_PAGE)]
    bodies = [body for page in pages for body in page.bodies]
    assert sum(len(json.loads(body)) for body in bodies) == ROWS_A_PAGE
    assert max(len(page.bodies) for page in pages) <= BODIES_A_PAGE


def _rows(count: int) -> list[dict[str, object]]:
    sales = [eggs(10 * number, trans_no=number) for number in range(1, count)]
    return [row for one in sales for row in one][:count]


def test_a_transaction_is_a_body_of_exactly_its_rows() -> None:
    rows = [*eggs(1), *eggs(11, trans_no=2)]
    answers = {"/dtransactions": [rows], "/dtransactions/bounds": bounds(1014)}
    _, pages = talk(COREPOS.poll(SHOP, at(15), at(18)), answers)
    assert [json.loads(body) for body in pages[0].bodies] == [rows[:5], rows[5:]]


def first_poll(rows: list[dict[str, object]], until: datetime | None = None) -> list[object]:
    """Poll a table that nobody has read, and return what is kept of it."""
    last = max(int(str(one["store_row_id"])) for one in rows)
    answers = {"/dtransactions": [rows], "/dtransactions/bounds": bounds(last)}
    asked, _ = talk(COREPOS.poll(SHOP, at(15), until or at(18)), answers)
    return kept(asked)


def next_poll(
    position: list[object], rows: list[dict[str, object]], since: datetime, until: datetime
) -> tuple[dict[str, str], list[Page]]:
    """Poll again and return the bounds that were asked with, and the pages."""
    last = max(int(str(one["store_row_id"])) for one in rows)
    answers = {
        "/position": position,
        "/dtransactions": [rows],
        "/dtransactions/bounds": bounds(last),
    }
    asked, pages = talk(COREPOS.poll(SHOP, since, until), answers)
    (live,) = [one for one in asked if one.path == "/dtransactions"]
    return dict(live.query), pages


def test_the_next_poll_asks_for_new_rows_with_an_overlap_and_brings_no_known_sale_again() -> (
    None
):
    known, new = eggs(1), eggs(11, trans_no=2)
    asked, pages = next_poll(first_poll(known), [*known, *new], at(15), at(19))
    assert asked["after"] == str(1001 + 5 - OVERLAP)
    assert [json.loads(body) for page in pages for body in page.bodies] == [new]


def test_an_id_that_became_visible_late_is_not_missed() -> None:
    late, known = eggs(1), eggs(11, trans_no=2)
    _, pages = next_poll(first_poll(known), [*late, *known], at(15), at(19))
    assert [json.loads(body) for page in pages for body in page.bodies] == [late]


def test_a_count_that_went_down_a_new_day_and_a_range_asked_for_are_read_from_the_start() -> (
    None
):
    position = first_poll([*eggs(1), *eggs(800, trans_no=2)])
    for rows, since, until in (
        (eggs(1), at(15), at(19)),
        (eggs(900), at(23), at(6, 6)),
        (eggs(900), at(12), at(19)),
    ):
        asked, pages = next_poll(list(position), rows, since, until)
        assert asked["after"] == "0"
        assert [json.loads(body) for page in pages for body in page.bodies][:1] == [rows]


def test_an_archived_day_that_was_seen_is_brought_again_only_when_it_has_changed() -> None:
    known, late = eggs(1), eggs(11, trans_no=2)

    def night(position: list[object], rows: list[object]) -> tuple[list[object], list[bytes]]:
        answers = {
            "/position": position,
            "/archive": [[], [], [], rows],
            "/dtransactions/bounds": bounds(2000, "2026-05-05 00:00:00"),
        }
        asked, pages = talk(COREPOS.poll(SHOP, at(3, 5), at(6, 5)), answers)
        return kept(asked), [body for page in pages for body in page.bodies]

    position, first = night([], [*known])
    position, second = night(position, [*known])
    _, third = night(position, [*known, *late])
    assert len(first) == 1
    assert second == [b'{"products_in_use":[]}'] * len(second)
    assert len([body for body in third if b"trans_no" in body]) == 2


def test_the_snapshot_brings_products_in_bodies_of_bounded_size_their_set_and_counts() -> None:
    rows = [
        {
            "id": n,
            "upc": f"{n:013}",
            "description": "TEA",
            "normal_price": "1.00",
            "inUse": n % 2,
        }
        for n in range(1, ROWS_A_BODY + 2)
    ]
    counts = [{"upc": "1", "storeID": 1, "count": 4, "countDate": "2026-05-04 07:00:00"}]
    answers: dict[str, list[object]] = {
        "/products": [rows],
        "/products/in-use": [rows],
        "/inventory-counts": [counts],
    }
    asked, pages = talk(COREPOS.snapshot(SHOP), answers)
    assert {one.path for one in asked if one.method != "SELECT"} == {"/bookmark"}
    assert [page.resource for page in pages] == [
        "products",
        "products_in_use",
        "inventory_counts",
    ]
    assert [len(json.loads(body)) for body in pages[0].bodies] == [ROWS_A_BODY, 1]
    told = read(COREPOS, pages[0].bodies[1], SHOP)
    assert [one.name for one in told.products] == ["TEA"]  # type: ignore[union-attr]
    everything = read(COREPOS, pages[1].bodies[0], SHOP).all_products  # type: ignore[union-attr]
    assert everything.ids == {f"{n:013}" for n in range(1, ROWS_A_BODY + 2, 2)}


def test_nothing_but_products_is_fetched_by_name() -> None:
    asked, _ = talk(COREPOS.fetch(SHOP, "products/0000000001009"), {})
    assert dict(asked[0].query)["upc"] == "0000000001009"
    with pytest.raises(PermanentError):
        talk(COREPOS.fetch(SHOP, "orders/1"), {})
