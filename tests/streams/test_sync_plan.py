"""When accounts are polled, and what a run asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from schemas.account import Account
from schemas.sync import Command, CommandKind, SyncKind, SyncRun, SyncStatus
from streams.sync.plan import (
    SLICE,
    days_before,
    history_of,
    next_due,
    ordered,
    resumed,
    scheduled,
    slices,
    sync_id,
)

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ACCOUNT = Account(
    account_id="a1",
    tenant_id="t1",
    provider="square",
    merchant="M1",
    location_id="L1",
    location_name="Mill Lane",
    timezone="UTC",
    created_at=NOON - timedelta(days=1),
    updated_at=NOON - timedelta(days=1),
)


class Spans:
    history_days = 90
    daily_days = 3


def a_run(minute: int, status: SyncStatus, **given: object) -> SyncRun:
    began = NOON + minute * MINUTE
    fields = {
        "tenant_id": "t1",
        "account_id": "a1",
        "sync_id": sync_id(began, "scheduled"),
        "kind": SyncKind.SCHEDULED,
        "status": status,
        "started_at": began,
        "since": began - 15 * MINUTE,
        "until": began,
        "watermark": began if status is SyncStatus.COMPLETED else None,
    }
    return SyncRun(**{**fields, **given})  # type: ignore[arg-type]


def test_a_poll_reaches_back_behind_the_watermark_by_the_lookback() -> None:
    history = history_of([a_run(0, SyncStatus.COMPLETED)])
    order = scheduled(ACCOUNT, history, NOON + 15 * MINUTE, lookback_s=600)
    assert (order.since, order.until) == (NOON - 10 * MINUTE, NOON + 15 * MINUTE)
    assert not order.snapshot


def test_the_first_poll_asks_for_the_whole_catalogue_and_begins_when_connected() -> None:
    order = scheduled(ACCOUNT, history_of([]), NOON, lookback_s=600)
    assert order.snapshot
    assert order.since == ACCOUNT.created_at - 10 * MINUTE


def test_a_failed_run_does_not_move_the_watermark_so_the_next_covers_its_window() -> None:
    runs = [a_run(0, SyncStatus.COMPLETED), a_run(15, SyncStatus.FAILED, watermark=NOON)]
    history = history_of(runs)
    assert history.watermark == NOON
    assert history.failures == 1
    assert scheduled(ACCOUNT, history, NOON + 30 * MINUTE, 0).since == NOON


def test_failures_are_counted_up_to_the_last_success() -> None:
    states = [SyncStatus.FAILED, SyncStatus.COMPLETED, SyncStatus.FAILED, SyncStatus.FAILED]
    runs = [a_run(n, state) for n, state in enumerate(states)]
    assert history_of(reversed(runs)).failures == 2


def test_an_interrupted_import_goes_on_where_its_last_slice_ended() -> None:
    run = a_run(
        0,
        SyncStatus.RUNNING,
        kind=SyncKind.HISTORICAL,
        since=NOON - timedelta(days=30),
        until=NOON,
        done_until=NOON - timedelta(days=9),
        fetched=700,
    )
    (unfinished,) = history_of([run]).unfinished
    order = resumed(unfinished)
    assert (order.since, order.until, order.fetched) == (
        NOON - timedelta(days=9),
        NOON,
        700,
    )
    assert order.begun
    assert not order.snapshot


def test_a_command_gives_the_same_run_however_often_it_is_read() -> None:
    command = Command(
        command_id="c1",
        tenant_id="t1",
        account_id="a1",
        kind=CommandKind.IMPORT_HISTORY,
        requested_by="key",
        requested_at=NOON,
    )
    history = history_of([])
    one = ordered(command, ACCOUNT, history, 600, Spans)
    assert one == ordered(command, ACCOUNT, history, 600, Spans)
    assert one.kind is SyncKind.HISTORICAL
    assert (one.since, one.until) == (days_before(NOON, 90, ACCOUNT), NOON)


@given(
    st.timedeltas(timedelta(0), timedelta(days=400)).map(lambda age: NOON - age),
    st.integers(1, 400),
)
def test_an_import_of_some_days_begins_with_the_first_of_them(now: datetime, days: int) -> None:
    since = days_before(now, days, ACCOUNT)
    first = ACCOUNT.calendar.day_of(since)
    assert since == ACCOUNT.calendar.begins(first)
    assert ACCOUNT.calendar.day_of(now) - first == timedelta(days=days)


@given(
    st.timedeltas(timedelta(0), timedelta(days=4_000)).map(lambda age: NOON - age),
    st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)),
)
def test_slices_cover_the_whole_window_once(since: datetime, length: timedelta) -> None:
    parts = list(slices(since, since + length, SLICE))
    assert sum((end - begin for begin, end in parts), timedelta(0)) == length
    assert all(a[1] == b[0] for a, b in pairwise(parts))
    assert all(timedelta(0) < end - begin <= SLICE for begin, end in parts)


def test_after_failures_retries_come_soon_then_the_interval_holds_then_pauses_grow() -> None:
    waits = [
        (
            next_due(NOON, failures, interval_s=900, quick_retries=3, opens_after=5) - NOON
        ).total_seconds()
        for failures in range(10)
    ]
    assert waits == [900, 30, 60, 120, 900, 1800, 3600, 7200, 14400, 21600]


@given(st.lists(st.timedeltas(timedelta(0), timedelta(days=4_000)), min_size=2, max_size=5))
def test_sync_ids_sort_by_time(ages: list[timedelta]) -> None:
    ids = [sync_id(NOON - age, "x") for age in sorted(ages, reverse=True)]
    assert ids == sorted(ids)
