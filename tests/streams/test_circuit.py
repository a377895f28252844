"""Who fails again and again is asked less and less, and people hear of it once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.contract import TransientError
from schemas.sync import Circuit, SyncControl, SyncKind, SyncRun, SyncStatus
from streams.stages.runs import circuit_event
from streams.sync.circuit import (
    PAUSE_MAX_S,
    PROVIDER_PAUSE_S,
    Standing,
    after_run,
    pause_s,
    provider_is_open,
    provider_probe_due,
)
from streams.sync.plan import sync_id
from tests.streams.stage_kit import MILL_LANE
from tests.streams.sync_kit import NOW, Shop, until

OPENS = 3
MINUTE = timedelta(minutes=1)


def standing(failures: int, minutes_ago: int) -> Standing:
    return Standing(failures=failures, last_at=NOW - minutes_ago * MINUTE)


def test_a_circuit_opens_once_stays_open_and_recovers_once() -> None:
    ends = [after_run(failures, OPENS, done=False) for failures in range(5)]
    assert ends == [
        Circuit.CLOSED,
        Circuit.CLOSED,
        Circuit.OPENED,
        Circuit.OPEN,
        Circuit.OPEN,
    ]
    assert after_run(5, OPENS, done=True) is Circuit.RECOVERED
    assert after_run(2, OPENS, done=True) is Circuit.CLOSED


@given(st.integers(0, 500), st.integers(1, 100), st.integers(60, 86_400))
def test_pauses_never_shrink_and_have_an_end(failures: int, opens: int, interval: int) -> None:
    now, later = (pause_s(number, opens, interval) for number in (failures, failures + 1))
    assert interval <= now <= later <= max(PAUSE_MAX_S, interval)


def test_a_provider_is_in_trouble_when_most_of_its_accounts_fail_and_the_newest_did() -> None:
    failing = [standing(2, minutes) for minutes in (1, 2, 3)]
    assert provider_is_open([*failing, standing(0, 4), standing(0, 5)])
    assert not provider_is_open(failing[:2])
    assert not provider_is_open([*failing, *[standing(0, 9)] * 4])
    assert not provider_is_open([*failing, standing(0, 0)])
    assert not provider_is_open([])
    never = Standing(failures=0, last_at=None)
    assert provider_is_open([*failing, never, never, never, never])


def test_one_account_of_a_provider_in_trouble_may_try_after_a_growing_pause() -> None:
    once = [standing(1, minutes) for minutes in (1, 2, 3)]
    again = [standing(3, minutes) for minutes in (1, 2, 3)]
    pauses = [provider_probe_due(it) for it in (once, again)]
    last = NOW - MINUTE
    assert pauses == [
        last + timedelta(seconds=PROVIDER_PAUSE_S),
        last + timedelta(seconds=4 * PROVIDER_PAUSE_S),
    ]
    assert provider_probe_due([standing(0, 1)]) is None


def a_control(status: SyncStatus, circuit: Circuit, failures: int) -> SyncControl:
    return SyncControl(
        sync_id="s",
        kind=SyncKind.SCHEDULED,
        status=status,
        at=NOW,
        started_at=NOW,
        since=NOW,
        until=NOW,
        error="503" if status is SyncStatus.FAILED else None,
        error_type="provider_unavailable" if status is SyncStatus.FAILED else None,
        consecutive_failures=failures,
        circuit=circuit,
    )


def a_run(status: SyncStatus, minutes_ago: int) -> SyncRun:
    at = NOW - minutes_ago * MINUTE
    return SyncRun(
        tenant_id="bakers",
        account_id="mill-lane",
        sync_id=sync_id(at, "scheduled"),
        kind=SyncKind.SCHEDULED,
        status=status,
        started_at=at,
        since=at,
        until=at,
    )


def test_people_hear_of_failures_then_once_of_the_pause_and_once_of_the_recovery() -> None:
    story = [
        (SyncStatus.FAILED, Circuit.CLOSED, 1),
        (SyncStatus.FAILED, Circuit.OPENED, 3),
        (SyncStatus.FAILED, Circuit.OPEN, 4),
        (SyncStatus.COMPLETED, Circuit.RECOVERED, 4),
        (SyncStatus.COMPLETED, Circuit.CLOSED, 0),
    ]
    told = []
    for status, circuit, failures in story:
        control = a_control(status, circuit, failures)
        event = circuit_event(a_run(status, 0), MILL_LANE, control)
        if event is not None:
            asks = event.action_required is not None
            told.append((event.error_type.value, event.consecutive_failures, asks))
    assert told == [
        ("provider_unavailable", 1, False),
        ("circuit_open", 3, True),
        ("recovered", 0, False),
    ]


async def test_polls_of_an_account_that_fails_pause_and_the_probe_closes_the_circuit() -> None:
    shop = Shop()
    shop.till.troubles = [TransientError("503")] * 9
    async with shop.open() as service:
        for failed in range(1, 4):
            await until(lambda failed=failed: len(shop.arrivals.ended()) == failed)  # type: ignore[misc]
            if failed < 3:
                shop.clock.now += timedelta(seconds=61)
        assert service.open_circuits()["square", "account"] == 1
        assert shop.arrivals.controls[-1].circuit is Circuit.OPENED
        shop.clock.now += timedelta(seconds=1799)
        service.look_again()
        assert len(shop.arrivals.ended()) == 3
        shop.clock.now += timedelta(seconds=2)
        await until(lambda: len(shop.arrivals.ended()) == 4)
        assert service.open_circuits()["square", "account"] == 0
    last = shop.arrivals.controls[-1]
    assert (last.status, last.circuit) == (SyncStatus.COMPLETED, Circuit.RECOVERED)
    assert shop.till.windows[-1][0] == shop.till.windows[0][0]


async def test_after_a_restart_an_open_circuit_is_still_open() -> None:
    shop = Shop(runs=[a_run(SyncStatus.FAILED, minutes) for minutes in (10, 9, 8)])
    async with shop.open() as service:
        await until(lambda: service.open_circuits()["square", "account"] == 1)
        assert shop.arrivals.ended() == []


async def test_of_a_provider_in_trouble_only_one_account_tries_until_one_succeeds() -> None:
    class Chain(Shop):
        """Four bakeries that all failed last."""

        def all_accounts(self):  # type: ignore[no-untyped-def]
            return [replace(MILL_LANE, account_id=f"b{number}") for number in range(4)]

    shop = Chain(runs=[a_run(SyncStatus.FAILED, 20)])
    shop.till.troubles = [TransientError("503")] * 3
    async with shop.open() as service:
        await until(lambda: len(shop.arrivals.ended()) == 1)
        assert service.open_circuits()["square", "provider"] == 1
        assert len(shop.till.windows) == 3  # one run and its two retries: the others wait
        shop.clock.now = datetime(2026, 5, 4, 13, 0, tzinfo=UTC)
        await until(lambda: len(shop.arrivals.ended()) >= 5)
        assert service.open_circuits()["square", "provider"] == 0
