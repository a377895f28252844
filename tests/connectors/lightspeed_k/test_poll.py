from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from connectors.contract import Conversation, Page, Parts, PermanentError, Request, Response
from connectors.lightspeed_k.poll import ITEMS_A_PAGE, LOOKBACK, begin_of, windows
from tests.connectors.lightspeed_k.bodies import KSERIES, SHOP, read, sale

SINCE = datetime(2026, 5, 4, 16, tzinfo=UTC)
UNTIL = SINCE + timedelta(minutes=15)
LEFT = "/o/op/1/itemAvailability"
SALES = "/f/v2/business-location/247158188015618/sales"


class KSeries:
    """A script of answers by path, and what was asked."""

    def __init__(self, answers: dict[str, object]) -> None:
        self.answers = answers
        self.asked: list[Request] = []

    def answer(self, request: Request) -> Response:
        self.asked.append(request)
        found = self.answers.get(request.path)
        if callable(found):
            found = found(dict(request.query))
        if isinstance(found, Response):
            return found
        if found is None:
            return Response(status=404, body=b"")
        return Response(status=200, body=json.dumps(found).encode())

    def talk(self, conversation: Conversation) -> list[tuple[str, int]]:
        pages: list[tuple[str, int]] = []
        said = next(conversation)
        for _ in range(1000):
            answer = None
            if isinstance(said, Page):
                pages.append((said.resource, len(said.bodies)))
            else:
                answer = self.answer(said)
            try:
                said = conversation.send(answer)
            except StopIteration:
                return pages
        raise AssertionError("the conversation does not end")


def test_sales_are_asked_for_with_their_payments_and_come_one_a_body() -> None:
    kseries = KSeries({SALES: {"sales": [sale("A1", []), sale("A2", [])]}})
    assert kseries.talk(KSERIES.poll(SHOP, SINCE, UNTIL)) == [("sales", 2)]
    assert dict(kseries.asked[0].query) == {
        "from": "2026-05-04T16:00:00.000Z",
        "to": "2026-05-04T16:15:00.001Z",
        "include": "payments,consumer",
        "pageSize": "100",
    }


def test_pages_follow_their_tokens() -> None:
    def page(query: dict[str, str]) -> object:
        token = {"": "b", "b": "c", "c": ""}[query.get("nextPageToken", "")]
        return {"sales": [sale("A1", [])], "nextPageToken": token}

    assert KSeries({SALES: page}).talk(KSERIES.poll(SHOP, SINCE, UNTIL)) == [("sales", 1)] * 3


def test_a_token_that_comes_again_is_the_end_of_patience() -> None:
    kseries = KSeries({SALES: {"sales": [], "nextPageToken": "again"}})
    with pytest.raises(PermanentError, match="do not end"):
        kseries.talk(KSERIES.poll(SHOP, SINCE, UNTIL))


def test_items_are_asked_for_by_the_first_poll_of_a_business_day() -> None:
    def items(query: dict[str, str]) -> object:
        count = ITEMS_A_PAGE if query["offset"] == "0" else 1
        return [{"id": 1, "name": "Tea", "sku": "T"}] * count

    answers = {SALES: {"sales": []}, "/items/v1/items": items}
    cut_off = SHOP.calendar.begins(date(2026, 5, 5))
    pages = KSeries(answers).talk(
        KSERIES.poll(SHOP, cut_off - timedelta(minutes=5), cut_off + timedelta(minutes=5))
    )
    assert pages == [("sales", 0), ("items", ITEMS_A_PAGE), ("items", 1)]
    assert KSeries(answers).talk(KSERIES.poll(SHOP, SINCE, UNTIL)) == [("sales", 0)]


def test_a_snapshot_is_all_items() -> None:
    assert KSeries({"/items/v1/items": []}).talk(KSERIES.snapshot(SHOP)) == [("items", 0)]


def left(*counts: int | None) -> object:
    """Return an answer that says how much is left of so many items."""
    return {
        "data": [
            {"sku": f"S{number}", "count": count, "updatedAt": "2026-05-04T16:00:00Z"}
            for number, count in enumerate(counts)
        ],
        "metadata": {"total": len(counts)},
    }


