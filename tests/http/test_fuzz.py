"""
Whatever arrives at the webhook: no 500, and nothing is taken in that is not signed.

By default a few thousand requests; TILLSTREAM_FUZZ_WEBHOOKS=100000 runs the long version.
"""

import asyncio
import json
import os

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from streams.operations.rejected import letters
from tests.http.harness import API, SIGNATURE, a_payment, house, sample_raws, signed

REQUESTS = int(os.environ.get("TILLSTREAM_FUZZ_WEBHOOKS", "2000"))
AT_ONCE = 10
PATH = f"{API}/webhooks/square"
ALLOWED = {202, 401, 413}

REAL = [
    json.dumps(a_payment()).encode(),
    *(
        json.dumps(raw["body"]).encode()
        for name in ("card-with-tip", "money-without-an-order", "exchange-with-money-back")
        for raw in sample_raws(name)
    ),
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=20,
)


@st.composite
def mutated(draw):
    """A real body with bytes cut, doubled or changed."""
    body = bytearray(draw(st.sampled_from(REAL)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, max(len(body) - 1, 0)))
        size = draw(st.integers(1, 40))
        match draw(st.sampled_from(["cut", "double", "change", "insert"])):
            case "cut":
                del body[at : at + size]
            case "double":
                body[at:at] = body[at : at + size]
            case "change":
                body[at : at + 1] = draw(st.binary(min_size=1, max_size=3))
            case _:
                body[at:at] = draw(st.sampled_from([b"[" * 2000, b"null", b"1e999", b"\x00"]))
    return bytes(body)


BODIES = st.one_of(
    st.binary(max_size=200), JSON.map(lambda v: json.dumps(v).encode()), mutated()
)
HEADER_VALUES = st.binary(max_size=60).map(lambda b: b.replace(b"\n", b"").replace(b"\r", b""))
HEADER_NAMES = st.sampled_from(
    [b"content-type", b"content-length", b"traceparent", b"square-retry-number", b"host",
     b"x-request-id", b"authorization", SIGNATURE.encode(), b"x-square-signature", b"\xff\xfe"]
)  # fmt: skip
DELIVERIES = st.tuples(
    BODIES, st.booleans(), st.lists(st.tuples(HEADER_NAMES, HEADER_VALUES), max_size=4)
)


async def post(app, body, headers):
    """Call the application as a server does, without a client that would tidy headers up."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "server": ("test", 80),
        "client": ("test", 1),
        "headers": headers,
    }
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    sent = []

    async def receive():
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"]


def run(runner, deliveries):
    """Deliver; return (was signed, answer) of each, and how many records the log took."""

    async def all_of_them(shop):
        before = raw_count(shop)
        answers = []
        for body, is_signed, headers in deliveries:
            given_headers = [(n, v) for n, v in headers if n != SIGNATURE.encode()]
            if is_signed:
                given_headers = [*given_headers, (SIGNATURE.encode(), signed(body).encode())]
            else:
                given_headers = headers
            answers.append((is_signed, body, await post(shop.app, body, given_headers)))
        return answers, raw_count(shop) - before

    return runner(all_of_them)


def raw_count(shop):
    return sum(
        end for tp, end in shop.worker.runtime.views.ends().items() if tp.topic == "pos.raw"
    )


@pytest.fixture
def running(tmp_path):
    """A worker in a loop of its own, so that all examples share it."""
    with asyncio.Runner() as runner:
        context = house(tmp_path)
        shop = runner.run(context.__aenter__())
        runner.run(connect(shop))
        yield lambda work: runner.run(work(shop))
        runner.run(context.__aexit__(None, None, None))


async def connect(shop):
    """Connect the merchant, and let its first poll end: it writes to the same topic."""
    bakery = await shop.tenant("bakery")
    where = f"{API}/accounts/{(await shop.connected(bakery))['account_id']}/sync"
    async with asyncio.timeout(10):
        while (await bakery.get(where)).json()["health"] != "ok":  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    await shop.settle()


async def nothing_broke(shop):
    """What was taken in has been understood or rejected with a reason; no step raised."""
    await shop.settle()
    assert [stage.stats.failures for stage in shop.worker.runtime.stages.values()] == [0] * 6
    reasons = [letter async for letter, _ in letters(shop.worker.runtime.log, 2)]
    assert reasons
    assert "internal-error" not in {letter.error_type for letter in reasons}


@st.composite
def many(draw):
    return [draw(DELIVERIES) for _ in range(AT_ONCE)]


@pytest.mark.slow
def test_no_webhook_body_or_header_gives_a_500_and_none_gets_in_unsigned(running):
    """One worker for all examples; each example is a handful of deliveries."""
    seen = {"requests": 0, "accepted": 0, "refused": 0}

    @settings(
        max_examples=max(REQUESTS // AT_ONCE, 1),
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(many())
    @example([(b"", True, []), (b"", False, []), (b"{}", True, [(b"content-length", b"9")])])
    def check(deliveries):
        answers, taken = run(running, deliveries)
        assert {status for *_, status in answers} <= ALLOWED
        for is_signed, body, status in answers:
            assert status != 202 or (is_signed and body)
        accepted = sum(status == 202 for *_, status in answers)
        assert taken == accepted
        seen["requests"] += len(answers)
        seen["accepted"] += accepted
        seen["refused"] += len(answers) - accepted

    check()
    running(nothing_broke)
    assert seen["accepted"] > seen["requests"] // 10
    assert seen["refused"] > seen["requests"] // 10
