"""The exchange against a real HTTP server on the loopback."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from connectors import exchange as exchanges
from connectors.contract import (
    Conversation,
    CredentialsError,
    Delivery,
    Page,
    PermanentError,
    Request,
    TransientError,
)
from connectors.exchange import Budget, Exchange, Patience, Sender, retry_after

Answer = tuple[int, dict[str, str], bytes] | None
QUICK = Patience(timeout_s=1, attempts=3, first_wait=timedelta(milliseconds=1))
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Server:
    """Answers by script; None hangs. Keeps what it was asked."""

    def __init__(self, script: Callable[[int], Answer]) -> None:
        self.script = script
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.url = ""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = next(
                (
                    int(line.partition(":")[2])
                    for line in head.splitlines()
                    if line.lower().startswith("content-length:")
                ),
                0,
            )
            self.heads.append(head)
            self.bodies.append(await reader.readexactly(length))
            answer = self.script(len(self.heads))
            if answer is None:
                await asyncio.sleep(3)
            elif answer[0]:
                status, headers, body = answer
                lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}"]
                lines += [f"{name}: {value}" for name, value in headers.items()]
                writer.write("\r\n".join([*lines, "connection: close", "", ""]).encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(script: Callable[[int], Answer]) -> AsyncIterator[Server]:
    stub = Server(script)
    server = await asyncio.start_server(stub.talk, "127.0.0.1", 0)
    stub.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield stub
    finally:
        server.close()


def ok(body: bytes = b"{}") -> Answer:
    return 200, {}, body


def asking(*requests: Request) -> Conversation:
    for request in requests:
        response = yield request
        assert response is not None
        yield Page(resource=str(response.status), bodies=(response.body,))


async def pages(exchange: Exchange, conversation: Conversation) -> list[Page]:
    async with aclosing(exchange.converse(conversation)) as found:
        return [page async for page in found]


def told(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


READ = Request(method="GET", path="/things", query=(("a", "b c"), ("a", "é")))


async def test_a_conversation_is_carried_out_and_its_pages_handed_on() -> None:
    async with (
        serving(lambda _: ok(b"[1]")) as server,
        Exchange(server.url, authorization=lambda: "Bearer t", headers={"x-v": "7"}) as way,
    ):
        found = await pages(way, asking(READ, Request(method="POST", path="/s", body=b"{}")))
    assert found == [Page(resource="200", bodies=(b"[1]",))] * 2
    assert server.heads[0].startswith("GET /things?a=b+c&a=%C3%A9 HTTP/1.1")
    assert "authorization: Bearer t" in server.heads[0]
    assert "x-v: 7" in server.heads[0]
    assert "content-type: application/json" in server.heads[1]
    assert server.bodies[1] == b"{}"


@pytest.mark.parametrize("bad", [500, 502, 503, 429])
async def test_overload_is_tried_again(bad: int) -> None:
    async with (
        serving(lambda n: ok() if n == 3 else (bad, {}, b"secret words")) as server,
        Exchange(server.url, patience=QUICK) as way,
    ):
        assert (await way.ask(READ)).status == 200
    assert len(server.heads) == 3


@pytest.mark.parametrize("script", [lambda _: (0, {}, b""), lambda _: (503, {}, b"secret")])
async def test_after_all_attempts_it_is_a_transient_error_without_the_answers_words(
    script: Callable[[int], Answer],
) -> None:
    async with (
        serving(script) as server,
        Exchange(server.url, patience=QUICK, authorization="Bearer hush") as way,
    ):
        with pytest.raises(TransientError) as caught:
            await way.ask(READ)
    assert len(server.heads) == 3
    assert "3 attempts" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "hush" not in told(caught.value)


async def test_no_answer_in_time_is_tried_again() -> None:
    async with (
        serving(lambda n: ok() if n == 2 else None) as server,
        Exchange(server.url, patience=QUICK) as way,
    ):
        assert (await way.ask(READ)).status == 200


async def test_nobody_listening_is_a_transient_error() -> None:
    async with Exchange("http://127.0.0.1:1", patience=QUICK) as way:
        with pytest.raises(TransientError):
            await way.ask(READ)


async def test_a_write_that_the_fence_stops_is_not_sent_and_reads_do_not_ask_it() -> None:
    async def taken() -> None:
        raise PermissionError

    async with serving(lambda _: ok()) as server, Exchange(server.url, fence=taken) as way:
        with pytest.raises(PermissionError):
            await way.ask(Request(method="POST", path="/lines", body=b"{}", once=True))
        assert (await way.ask(READ)).status == 200
    assert len(server.heads) == 1


async def test_what_may_be_forgone_may_be_forbidden() -> None:
    async with serving(lambda _: (403, {}, b"no")) as server, Exchange(server.url) as way:
        answer = await way.ask(Request(method="GET", path="/extra", forgone="extras:read"))
    assert answer.status == 403


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_are_not_tried_again(status: int) -> None:
    async with (
        serving(lambda _: (status, {}, b"{}")) as server,
        Exchange(server.url, patience=QUICK) as way,
    ):
        with pytest.raises(CredentialsError):
            await way.ask(READ)
    assert len(server.heads) == 1


@pytest.mark.parametrize("status", [302, 400, 404, 409, 422])
async def test_other_refusals_are_for_the_conversation_to_judge(status: int) -> None:
    async with (
        serving(lambda _: (status, {"location": "/other"}, b"why")) as server,
        Exchange(server.url, patience=QUICK) as way,
    ):
        found = await pages(way, asking(READ))
    assert found == [Page(resource=str(status), bodies=(b"why",))]
    assert len(server.heads) == 1


async def test_what_must_not_happen_twice_is_not_tried_again() -> None:
    async with (
        serving(lambda _: (503, {}, b"")) as server,
        Exchange(server.url, patience=QUICK, repeatable=lambda r: r.method == "GET") as way,
    ):
        with pytest.raises(TransientError):
            await way.ask(Request(method="POST", path="/pay", body=b"{}"))
    assert len(server.heads) == 1


async def test_retry_after_is_waited_for() -> None:
    async with (
        serving(lambda n: ok() if n == 2 else (429, {"retry-after": "1"}, b"")) as server,
        Exchange(server.url, patience=QUICK) as way,
    ):
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await way.ask(READ)
        assert loop.time() - begun >= 0.99


def test_retry_after_is_seconds_or_a_date_and_never_too_long() -> None:
    def read(text: str) -> timedelta | None:
        return retry_after({"retry-after": text}, NOW)

    assert read("7") == timedelta(seconds=7)
    assert read("999999999999") == timedelta(seconds=60)
    assert read("Mon, 02 Mar 2026 12:00:09 GMT") == timedelta(seconds=9)
    assert read("Mon, 02 Mar 2026 11:00:00 GMT") == timedelta(0)
    assert read("soon") is None
    assert read("-1") is None
    assert retry_after({}, NOW) is None


@pytest.mark.parametrize("skew", [timedelta(minutes=-7), timedelta(0), timedelta(minutes=7)])
def test_a_date_to_wait_for_is_by_the_clock_of_the_provider(skew: timedelta) -> None:
    theirs = NOW + skew
    told = {
        "date": format_datetime(theirs, usegmt=True),
        "retry-after": format_datetime(theirs + timedelta(seconds=9), usegmt=True),
    }
    assert retry_after(told, NOW) == timedelta(seconds=9)
    assert retry_after({**told, "date": "yesterday"}, theirs) == timedelta(seconds=9)


async def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanges, "MAX_BODY", 1000)
    async with (
        serving(lambda _: ok(b"x" * 1001)) as server,
        Exchange(server.url, patience=QUICK) as way,
    ):
        with pytest.raises(PermanentError):
            await way.ask(READ)
    assert len(server.heads) == 1


async def test_calls_keep_to_their_budget() -> None:
    async with (
        serving(lambda _: ok()) as server,
        Exchange(server.url, budgets={"slow": Budget(2, 1)}, patience=QUICK) as way,
    ):
        loop = asyncio.get_running_loop()
        begun = loop.time()
        slow = Request(method="GET", path="/", budget="slow")
        await asyncio.gather(*(way.ask(slow) for _ in range(3)))
        assert loop.time() - begun >= 0.45


async def test_a_token_that_no_header_can_hold_is_refused_without_telling_it() -> None:
    async with Exchange("http://127.0.0.1:1", authorization="Bearer a\nb") as way:
        with pytest.raises(CredentialsError) as caught:
            await way.ask(READ)
    assert "Bearer" not in told(caught.value)


async def test_a_conversation_left_early_is_closed() -> None:
    closed = []

    def endless() -> Conversation:
        try:
            while True:
                yield Page(resource="x", bodies=())
        finally:
            closed.append(True)

    async with (
        Exchange("http://127.0.0.1:1") as way,
        aclosing(way.converse(endless())) as found,
    ):
        async for _ in found:
            break
    assert closed == [True]


async def test_a_delivery_is_posted_as_it_is() -> None:
    async with serving(lambda _: (202, {}, b"")) as server:
        sender = Sender()
        delivery = Delivery(
            headers={"x-sign": "abc"}, url=f"{server.url}/hook?a=1", body=b"{ }"
        )
        assert await sender.deliver(delivery) == 202
        await sender.close()
    assert server.heads[0].startswith("POST /hook?a=1 ")
    assert "x-sign: abc" in server.heads[0]
    assert server.bodies == [b"{ }"]