def test_a_regular_poll_asks_how_much_is_left_and_takes_what_somebody_counts() -> None:
    menu = [{"id": n, "name": "Tea", "sku": f"S{n}"} for n in range(130)]
    kseries = KSeries(
        {SALES: {"sales": []}, "/items/v1/items": menu, LEFT: left(5, None, 0, None)}
    )
    pages = kseries.talk(KSERIES.poll(SHOP, SINCE, UNTIL))
    assert pages == [("sales", 0), ("availability", 2), ("availability", 2)]
    asked = [one for one in kseries.asked if one.path == LEFT]
    skus = [json.loads(one.body or b"")["skus"] for one in asked]
    assert [len(one) for one in skus] == [100, 30]
    assert [sku for part in skus for sku in part] == [one["sku"] for one in menu]


def test_a_poll_that_looks_back_asks_for_no_stock_of_now() -> None:
    kseries = KSeries({SALES: {"sales": []}, "/items/v1/items": [{"sku": "S0"}]})
    kseries.talk(KSERIES.poll(SHOP, SINCE - timedelta(days=7), UNTIL))
    assert LEFT not in {one.path for one in kseries.asked}


def test_who_may_not_ask_what_is_left_still_gets_the_sales() -> None:
    refused = Response(status=403, body=b"")
    answers = {SALES: {"sales": []}, "/items/v1/items": [{"sku": "S0"}], LEFT: refused}
    assert KSeries(answers).talk(KSERIES.poll(SHOP, SINCE, UNTIL)) == [("sales", 0)]


def test_what_is_polled_of_stock_is_what_the_webhook_says() -> None:
    row = {"sku": "S0", "count": 5, "updatedAt": "2026-05-04T16:00:00.000+00:00"}
    told = {
        "sku": "S0",
        "businessLocationId": int(SHOP.location_id),
        "count": 5,
        "countUpdatedAt": "2026-05-04T16:00:00Z",
        "status": "RESTRICTED",
        "type": "ITEM",
    }
    assert isinstance(polled := read(row), Parts)
    assert polled.counts
    assert polled == read(told)


def test_a_business_day_can_be_fetched_again() -> None:
    kseries = KSeries({f"{SALES}-daily": {"sales": [sale("A1", [])], "dataComplete": True}})
    assert kseries.talk(KSERIES.fetch(SHOP, "sales-daily/2026-05-04")) == [("sales", 1)]
    assert dict(kseries.asked[0].query)["date"] == "2026-05-04"


@pytest.mark.parametrize("resource", ["weather", "sales-daily/yesterday", "sales-daily"])
def test_nothing_is_fetched_by_an_unknown_name(resource: str) -> None:
    with pytest.raises(PermanentError):
        KSeries({}).talk(KSERIES.fetch(SHOP, resource))


QUARTER = datetime(2026, 5, 4, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seen", "until", "reaches_back"),
    [
        (QUARTER - timedelta(minutes=15), QUARTER, True),
        (QUARTER, QUARTER + timedelta(minutes=15), False),
        (QUARTER + timedelta(hours=5), QUARTER + timedelta(hours=6, minutes=1), True),
        (QUARTER - timedelta(days=3), QUARTER, False),
    ],
)
def test_the_first_poll_of_a_quarter_reads_since_the_business_day_before(
    seen: datetime,
    until: datetime,
    reaches_back: bool,  # noqa: FBT001
) -> None:
    begin = begin_of(SHOP, seen - LOOKBACK, until)
    yesterday = SHOP.calendar.day_of(until) - timedelta(days=1)
    assert begin == (SHOP.calendar.begins(yesterday) if reaches_back else seen - LOOKBACK)


def test_a_till_that_was_offline_since_yesterday_is_read_within_a_quarter_of_a_day() -> None:
    closed = QUARTER - timedelta(hours=20)
    found = []
    seen = QUARTER + timedelta(minutes=7)  # when it hands its sales in
    for _ in range(25):
        until = seen + timedelta(minutes=15)
        found.append(begin_of(SHOP, seen - LOOKBACK, until) <= closed)
        seen = until
    assert found.count(True) == 1


def test_no_window_is_longer_than_a_year_and_none_is_left_out() -> None:
    spans = list(windows(SINCE, SINCE + timedelta(days=800)))
    assert all(end - begin < timedelta(days=365) for begin, end in spans)
    assert (spans[0][0], spans[-1][1]) == (SINCE, SINCE + timedelta(days=800))
    assert all(one[1] == other[0] for one, other in pairwise(spans))


@pytest.mark.parametrize(
    "answer", [Response(status=400, body=b""), Response(status=200, body=b"{")]
)
def test_a_refusal_or_an_unreadable_page_is_permanent(answer: Response) -> None:
    with pytest.raises(PermanentError, match="sales"):
        KSeries({SALES: answer}).talk(KSERIES.poll(SHOP, SINCE, UNTIL))
