"""A provider, a log and a service of sync runs, all scripted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.contract import Page
from schemas import topics
from schemas.account import Account
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
from streams.sync.days import DayChecks
from streams.sync.run import SyncRunner
from streams.sync.service import SyncService
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
    daily_days = 0
    reconcile_after_s = 0
    circuit_failures = 3
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
        if table == "normalise.reconciliations":
            return []
        assert table == "normalise.syncs"
        return [(run.sync_id.encode(), pack(run)) for run in self.runs]

    async def settle(self, lanes: Any, timeout_s: float, *, stages: Any) -> None:
        assert stages == ("normalise",)
        await self.is_settled.wait()

    def service(self) -> SyncService:
        runner = SyncRunner(
            self.arrivals,  # type: ignore[arg-type]
            self.till,  # type: ignore[arg-type]
            self.clock,
            retries=2,
            first_wait_s=0,
            opens_after=Settings.circuit_failures,
        )
        return SyncService(
            accounts=self,
            connectors={"square": self.till},  # type: ignore[dict-item]
            runner=runner,
            days=DayChecks(
                ingest=self.arrivals,  # type: ignore[arg-type]
                exchanges=self.till,  # type: ignore[arg-type]
                runner=runner,
                views=self,  # type: ignore[arg-type]
                settings=Settings,  # type: ignore[arg-type]
                clock=self.clock,
            ),
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
