"""A limit of time that a process which stood still does not exceed by that."""

from __future__ import annotations

import asyncio
import time

import pytest

from connectors.awake import awake_for


async def test_an_answer_that_came_while_the_process_stood_still_is_read() -> None:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()

    def stand_still() -> None:
        time.sleep(2.5)
        # a socket is read, and what was read understood, some passes of the loop later
        loop.call_soon(loop.call_soon, loop.call_soon, answer.set_result, "pair")

    loop.call_later(0.02, stand_still)
    async with awake_for(2):
        assert await answer == "pair"


async def test_who_is_awake_waits_no_longer_than_that() -> None:
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        async with awake_for(1):
            await asyncio.sleep(30)
    assert time.monotonic() - begun < 20


async def test_nothing_is_left_behind_by_what_ended_in_time() -> None:
    async with awake_for(1):
        pass
    await asyncio.sleep(1.2)
