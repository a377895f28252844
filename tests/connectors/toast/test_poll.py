from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from connectors.contract import Conversation, Page, PermanentError, Request, Response
from connectors.toast.poll import PAGE_SIZE, windows
from tests.connectors.toast.bodies import (
    SHOP,
    TOAST,
    amounts,
    check,
    guid,
    order,
    payment,
    refund,
    selection,
)

SINCE = datetime(2026, 5, 4, 16, tzinfo=UTC)
UNTIL = SINCE + timedelta(minutes=15)
OLD_MENUS = {"lastUpdated": "2026-01-01T00:00:00.000+0000"}


class Toast:
    """A script of answers by path, and what was asked."""

    def __init__(self, **answers: object) -> None:
        self.answers: dict[str, object] = {
            "/orders/v2/ordersBulk": [],
            "/orders/v2/payments": [],
            "/menus/v2/metadata": OLD_MENUS,
            "/stock/v1/inventory": [],
            **{path.replace("__", "/"): answer for path, answer in answers.items()},
        }
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

    def talk(self, conversation: Conversation) -> dict[str, list[bytes]]:
        pages: dict[str, list[bytes]] = {}
        said = next(conversation)
        for _ in range(1000):
            answer = None
            if isinstance(said, Page):
                pages.setdefault(said.resource, []).extend(said.bodies)
            else:
                answer = self.answer(said)
            try:
                said = conversation.send(answer)
            except StopIteration:
                return pages
        raise AssertionError("the conversation does not end")

    def paths(self) -> list[str]:
        return [request.path for request in self.asked]


def sold(name: str, **more: object) -> dict[str, object]:
    paid = payment(name, 1.00, **more)
    return order(name, check("1", [selection("tea", 1.00)], [paid], **amounts(1, 0, 1)))


def guids(pages: dict[str, list[bytes]]) -> list[str]:
    return [json.loads(body)["guid"] for body in pages["orders"]]


def test_orders_are_asked_for_by_time_of_change_and_come_one_a_body() -> None:
    toast = Toast(**{"/orders/v2/ordersBulk": [sold("a"), sold("b")]})
    assert guids(toast.talk(TOAST.poll(SHOP, SINCE, UNTIL))) == [guid("oa"), guid("ob")]
    asked = toast.asked[0]
    assert asked.budget == "orders-bulk"
    assert dict(asked.query) == {
        "startDate": "2026-05-04T16:00:00.000+0000",
        "endDate": "2026-05-04T16:15:00.001+0000",
        "page": "1",
        "pageSize": "100",
    }


def test_pages_follow_the_link_header_or_else_go_on_while_they_are_full() -> None:
    def linked(query: dict[str, str]) -> Response:
        link = (
            '<https://host/x?page=2>; rel="next"' if query["page"] == "1" else '<x>; rel="prev"'
        )
        body = json.dumps([sold(f"p{query['page']}")]).encode()
        return Response(status=200, body=body, headers={"link": link})

    def full(query: dict[str, str]) -> list[object]:
        count = PAGE_SIZE if query["page"] == "1" else 3
        return [sold(f"{query['page']}x{n}") for n in range(count)]

    toast = Toast(**{"/orders/v2/ordersBulk": linked})
    assert guids(toast.talk(TOAST.poll(SHOP, SINCE, UNTIL))) == [guid("op1"), guid("op2")]
    toast = Toast(**{"/orders/v2/ordersBulk": full})
    assert len(guids(toast.talk(TOAST.poll(SHOP, SINCE, UNTIL)))) == PAGE_SIZE + 3


def test_a_late_refund_is_found_by_its_business_day_and_its_order_fetched_once() -> None:
    def found(query: dict[str, str]) -> list[str]:
        return [guid("plate"), guid("plate2")] if "refundBusinessDate" in query else []

    owner = {"orderGuid": guid("olate")}
    toast = Toast(
        **{
            "/orders/v2/payments": found,
            f"/orders/v2/payments/{guid('plate')}": owner,
            f"/orders/v2/payments/{guid('plate2')}": owner,
            f"/orders/v2/orders/{guid('olate')}": sold("late", refund=refund(1.00)),
        }
    )
    assert guids(toast.talk(TOAST.poll(SHOP, SINCE, UNTIL))) == [guid("olate")]
    days = [dict(one.query) for one in toast.asked if one.path == "/orders/v2/payments"]
    assert days == [{"refundBusinessDate": "20260504"}, {"voidBusinessDate": "20260504"}]


