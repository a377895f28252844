"""Sync runs as the service carries them out: once, resumed, repeated, never twice at a time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from connectors.contract import CredentialsError, TransientError
from schemas import topics
from schemas.account import AccountStatus
from schemas.codec import encode
from schemas.sync import (
    Command,
    CommandKind,
    SyncKind,
    SyncStatus,
)
from streams.log import Record
from streams.sync.plan import sync_id
from tests.streams.stage_kit import MILL_LANE
from tests.streams.sync_kit import NOW, Shop, a_command, until


async def test_a_new_account_is_polled_at_once_and_then_by_its_interval() -> None:
    shop = Shop()
    async with shop.open() as service:
        await until(lambda: len(shop.arrivals.ended()) == 1)
        assert shop.till.snapshots == 1
        shop.clock.now += timedelta(seconds=899)
        service.look_again()
        await asyncio.sleep(0.02)
        assert len(shop.till.windows) == 1
        shop.clock.now += timedelta(seconds=2)
        await until(lambda: len(shop.arrivals.ended()) == 2)
    assert shop.till.snapshots == 1
    assert shop.till.windows[1] == (NOW - timedelta(seconds=600), shop.clock.now)
    assert shop.arrivals.controls[-1].watermark == shop.clock.now


@pytest.mark.parametrize("status", [AccountStatus.REVOKED, AccountStatus.DISCONNECTED])
async def test_an_account_that_is_not_connected_is_not_polled(status: AccountStatus) -> None:
    shop = Shop(replace(MILL_LANE, status=status))
    async with shop.open():
        await asyncio.sleep(0.05)
    assert shop.till.windows == []


async def test_a_passing_trouble_is_tried_again_within_the_run() -> None:
    shop = Shop()
    shop.till.troubles = [TransientError("503"), TransientError("503")]
    async with shop.open():
        await until(lambda: len(shop.arrivals.ended()) == 1)
    assert shop.arrivals.ended() == [(SyncKind.SCHEDULED, SyncStatus.COMPLETED)]
    assert shop.till.snapshots == 1


async def test_a_run_that_fails_leaves_the_watermark_and_says_what_to_do() -> None:
    shop = Shop()
    shop.till.troubles = [CredentialsError("401")]
    async with shop.open() as service:
        await until(lambda: len(shop.arrivals.ended()) == 1)
        failed = shop.arrivals.controls[-1]
        shop.clock.now += timedelta(seconds=29)
        service.look_again()
        await asyncio.sleep(0.02)
        assert len(shop.arrivals.ended()) == 1
        shop.clock.now += timedelta(seconds=2)
        await until(lambda: len(shop.arrivals.ended()) == 2)
    assert (failed.status, failed.watermark) == (SyncStatus.FAILED, None)
    assert failed.error_type == "authentication_failed"
    assert failed.consecutive_failures == 1
    assert failed.action_required is not None


async def test_a_command_is_in_the_log_before_its_offset_is_committed_and_runs_once() -> None:
    shop = Shop()
    service = shop.service()
    await service.handle([a_command(), a_command()])
    begun = [it for it in shop.arrivals.controls if it.status is SyncStatus.RUNNING]
    assert [it.sync_id for it in begun] == [sync_id(NOW, "c1")]
    await service.start()
    try:
        await until(lambda: len(shop.arrivals.ended()) == 2)
    finally:
        await service.stop()
    assert shop.arrivals.ended()[0] == (SyncKind.HISTORICAL, SyncStatus.COMPLETED)
    history = [end - begin for begin, end in shop.till.windows[:-1]]
    whole_days, since_its_cut_off = timedelta(days=30), timedelta(hours=10)
    assert sum(history, timedelta(0)) == whole_days + since_its_cut_off
    assert shop.till.most == 1


async def test_commands_that_cannot_be_read_or_name_nobody_are_rejected() -> None:
    service = Shop().service()
    stranger = Command(
        command_id="c",
        tenant_id="t",
        account_id="nobody",
        kind=CommandKind.SYNC_NOW,
        requested_by="k",
        requested_at=NOW,
    )
    effects = await service.handle(
        [
            Record(topics.COMMANDS, 0, 0, 0, b"k", b"garbage"),
            Record(topics.COMMANDS, 0, 1, 0, b"k", encode(stranger)),
        ]
    )
    assert [letter.error_type for letter in effects.rejected] == [
        "undecodable",
        "unknown-account",
    ]
