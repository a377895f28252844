"""Polls that break off, windows that overlap, other services that ask: nothing is missed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import structlog

from connectors.catalogue import CONNECTORS, NEVER_ASKED
from connectors.contract import Page, PermanentError
from schemas import topics
from schemas.codec import encode
from schemas.events import SyncCompleted
from schemas.reconciliation import Reconciliation
from schemas.sync import Command, CommandKind, SyncStatus
from streams.log import Out, lane_of
from tests.streams.bakery_kit import DAY, Shop, shop
from tests.streams.sync_kit import Shop as Scripted
from tests.streams.sync_kit import Till, until


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    yield
    structlog.configure(**before)


class BreaksOff(Till):
    """A provider whose second page fails as often as it has troubles."""

    def poll(self, shop: object, since: Any, until: Any) -> Any:
        self.windows.append((since, until))
        yield Page(resource="order", bodies=(b'{"page":1}',))
        if self.troubles:
            raise self.troubles.pop(0)
        yield Page(resource="order", bodies=(b'{"page":2}',))


async def test_a_page_that_fails_in_the_middle_leaves_no_gap_behind_the_watermark() -> None:
    bakery = Scripted()
    bakery.till = BreaksOff()
    bakery.till.troubles = [PermanentError("page 2 cannot be read")]
    async with bakery.open():
        await until(lambda: len(bakery.arrivals.ended()) == 1)
        bakery.clock.now += timedelta(seconds=31)
        await until(lambda: len(bakery.arrivals.ended()) == 2)
    failed, done = (
        it for it in bakery.arrivals.controls if it.status is not SyncStatus.RUNNING
    )
    assert (failed.status, failed.watermark) == (SyncStatus.FAILED, None)
    assert (done.status, done.watermark) == (SyncStatus.COMPLETED, bakery.clock.now)
    (first, _), (again, until_then) = bakery.till.windows
    assert again == first
    assert until_then == bakery.clock.now


async def test_windows_of_polls_always_meet_whatever_happens_between() -> None:
    bakery = Scripted()
    bakery.till = BreaksOff()
    async with bakery.open():
        for number, trouble in enumerate((None, PermanentError("x"), None, None), start=1):
            bakery.till.troubles = [] if trouble is None else [trouble]
            await until(lambda number=number: len(bakery.arrivals.ended()) == number)  # type: ignore[misc]
            bakery.clock.now += timedelta(seconds=901)
    lookback = timedelta(seconds=Till.lookback_s)
    covered = None
    for control in bakery.arrivals.controls:
        if control.status is SyncStatus.COMPLETED:
            assert covered is None or control.since <= covered - lookback
            covered = control.until


def test_every_provider_that_is_polled_looks_back_behind_its_watermark() -> None:
    for name, connector in CONNECTORS.items():
        assert (connector.lookback_s >= 60) or name in NEVER_ASKED, name


async def told(bakery: Shop, kind: CommandKind, **given: Any) -> Command:
    """Ask as another service does: by a record on the topic, with the account as its key."""
    account = bakery.path.rpartition("/")[2]
    command = Command(
        command_id=str(uuid4()),
        tenant_id="bakers",
        account_id=account,
        kind=kind,
        requested_by="accounting",
        requested_at=bakery.clock.now,
        **given,
    )
    out = Out(account.encode(), encode(command), (), lane_of(account.encode(), 2))
    await bakery.house.worker.runtime.log.append(topics.COMMANDS, [out])
    return command


async def answer(bakery: Shop, command: Command) -> SyncCompleted:
    async with asyncio.timeout(30):
        while True:
            for event in await bakery.records(topics.SYNC_COMPLETED, SyncCompleted):
                if event.command_id == command.command_id:
                    return event
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("kind", [CommandKind.RESYNC_RANGE, CommandKind.DAILY])
async def test_sales_that_disagree_are_brought_and_the_answer_names_the_command(
    tmp_path: Path, kind: CommandKind
) -> None:
    async with shop(tmp_path) as bakery:
        calendar = bakery.house.worker.directory.all_accounts()[0].calendar
        span = {"since": calendar.begins(DAY), "until": calendar.ends(DAY)}
        first = await answer(bakery, await told(bakery, kind, **span))
        assert (first.status, first.transactions_failed) == ("completed", 0)
        assert first.transactions_new >= 20
        bakery.clock.now += timedelta(seconds=1)
        again = await answer(bakery, await told(bakery, kind, **span))
        assert (again.transactions_new, again.transactions_updated) == (0, 0)
        (row,) = await bakery.compare(DAY)
        assert (row["agreement"], row["sync_id"]) == ("agrees", None)


async def test_another_service_may_have_days_compared(tmp_path: Path) -> None:
    async with shop(tmp_path) as bakery:
        calendar = bakery.house.worker.directory.all_accounts()[0].calendar
        span = {"since": calendar.begins(DAY), "until": calendar.ends(DAY)}
        command = await told(bakery, CommandKind.RECONCILE, **span)
        async with asyncio.timeout(30):
            while True:
                rows = await bakery.records(topics.RECONCILIATIONS, Reconciliation)
                if rows and rows[-1].compared_at is not None:
                    break
                await asyncio.sleep(0.05)
        assert rows[-1].business_day == DAY
        assert rows[-1].compared_at >= command.requested_at


async def test_a_regular_run_was_asked_for_by_no_command(tmp_path: Path) -> None:
    async with shop(tmp_path) as bakery:
        command = await told(bakery, CommandKind.SYNC_NOW)
        await answer(bakery, command)
        events = await bakery.records(topics.SYNC_COMPLETED, SyncCompleted)
        assert {event.command_id for event in events} == {None, command.command_id}
