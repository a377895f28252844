"""Attempts to be let in, as several processes see them in one log."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
import pytest_asyncio
from msgspec.structs import replace

from schemas.authorization import Authorization, AuthorizationStep, following
from streams.authorizations import Authorizations
from tests.streams.desk import LANES, desk

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
STARTED = Authorization(
    authorization_id="A1",
    tenant_id="t",
    provider="square",
    step=AuthorizationStep.STARTED,
    requested_by="default",
    started_at=NOW,
    expires_at=NOW + timedelta(minutes=10),
)
ONE = replace(STARTED, step=AuthorizationStep.CLAIMED, claimed_by="one")
OTHER = replace(STARTED, step=AuthorizationStep.CLAIMED, claimed_by="other")


@pytest_asyncio.fixture
async def processes(tmp_path):
    """What three processes that serve have of one log."""
    async with desk(tmp_path) as made:
        followers = [Authorizations(made.log, lambda: NOW, lanes=LANES) for _ in range(3)]
        for one in followers:
            await one.start()
        yield followers
        for one in followers:
            await one.stop()


def stands(*rows: Authorization) -> Authorization | None:
    known = None
    for row in rows:
        known = following(known, row)
    return known


@pytest.mark.parametrize(("first", "second"), permutations((ONE, OTHER)))
def test_the_first_claim_wins_and_only_who_won_is_heard(first, second) -> None:
    late = replace(second, step=AuthorizationStep.GRANTED)
    done = replace(first, step=AuthorizationStep.GRANTED)
    assert stands(STARTED, first, second) == first
    assert stands(STARTED, first, second, late) == first
    assert stands(STARTED, first, late, done) == done


def test_what_is_over_cannot_be_begun_or_claimed_again() -> None:
    for step in (AuthorizationStep.FAILED, AuthorizationStep.GRANTED):
        over = replace(ONE, step=step)
        assert stands(STARTED, ONE, over, STARTED, OTHER) == over


def test_nothing_is_claimed_that_never_began() -> None:
    assert stands(ONE) is None


async def test_of_several_processes_exactly_one_may_go_on(processes) -> None:
    first, *others = processes
    for number in range(10):
        begun = replace(STARTED, authorization_id=f"A{number}")
        await first.put(begun)
        seen = [await one.find(begun.authorization_id) for one in processes]
        assert seen == [begun] * len(processes)
        claims = await asyncio.gather(*(one.claim(begun) for one in (first, *others)))
        assert sum(claim is not None for claim in claims) == 1
        (won,) = [claim for claim in claims if claim is not None]
        assert {one.get(begun.authorization_id).claimed_by for one in processes} == {
            won.claimed_by
        }


async def test_what_is_long_over_is_forgotten(processes) -> None:
    one = processes[0]
    old = replace(STARTED, authorization_id="OLD", expires_at=NOW - timedelta(days=2))
    await one.put(old)
    await one.put(STARTED)
    assert one.get("OLD") is None
    assert one.get("A1") == STARTED