def test_a_refund_that_the_orders_have_shown_is_not_fetched_again() -> None:
    def found(query: dict[str, str]) -> list[str]:
        return [guid("pa")] if "refundBusinessDate" in query else []

    toast = Toast(
        **{
            "/orders/v2/ordersBulk": [sold("a", refund=refund(1.00))],
            "/orders/v2/payments": found,
        }
    )
    toast.talk(TOAST.poll(SHOP, SINCE, UNTIL))
    assert f"/orders/v2/payments/{guid('pa')}" not in toast.paths()


def test_a_window_that_holds_a_whole_day_looks_for_its_payments_too() -> None:
    since = SHOP.calendar.begins(date(2026, 5, 3))
    toast = Toast()
    toast.talk(TOAST.poll(SHOP, since, since + timedelta(hours=30)))
    kinds = {
        name for one in toast.asked for name, _ in one.query if name.endswith("BusinessDate")
    }
    assert kinds == {"paidBusinessDate", "refundBusinessDate", "voidBusinessDate"}


def test_menus_are_fetched_only_when_they_were_published_since() -> None:
    assert "/menus/v2/menus" not in _paths_of_menus(OLD_MENUS)
    assert "/menus/v2/menus" in _paths_of_menus({"lastUpdated": "2026-05-04T16:01:00.000+0000"})


def _paths_of_menus(metadata: object) -> list[str]:
    toast = Toast(**{"/menus/v2/metadata": metadata, "/menus/v2/menus": {"menus": []}})
    toast.talk(TOAST.poll(SHOP, SINCE, UNTIL))
    return toast.paths()


def test_no_window_is_longer_than_toast_answers_and_none_is_left_out() -> None:
    spans = list(windows(SINCE, SINCE + timedelta(days=90)))
    assert all(end - begin <= timedelta(days=28) for begin, end in spans)
    assert (spans[0][0], spans[-1][1]) == (SINCE, SINCE + timedelta(days=90))
    assert all(one[1] == other[0] for one, other in pairwise(spans))


def test_a_snapshot_is_menus_and_stock() -> None:
    toast = Toast(**{"/menus/v2/menus": {"menus": []}})
    assert set(toast.talk(TOAST.snapshot(SHOP))) == {"menus", "stock"}


@pytest.mark.parametrize("resource", [f"orders/{guid('oa')}", f"payments/{guid('pa')}"])
def test_an_order_is_fetched_by_itself_or_by_a_payment(resource: str) -> None:
    toast = Toast(
        **{
            f"/orders/v2/orders/{guid('oa')}": sold("a"),
            f"/orders/v2/payments/{guid('pa')}": {"orderGuid": guid("oa")},
        }
    )
    assert guids(toast.talk(TOAST.fetch(SHOP, resource))) == [guid("oa")]


def test_what_toast_does_not_know_brings_nothing() -> None:
    assert Toast().talk(TOAST.fetch(SHOP, "orders/gone")) == {}


def test_an_id_from_outside_can_only_be_one_piece_of_a_path() -> None:
    toast = Toast()
    toast.talk(TOAST.fetch(SHOP, "orders/../../secrets?x"))
    assert toast.paths() == ["/orders/v2/orders/..%2F..%2Fsecrets%3Fx"]


@pytest.mark.parametrize(
    "answer", [Response(status=400, body=b""), Response(status=200, body=b"{")]
)
def test_a_refusal_or_an_unreadable_page_is_permanent(answer: Response) -> None:
    with pytest.raises(PermanentError, match="ordersBulk"):
        Toast(**{"/orders/v2/ordersBulk": answer}).talk(TOAST.poll(SHOP, SINCE, UNTIL))


def test_nothing_is_fetched_by_an_unknown_name() -> None:
    with pytest.raises(PermanentError, match="nothing is fetched"):
        Toast().talk(TOAST.fetch(SHOP, "weather"))
