"""Sync runs as the service carries them out: once, resumed, repeated, never twice at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from connectors.contract import CredentialsError, Page, TransientError
from schemas import topics
from schemas.account import Account, AccountStatus
from schemas.codec import encode, pack
from schemas.raw import Channel
from schemas.sync import (
    Command,
    CommandKind,
    SyncControl,
    SyncKind,
    SyncRun,
    SyncStatus,
)
from streams.log import LogUnavailableError, Record
from streams.sync.plan import sync_id
from streams.sync.run import SyncRunner
from streams.sync.service import SyncService
from streams.views import NotReadyError
from tests.streams.stage_kit import MILL_LANE

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Till:
    """A provider that answers as the script says: bodies, or an error."""

    provider = "square"
    lookback_s = 600

    def __init__(self) -> None:
        self.windows: list[tuple[datetime, datetime]] = []
        self.snapshots = 0
        self.troubles: list[Exception] = []
        self.running = 0
        self.most = 0
        self.stalls: asyncio.Event | None = None

    def poll(self, shop: object, since: datetime, until: datetime) -> Any:
        self.windows.append((since, until))
        if self.troubles:
            raise self.troubles.pop(0)
        yield Page(resource="order", bodies=(b"{}",))

    def snapshot(self, shop: object) -> Any:
        self.snapshots += 1
        yield Page(resource="catalog_object", bodies=(b"{}",))

    def of(self, account: Account) -> Till:
        return self

    async def converse(self, conversation: Any) -> AsyncIterator[Page]:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            for page in conversation:
                await (self.stalls.wait() if self.stalls else asyncio.sleep(0))
                yield page
        finally:
            self.running -= 1


class Arrivals:
    """What was appended; `down` makes the log unavailable."""

    def __init__(self) -> None:
        self.controls: list[SyncControl] = []
        self.bodies: list[tuple[Channel, str | None]] = []
        self.down = False

    async def append(
        self,
        account: Account,
        channel: Channel,
        resource: str,
        bodies: Sequence[bytes],
        *,
        sync_id: str | None = None,
    ) -> None:
        if self.down:
            raise LogUnavailableError("full")
        if channel is Channel.CONTROL:
            self.controls.append(msgspec.json.decode(bodies[0], type=SyncControl))
        else:
            self.bodies += [(channel, sync_id)] * len(bodies)

    def ended(self) -> list[tuple[SyncKind, SyncStatus]]:
        return [
            (it.kind, it.status) for it in self.controls if it.status is not SyncStatus.RUNNING
        ]


class Settings:
    lanes = 2
    sync_retries = 2
    history_days = 30
    concurrent_syncs = 4


class Shop:
    def __init__(self, account: Account = MILL_LANE, runs: Sequence[SyncRun] = ()) -> None:
        self.account_now = account
        self.runs = runs
        self.till, self.arrivals, self.clock = Till(), Arrivals(), Clock()
        self.tenure: object | None = self
        self.is_settled = asyncio.Event()
        self.is_settled.set()

    def all_accounts(self) -> list[Account]:
        return [self.account_now]

    def account(self, account_id: str) -> Account | None:
        return self.account_now if account_id == self.account_now.account_id else None

    def scan(self, table: str, lane: int, prefix: bytes) -> list[tuple[bytes, bytes]]:
        assert table == "normalise.syncs"
        return [(run.sync_id.encode(), pack(run)) for run in self.runs]

    async def settle(self, lanes: Any, timeout_s: float, *, stages: Any) -> None:
        assert stages == ("normalise",)
        await self.is_settled.wait()

    def service(self) -> SyncService:
        runner = SyncRunner(self.arrivals, self.till, self.clock, retries=2, first_wait_s=0)  # type: ignore[arg-type]
        return SyncService(
            accounts=self,
            connectors={"square": self.till},  # type: ignore[dict-item]
            runner=runner,
            views=self,  # type: ignore[arg-type]
            settings=Settings,  # type: ignore[arg-type]
            clock=self.clock,
            tenure=lambda _lane: self.tenure,
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SyncService]:
        service = self.service()
        await service.start()
        try:
            yield service
        finally:
            await service.stop()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - the service wakes by itself
            await asyncio.sleep(0.005)


def a_command(kind: CommandKind = CommandKind.IMPORT_HISTORY, name: str = "c1") -> Record:
    command = Command(
        command_id=name,
        tenant_id="bakers",
        account_id="mill-lane",
        kind=kind,
        requested_by="key",
        requested_at=NOW,
    )
    return Record(topics.COMMANDS, 0, 0, 0, b"mill-lane", encode(command))


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
    assert sum(history, timedelta(0)) == timedelta(days=30)
    assert shop.till.most == 1


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


async def test_a_table_that_is_being_rebuilt_only_delays_the_first_poll() -> None:
    class Rebuilding(Shop):
        looks = 0

        def scan(self, table: str, lane: int, prefix: bytes) -> list[tuple[bytes, bytes]]:
            self.looks += 1
            if self.looks == 1:
                raise NotReadyError("being rebuilt")
            return super().scan(table, lane, prefix)

    shop = Rebuilding()
    async with shop.open():
        await until(lambda: len(shop.arrivals.ended()) == 1)
    assert shop.looks == 2


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


def a_run(begun: SyncControl) -> SyncRun:
    return SyncRun(
        tenant_id="bakers",
        account_id="mill-lane",
        sync_id=begun.sync_id,
        kind=begun.kind,
        status=SyncStatus.RUNNING,
        started_at=begun.started_at,
        since=begun.since,
        until=begun.until,
    )
