"""Sync runs after a crash, a lost lane or a log that was away: gone on with, and ended once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.sync import (
    SyncKind,
    SyncRun,
    SyncStatus,
)
from streams.log import LogUnavailableError
from streams.sync.plan import sync_id
from streams.views import NotReadyError
from tests.streams.sync_kit import NOW, Arrivals, Shop, a_command, a_run, until


async def test_an_import_that_a_crash_interrupted_goes_on_at_its_last_slice() -> None:
    begun = NOW - timedelta(minutes=5)
    run = SyncRun(
        tenant_id="bakers",
        account_id="mill-lane",
        sync_id=sync_id(begun, "c9"),
        kind=SyncKind.HISTORICAL,
        status=SyncStatus.RUNNING,
        started_at=begun,
        since=NOW - timedelta(days=30),
        until=NOW,
        done_until=NOW - timedelta(days=3),
        fetched=70,
    )
    shop = Shop(runs=[run])
    async with shop.open():
        await until(
            lambda: (SyncKind.HISTORICAL, SyncStatus.COMPLETED) in shop.arrivals.ended()
        )
    assert shop.till.windows[0] == (NOW - timedelta(days=3), NOW)
    (done,) = [
        it
        for it in shop.arrivals.controls
        if it.kind is SyncKind.HISTORICAL and it.status is SyncStatus.COMPLETED
    ]
    assert (done.sync_id, done.fetched) == (run.sync_id, 71)


async def test_while_the_log_is_down_nothing_is_lost_and_the_run_comes_later() -> None:
    shop = Shop()
    shop.arrivals.down = True
    async with shop.open():
        await asyncio.sleep(0.05)
        assert shop.arrivals.controls == []
        shop.arrivals.down = False
        await until(lambda: len(shop.arrivals.ended()) == 1)
    assert shop.arrivals.ended() == [(SyncKind.SCHEDULED, SyncStatus.COMPLETED)]


async def test_a_run_that_ended_unseen_before_a_restart_is_not_carried_on() -> None:
    shop, begun = Shop(), NOW - timedelta(seconds=1)
    run = SyncRun(
        tenant_id="bakers",
        account_id="mill-lane",
        sync_id=sync_id(begun, "c9"),
        kind=SyncKind.HISTORICAL,
        status=SyncStatus.RUNNING,
        started_at=begun,
        since=begun - timedelta(days=30),
        until=begun,
    )
    shop.runs = [run]
    shop.is_settled.clear()
    async with shop.open():
        await asyncio.sleep(0.02)
        shop.runs = [replace(run, status=SyncStatus.COMPLETED)]
        shop.is_settled.set()
        await until(lambda: len(shop.arrivals.ended()) == 1)
    assert {it.sync_id for it in shop.arrivals.controls} == {sync_id(NOW, "scheduled")}


async def test_a_run_whose_end_was_kept_although_its_write_failed_is_not_carried_on() -> None:
    class Ambiguous(Arrivals):
        async def append(self, *given: Any, **named: Any) -> None:
            await super().append(*given, **named)
            if len(self.ended()) == 1 and not shop.runs:
                ended = self.controls[-1]
                shop.runs = [replace(a_run(ended), status=ended.status)]
                raise LogUnavailableError("no answer")

    shop = Shop()
    shop.arrivals = Ambiguous()
    async with shop.open():
        await until(lambda: len(shop.arrivals.ended()) == 1)
        await asyncio.sleep(0.02)
        shop.clock.now += timedelta(seconds=901)
        await until(lambda: len(shop.arrivals.ended()) == 2)
    ids = [it.sync_id for it in shop.arrivals.controls if it.status is SyncStatus.COMPLETED]
    assert len(set(ids)) == 2


async def test_a_command_whose_begin_could_not_be_written_is_carried_out_when_it_can() -> None:
    shop = Shop()
    async with shop.open() as service:
        await until(lambda: len(shop.arrivals.ended()) == 1)
        shop.arrivals.down = True
        with pytest.raises(LogUnavailableError):
            await service.handle([a_command()])
        shop.arrivals.down = False
        await service.handle([a_command()])
        await until(lambda: len(shop.arrivals.ended()) == 2)
    assert shop.arrivals.ended()[1] == (SyncKind.HISTORICAL, SyncStatus.COMPLETED)


async def test_a_command_of_a_run_that_has_ended_is_not_carried_out_again() -> None:
    shop = Shop()
    async with shop.open() as service:
        await service.handle([a_command()])
        await until(lambda: len(shop.arrivals.ended()) == 2)
        shop.runs = [
            replace(a_run(it), status=it.status)
            for it in shop.arrivals.controls
            if it.status is not SyncStatus.RUNNING
        ]
        shop.tenure = object()
        service.look_again()
        await service.handle([a_command()])
        await asyncio.sleep(0.02)
    assert len(shop.arrivals.ended()) == 2


async def test_a_table_that_is_being_rebuilt_only_delays_the_first_poll() -> None:
    class Rebuilding(Shop):
        looks = 0

        def scan(self, table: str, lane: int, prefix: bytes) -> list[tuple[bytes, bytes]]:
            self.looks += table == "normalise.syncs"
            if self.looks == 1:
                raise NotReadyError("being rebuilt")
            return super().scan(table, lane, prefix)

    shop = Rebuilding()
    async with shop.open():
        await until(lambda: len(shop.arrivals.ended()) == 1)
    assert shop.looks == 2


async def test_a_lane_that_leaves_takes_its_polls_along_and_the_next_finds_the_run() -> None:
    shop = Shop()
    shop.till.stalls = asyncio.Event()
    async with shop.open() as service:
        await until(lambda: shop.till.running == 1)
        shop.tenure = None
        service.look_again()
        await until(lambda: shop.till.running == 0)
        service.look_again()
        await asyncio.sleep(0.02)
        assert shop.till.snapshots == 1, "an account of another process was polled"
        begun = shop.arrivals.controls[-1]
        shop.runs = [a_run(begun)]
        shop.till.stalls, shop.tenure = None, object()
        service.look_again()
        await until(lambda: len(shop.arrivals.ended()) == 1)
    assert shop.arrivals.controls[-1].sync_id == begun.sync_id


async def test_a_lane_that_came_is_not_polled_before_its_past_is_in_the_tables() -> None:
    shop = Shop()
    shop.is_settled.clear()
    async with shop.open() as service:
        command = asyncio.create_task(service.handle([a_command()]))
        await asyncio.sleep(0.05)
        assert shop.till.windows == []
        assert not command.done()
        shop.is_settled.set()
        await command
        await until(lambda: len(shop.arrivals.ended()) == 2)


async def test_a_lane_that_another_had_in_between_is_looked_up_in_the_log_again() -> None:
    shop = Shop()
    async with shop.open() as service:
        await until(lambda: len(shop.arrivals.ended()) == 1)
        begun = replace(shop.arrivals.controls[0], sync_id=sync_id(NOW, "by-another"))
        shop.runs = [a_run(begun)]
        shop.tenure = object()
        service.look_again()
        await until(lambda: len(shop.arrivals.ended()) == 2)
    assert shop.arrivals.controls[-1].sync_id == begun.sync_id
