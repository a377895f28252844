"""The served simulator, over real HTTP on the loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
import pytest

from connectors.contract import Delivery, Request, SigningKey
from connectors.exchange import Budget, Exchange, Patience
from connectors.square.api import HEADERS
from connectors.square.poll import poll
from connectors.square.signature import authentic
from connectors.square.simulator import Call, Faults, SquareSimulator
from streams import simulate
from streams.errors import SetupError
from streams.simulate import deliver, serve_simulator
from tests.connectors.square.simulated import NOW, a_square, by_resource, shop_of

QUICK = Patience(timeout_s=5, attempts=12, first_wait=timedelta(milliseconds=1))


class Inbox(SquareSimulator):
    """Takes webhooks instead of API calls, and answers them by script."""

    def __init__(self, status: Callable[[int], int]) -> None:
        super().__init__(a_square(days=0, live_orders=0).config)
        self.status = status
        self.calls: list[Call] = []

    def handle(self, call: Call, now: datetime) -> Any:
        self.calls.append(call)
        answer = super().handle(call, now)
        status = self.status(len(self.calls))
        response = msgspec.structs.replace(answer.response, status=status)
        return msgspec.structs.replace(answer, response=response)


@asynccontextmanager
async def inbox(status: Callable[[int], int]) -> AsyncIterator[tuple[Inbox, str]]:
    box = Inbox(status)
    async with serve_simulator(box) as url:
        yield box, f"{url}/hook?a=1"


async def ask(url: str, path: str, method: str = "GET") -> Any:
    async with Exchange(url) as way:
        return msgspec.json.decode((await way.ask(Request(method=method, path=path))).body)


async def test_a_poll_over_http_on_a_bad_day_brings_everything() -> None:
    faults = Faults(server_errors=150, stale_cursors=100)
    square = a_square(live_orders=0, faults=faults, page_limit=50)
    bakery = square.config.shops[0]
    async with (
        serve_simulator(square, clock=lambda: NOW) as url,
        Exchange(
            url,
            authorization=f"Bearer {bakery.token}",
            headers=HEADERS,
            budgets={"default": Budget(500)},
            patience=QUICK,
        ) as way,
    ):
        talk = poll(shop_of(bakery), NOW - timedelta(days=30), NOW + timedelta(seconds=1))
        found = by_resource([page async for page in way.converse(talk)])
    for kind in ("order", "payment", "refund"):
        assert set(found[kind]) == set(square.bodies(kind, bakery.location_id).values())


async def test_deliveries_arrive_as_they_were_signed_and_totals_follow() -> None:
    async with inbox(lambda _: 202) as (box, hook):
        square = a_square(notification_url=hook)
        async with serve_simulator(square) as url:
            before = await ask(url, "/totals")
            done = await deliver(square, paced=False)
            after = await ask(url, "/totals")
    expected = [one.body for _, one in a_square(notification_url=hook).deliveries()]
    assert done.accepted == len(box.calls) == len(expected)
    assert sorted(call.body for call in box.calls) == sorted(expected)
    key = SigningKey(square.config.signature_key)
    for call in box.calls:
        got = Delivery(headers=call.headers, url=hook, body=call.body)
        assert authentic(got, (key,), NOW)
    assert len(before["days"]) < len(after["days"])
    assert after == msgspec.json.decode(msgspec.json.encode(square.totals()))


async def test_what_is_not_accepted_is_delivered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "FIRST_PAUSE", timedelta(milliseconds=1))
    async with inbox(lambda n: 503 if n % 3 == 0 else 200) as (box, hook):
        square = a_square(notification_url=hook, live_orders=5)
        done = await deliver(square, paced=False)
    assert done.lost == 0
    assert done.again > 0
    assert {call.body for call in box.calls} == {
        one.body for _, one in a_square(notification_url=hook, live_orders=5).deliveries()
    }
    assert any("square-retry-number" in call.headers for call in box.calls)


async def test_what_is_never_accepted_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "FIRST_PAUSE", timedelta(microseconds=1))
    square = a_square(notification_url="http://127.0.0.1:1/", live_orders=2)
    done = await deliver(square, paced=False)
    assert done.accepted == 0
    assert done.lost > 0


async def test_a_ticking_simulator_knows_more_as_time_goes_by() -> None:
    times = iter([NOW, NOW + timedelta(seconds=30), NOW + timedelta(hours=1)])
    square = a_square()
    async with serve_simulator(square, clock=lambda: next(times), ticking=True) as url:
        bills = [
            sum(day["transactions"] for day in (await ask(url, "/totals"))["days"])
            for _ in range(3)
        ]
    assert bills[0] < bills[1] < bills[2]


async def test_a_revocation_is_delivered() -> None:
    async with inbox(lambda _: 200) as (box, hook):
        square = a_square(notification_url=hook)
        merchant = square.config.shops[0].merchant_id
        async with serve_simulator(square) as url:
            assert await ask(url, f"/revoke/{merchant}", "POST") == {"delivered": True}
            assert await ask(url, "/own-products")
    assert b"oauth.authorization.revoked" in box.calls[0].body


async def test_a_taken_port_is_said_so() -> None:
    async with serve_simulator(a_square()) as url:
        with pytest.raises(SetupError):
            async with serve_simulator(a_square(), port=int(url.rpartition(":")[2])):
                pass


@pytest.mark.parametrize("skew_s", [-420, 0, 420])
async def test_every_answer_has_the_time_of_the_provider_s_own_clock(skew_s: int) -> None:
    square = a_square(live_orders=0, faults=Faults(clock_skew_s=skew_s))
    token = f"Bearer {square.config.shops[0].token}"
    async with (
        serve_simulator(square, clock=lambda: NOW) as url,
        Exchange(url, authorization=token) as way,
    ):
        answer = await way.ask(Request(method="GET", path="/v2/unknown"))
    told = [value for name, value in answer.headers.items() if name.lower() == "date"]
    theirs = NOW + timedelta(seconds=skew_s)
    assert told == [format_datetime(theirs.replace(microsecond=0), usegmt=True)]
