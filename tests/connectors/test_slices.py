"""What answers say is left of a slice of time is kept to."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from connectors.contract import Request
from connectors.exchange import Exchange, limiter_of
from connectors.limits import SECOND, Quota
from connectors.slices import SliceKeeper
from connectors.toast.access import SLICES
from tests.connectors.provider import Asked, provider

NOW = 1_772_000_000
READ = Request(method="GET", path="/orders")
MENUS = Request(method="GET", path="/menus", budget="menus")
NO_WAIT = 0.02


class Slicing:
    """A provider that counts by whole seconds of its clock, in which others call, too."""

    def __init__(self, calls: int, others: int = 0) -> None:
        self.calls, self.others = calls, others
        self.second, self.left, self.refused = 0, 0, 0

    def answer(self, _: Asked) -> tuple[int, dict[str, str], bytes]:
        now = time.time_ns() // SECOND
        if now != self.second:
            self.second, self.left = now, self.calls - self.others
        status = 200 if self.left else 429
        self.refused += not self.left
        self.left = max(0, self.left - 1)
        return status, headers(self.left, now + 1), b"{}"


def headers(left: object, ends: object, of: str = "GLOBAL") -> dict[str, str]:
    return {
        "x-toast-ratelimit-by": of,
        "x-toast-ratelimit-remaining": f"{left}",
        "x-toast-ratelimit-reset": f"{ends}",
    }


class Keeper(SliceKeeper):
    """One whose clock is set by hand."""

    def __init__(self) -> None:
        self.now_s = NOW
        super().__init__(SLICES, lambda: self.now_s * SECOND)

    async def called(self, request: Request, told: dict[str, str] | None) -> None:
        await self.enter(request)
        self.leave(request, told)

    async def lets_in(self, request: Request) -> bool:
        try:
            async with asyncio.timeout(NO_WAIT):
                await self.enter(request)
        except TimeoutError:
            return False
        return True


@pytest.mark.parametrize("delay_s", [0.0, 0.15])
async def test_a_budget_that_others_use_too_is_never_overdrawn(delay_s: float) -> None:
    there_is = Slicing(9, others=4)
    async with provider(there_is.answer, delay_s=delay_s) as there:
        limiters = {"default": (limiter_of(SLICES), limiter_of(Quota(9, 1)))}
        async with Exchange(there.url, limiters=limiters) as way:
            await asyncio.gather(*(way.ask(READ) for _ in range(16)))
    assert len(there.asked) == 16
    assert there_is.refused == 0


async def test_a_call_that_was_refused_is_made_again_when_the_slice_begins() -> None:
    said = [(429, headers(0, time.time_ns() // SECOND + 1), b""), (200, {}, b"{}")]
    ends = int(said[0][1]["x-toast-ratelimit-reset"]) * SECOND
    at: list[int] = []

    def answer(_: Asked) -> tuple[int, dict[str, str], bytes]:
        at.append(time.time_ns())
        return said[len(at) - 1]

    async with provider(answer) as there:
        limiters = {"default": (limiter_of(SLICES),)}
        async with Exchange(there.url, limiters=limiters) as way:
            await way.ask(READ)
    assert at[1] >= ends


async def test_what_is_under_way_may_not_be_counted_yet_and_takes_of_what_is_left() -> None:
    keeper = Keeper()
    await keeper.called(READ, headers(9, NOW + 5))
    for _ in range(3):
        await keeper.enter(READ)
    keeper.leave(READ, headers(3, NOW + 5))
    assert await keeper.lets_in(READ)
    assert not await keeper.lets_in(READ)


async def test_the_limit_of_one_kind_of_call_holds_only_that_kind() -> None:
    keeper = Keeper()
    await keeper.called(MENUS, headers(0, NOW + 5, "ENDPOINT, ACCOUNT"))
    assert not await keeper.lets_in(MENUS)
    assert await keeper.lets_in(READ)


async def test_an_end_that_passed_lets_one_call_try_the_next_slice() -> None:
    keeper = Keeper()
    await keeper.called(READ, headers(0, NOW + 5))
    assert not await keeper.lets_in(READ)
    keeper.now_s += 5
    assert await keeper.lets_in(READ)
    assert not await keeper.lets_in(READ)
    keeper.leave(READ, headers(2, NOW + 10))
    assert await keeper.lets_in(READ)


async def test_of_two_slices_both_are_kept() -> None:
    keeper = Keeper()
    await keeper.called(READ, headers(1, NOW + 900))
    await keeper.called(READ, headers(19, NOW + 1))
    keeper.now_s += 1
    assert not await keeper.lets_in(READ)


@pytest.mark.parametrize("ends", ["", "soon", "-1", "NaN", NOW + 901, NOW - 901, "9" * 5000])
async def test_what_no_right_clock_says_holds_nobody_up(ends: object) -> None:
    keeper = Keeper()
    await keeper.called(READ, headers(0, ends))
    assert await keeper.lets_in(READ)
    assert await keeper.lets_in(READ)


async def test_a_call_without_an_answer_says_nothing() -> None:
    keeper = Keeper()
    await keeper.called(READ, headers(1, NOW + 5))
    await keeper.called(READ, None)
    assert not await keeper.lets_in(READ)


@pytest.mark.parametrize("looks", range(1, 4))
async def test_a_slice_that_ends_between_two_looks_at_the_clock_holds_nobody_up(
    looks: int,
) -> None:
    """Nobody else calls: who waits for a call to end waits for ever."""
    seen = 0

    def clock() -> int:
        nonlocal seen
        seen += 1
        return (NOW if seen <= looks + 2 else NOW + 5) * SECOND

    keeper = SliceKeeper(SLICES, clock)
    await keeper.enter(READ)
    keeper.leave(READ, headers(0, NOW + 5))
    async with asyncio.timeout(10 * NO_WAIT):
        await keeper.enter(READ)


@pytest.mark.parametrize("skew_s", [-420, -3, 3, 420])
async def test_a_slice_ends_by_the_clock_of_the_provider_that_told_of_it(skew_s: int) -> None:
    keeper = Keeper()
    date = format_datetime(datetime.fromtimestamp(NOW + skew_s, UTC), usegmt=True)
    await keeper.called(READ, headers(0, NOW + skew_s + 5) | {"date": date})
    keeper.now_s += 5
    assert not await keeper.lets_in(READ), "the Date may be of a second before"
    keeper.now_s += 1
    assert await keeper.lets_in(READ)
