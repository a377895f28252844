"""What the X-Series is asked, and how the place of a time among versions is found."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Conversation, Page, PermanentError, Request, Response
from connectors.lightspeed_x.place import HIGHEST, Search, Seen
from connectors.lightspeed_x.poll import PAGE_SIZE, PROBE_SIZE
from tests.connectors.lightspeed_x.bodies import SHOP, XSERIES, Json, encoded

BEGUN = datetime(2026, 5, 1, tzinfo=UTC)


class Store:
    """Answers as the X-Series does: rows in the order of their versions, after one."""

    def __init__(self, **rows: list[Json]) -> None:
        self.rows = rows
        self.asked: list[Request] = []

    def answer(self, request: Request) -> Response:
        self.asked.append(request)
        query = dict(request.query)
        rows = self.rows.get(request.path.removeprefix("/api/2.0/"), [])
        newer = [row for row in rows if int(str(row["version"])) > int(query["after"])]
        page = newer[: int(query["page_size"])]
        return Response(status=200, body=encoded({"data": page, "version": {}}))

    def talk(self, conversation: Conversation) -> dict[str, list[Json]]:
        found: dict[str, list[Json]] = {}
        reply: Response | None = None
        while True:
            try:
                said = conversation.send(reply)
            except StopIteration:
                return found
            reply = None
            if isinstance(said, Page):
                found.setdefault(said.resource, []).extend(map(json.loads, said.bodies))
            else:
                reply = self.answer(said)


def rows(count: int, **more: object) -> list[Json]:
    """Make rows, a minute and some versions apart."""
    return [
        {
            "id": str(number),
            "version": 10**9 + 37 * number,
            "updated_at": (BEGUN + timedelta(minutes=number)).isoformat(),
            **more,
        }
        for number in range(count)
    ]


@pytest.mark.parametrize("since", [-5, 0, 1, 17, 498, 499, 600])
def test_all_that_changed_since_a_time_is_found_and_nothing_older(since: int) -> None:
    store = Store(sales=rows(500))
    at = BEGUN + timedelta(minutes=since)
    found = store.talk(XSERIES.poll(SHOP, at, at + timedelta(days=1)))
    assert [row["id"] for row in found.get("sale", [])] == [
        str(number) for number in range(max(0, since), 500)
    ]
    searches = [one for one in store.asked if dict(one.query)["page_size"] == str(PROBE_SIZE)]
    assert len(searches) <= 10
    assert {one.budget for one in store.asked} == {"retailer"}


def test_a_day_is_all_that_changed_since_it_began_whatever_changed_before() -> None:
    store = Store(sales=rows(3 * 24 * 60))
    day = (BEGUN + timedelta(days=1)).date()
    found = store.talk(XSERIES.day(SHOP, day))
    begin = SHOP.calendar.begins(day)
    assert set(found) == {"sale"}
    told = [datetime.fromisoformat(row["updated_at"]) for row in found["sale"]]
    wanted = [row for row in rows(3 * 24 * 60) if since(row) >= begin]
    assert [one for one in told if one >= begin] == [since(row) for row in wanted]


def since(row: Json) -> datetime:
    return datetime.fromisoformat(str(row["updated_at"]))


@given(
    gaps=st.lists(st.integers(1, 10**9), max_size=60),
    minutes=st.lists(st.integers(0, 10_000), min_size=60, max_size=60),
    first=st.integers(1, 10**10),
    since=st.integers(-10, 10_010),
    size=st.integers(1, 9),
)
def test_the_place_of_a_time_is_found_however_versions_grow(
    gaps: list[int], minutes: list[int], first: int, since: int, size: int
) -> None:
    times = sorted(minutes)[: len(gaps)]
    versions = list(accumulate(gaps, initial=first))[: len(gaps)]
    rows = [
        Seen(version=number, updated_at=(BEGUN + timedelta(minutes=at)).isoformat())
        for number, at in zip(versions, times, strict=True)
    ]
    search, calls = Search(BEGUN + timedelta(minutes=since), size), 0
    while not search.is_done:
        after, calls = search.next(), calls + 1
        search.take(after, [row for row in rows if row.number > after][:size])
    left = [row for row in rows if row.number > search.found]
    new = [row for at, row in zip(times, rows, strict=True) if at >= since]
    assert left[len(left) - len(new) :] == new
    assert len(left) - len(new) < size
    assert calls <= 2 * HIGHEST.bit_length()


def test_pages_follow_each_other_by_version_until_one_is_empty() -> None:
    store = Store(products=rows(2 * PAGE_SIZE + 1))
    found = store.talk(XSERIES.snapshot(SHOP))
    assert len(found["product"]) == 2 * PAGE_SIZE + 1
    assert len([one for one in store.asked if one.path.endswith("products")]) == 4


def test_sales_and_stock_of_other_outlets_are_left_out() -> None:
    store = Store(inventory=[*rows(1, outlet_id="outlet-1"), *rows(2, outlet_id="outlet-2")])
    found = store.talk(XSERIES.snapshot(SHOP))
    assert [row["outlet_id"] for row in found["inventory"]] == ["outlet-1"]


def test_a_deletion_is_a_change_though_it_keeps_the_time_of_the_last_one() -> None:
    gone = {
        "id": "old",
        "version": 10**9 + 10**6,
        "updated_at": "2020-01-01T00:00:00+00:00",
        "deleted_at": (BEGUN + timedelta(minutes=30)).isoformat(),
    }
    store = Store(sales=[*rows(20), gone])
    at = BEGUN + timedelta(minutes=25)
    assert [row["id"] for row in store.talk(XSERIES.poll(SHOP, at, at))["sale"]] == ["old"]


def test_one_sale_is_fetched_by_its_id_and_no_id_leads_elsewhere() -> None:
    conversation = XSERIES.fetch(SHOP, "sales/../users")
    said = next(conversation)
    assert isinstance(said, Request)
    assert said.path == "/api/2.0/sales/..%2Fusers"
    page = conversation.send(Response(status=200, body=b'{"data":{"id":"x"}}'))
    assert isinstance(page, Page)
    assert page.bodies == (b'{"id":"x"}',)
    with pytest.raises(PermanentError):
        next(XSERIES.fetch(SHOP, "users/1"))


def test_what_lightspeed_does_not_know_is_an_empty_page_and_a_refusal_is_said() -> None:
    unknown = XSERIES.fetch(SHOP, "products/9")
    next(unknown)
    page = unknown.send(Response(status=404, body=b""))
    assert isinstance(page, Page)
    assert page.bodies == ()
    refused = XSERIES.fetch(SHOP, "products/9")
    next(refused)
    with pytest.raises(PermanentError, match="422"):
        refused.send(Response(status=422, body=b""))
