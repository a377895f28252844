"""Rate limits against a provider that counts what reaches it."""

from __future__ import annotations

import asyncio
import time

import pytest

from connectors.catalogue import ACCESSES
from connectors.contract import Request
from connectors.exchange import Exchange, limiter_of
from connectors.lightspeed_r.access import cost
from connectors.limits import Bucket, LeakyBucket, Quota, Scope, Window
from connectors.toast.access import SLICES
from tests.connectors.provider import Asked, busiest, provider

READ = Request(method="GET", path="/things")


@pytest.mark.parametrize("delay_s", [0.0, 0.15])
async def test_a_quota_is_never_passed_in_any_window_however_slow_the_answers(
    delay_s: float,
) -> None:
    async with provider(lambda _: (200, {}, b"{}"), delay_s=delay_s) as there:
        limiters = {"default": (limiter_of(Quota(5, 1)),)}
        async with Exchange(there.url, limiters=limiters) as way:
            await asyncio.gather(*(way.ask(READ) for _ in range(11)))
    assert len(there.asked) == 11
    assert busiest(there.asked, 1) == 5


async def test_a_place_is_free_again_only_a_window_after_the_answer() -> None:
    window = Window(Quota(1, 1))
    await window.enter(READ)
    await asyncio.sleep(0.3)
    begun = time.monotonic()
    window.leave(READ, None)
    await window.enter(READ)
    assert time.monotonic() - begun >= 1


async def test_who_gives_up_waiting_takes_no_place() -> None:
    window = Window(Quota(1, 60))
    await window.enter(READ)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await window.enter(READ)
    assert window._inside == 1


class LeakyProvider:
    """A bucket as the R-Series has it: it tells its level, and refuses what overflows."""

    def __init__(self, size: float, drip: float, level: float = 0.0) -> None:
        self.size, self.drip, self.level = size, drip, level
        self.at = time.monotonic()
        self.highest = level

    def answer(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        now = time.monotonic()
        self.level = max(0.0, self.level - (now - self.at) * self.drip)
        self.at = now
        price = 3.0 if asked.path == "/dear" else 1.0
        self.highest = max(self.highest, self.level + price)
        status = 200
        if self.level + price > self.size:
            status = 429
        else:
            self.level += price
        level = f"{self.level:.2f}/{self.size:g}"
        return status, {"X-LS-Level": level, "X-LS-Drip": f"{self.drip:g}"}, b"{}"


def bucket(size: int = 10, drip: int = 1) -> Bucket:
    return Bucket(
        size=size,
        drip=drip,
        level_header="x-ls-level",
        drip_header="x-ls-drip",
        cost=lambda request: 3000 if request.path == "/dear" else 1000,
    )


@pytest.mark.parametrize(("level", "at_once"), [(0.0, 1), (0.0, 20), (6.5, 20)])
async def test_the_leaky_bucket_never_runs_over(level: float, at_once: int) -> None:
    there_is = LeakyProvider(10, 20, level)
    gate = asyncio.Semaphore(at_once)
    async with provider(there_is.answer, delay_s=0.01) as there:
        limiters = {"default": (LeakyBucket(bucket()),)}
        async with Exchange(there.url, limiters=limiters, attempts=1) as way:

            async def one(number: int) -> None:
                async with gate:
                    path = "/dear" if number % 5 == 0 else "/things"
                    await way.ask(Request(method="GET", path=path))

            await asyncio.gather(*(one(number) for number in range(30)))
    assert len(there.asked) == 30
    assert there_is.highest <= 10


async def test_an_answer_that_knows_nothing_of_a_call_under_way_makes_no_room_for_another() -> (
    None
):
    limiter = LeakyBucket(bucket(size=2))
    await limiter.enter(READ)
    limiter.leave(READ, {"x-ls-level": "0/2"})
    await limiter.enter(READ)
    await limiter.enter(READ)
    limiter.leave(READ, {"x-ls-level": "1/2"})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await limiter.enter(READ)


async def test_the_bucket_believes_the_provider_about_its_size_and_drip() -> None:
    limiter = LeakyBucket(bucket(size=90, drip=1))
    await limiter.enter(READ)
    limiter.leave(READ, {"x-ls-level": "99.57/100", "x-ls-drip": "4.5"})
    begun = time.monotonic()
    await limiter.enter(READ)
    assert 0.1 <= time.monotonic() - begun < 0.5


@pytest.mark.parametrize("text", ["", "many/90", "-1/90", "NaN/90", "1e99/90", "∞/1", "5"])
async def test_a_level_that_cannot_be_read_is_passed_over(text: str) -> None:
    limiter = LeakyBucket(bucket())
    await limiter.enter(READ)
    limiter.leave(READ, {"x-ls-level": text, "x-ls-drip": text})
    async with asyncio.timeout(2):
        await limiter.enter(READ)


def test_a_list_with_relations_costs_a_fraction_for_each_twice() -> None:
    assert cost(READ) == 1000
    two = Request(method="GET", path="/", query=(("load_relations", '["A","B"]'),))
    assert cost(two) == 1000 + 2 * 400


def test_toast_is_counted_over_all_calls_of_the_application_and_each_location_apart() -> None:
    limits = ACCESSES["toast"].limits
    over_all = (
        Quota(20, 1, Scope.APPLICATION),
        Quota(10_000, 900, Scope.APPLICATION),
        SLICES,
    )
    assert limits["default"] == over_all
    assert limits["orders-bulk"] == (Quota(5, 1, Scope.ACCOUNT), *over_all)
    assert limits["menus"] == (Quota(1, 1, Scope.ACCOUNT), *over_all)
