"""Replay and rebuild: nothing changes where nothing changed, and exactly what did otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from connectors.contract import Shop
from connectors.square.connector import SquareConnector
from schemas import topics
from schemas.codec import pack, unpack
from schemas.part import Part
from schemas.rows import SalesRow
from schemas.transaction import Status, Transaction, TransactionChange
from streams.log import Effects
from streams.operations.rebuild import rebuild
from streams.operations.replay import Difference, Replay, Selection, by_day
from streams.runtime import open_log
from streams.stages import project
from streams.stages.tables import row_out
from streams.topics import all_topics
from streams.worker import Worker
from tests.proof.audit import Audit
from tests.proof.site import Site, running, settled
from tests.proof.trading import delivered, polled, trading

ALL = {table.name for table in project.SPEC.tables}


class Changed:
    """Square as a later release might read it: bills with an odd total are none."""

    def __init__(self) -> None:
        self._square = SquareConnector()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._square, name)

    def assemble(
        self, transaction: str, parts: Mapping[str, Part], shop: Shop
    ) -> tuple[Transaction, ...]:
        return tuple(
            replace(tx, status=Status.CANCELLED) if is_odd(tx) else tx
            for tx in self._square.assemble(transaction, parts, shop)
        )


def is_odd(tx: Transaction) -> bool:
    return tx.totals.total % 2 == 1


async def replayed(worker: Worker, *, dry: bool) -> list[Difference]:
    replay = Replay(
        log=worker.runtime.log,
        lanes=worker.settings.lanes,
        views=worker.runtime.views,
        accounts=worker.directory,
        connectors=worker.connectors,
        sealer=worker.sealer,
    )
    found = []
    async for batch in replay.batches(Selection(), {}):
        found += [change.difference for change in batch.changes]
        if not dry:
            await replay.apply(batch.changes, worker.ingest)
    await settled(worker)
    return found


async def rebuilt(site: Site, *, dry: bool = False) -> int:
    """Rebuild everything as `tillstream rebuild all` does; return the rows that changed."""
    log, step = open_log(site.log), project.projector(site.lanes)
    await log.start()
    try:
        await log.create(all_topics(site.lanes))
        spec, lanes = project.SPEC, site.lanes
        return sum(
            [
                lane.changed
                async for lane in rebuild(log, spec, step, lanes, tables=ALL, dry_run=dry)
            ]
        )
    finally:
        await log.stop()


async def damaged(site: Site) -> int:
    """Make some rows of sales wrong, delete others and invent one; return how many."""
    log, count = open_log(site.log), 0
    await log.start()
    try:
        for number in range(site.lanes):
            lane = await log.open_lane(project.SPEC, number)
            effects = Effects()
            for key, data in list(lane.scan("sales", b"").items())[::5]:
                row = unpack(SalesRow, data)
                row.net += 1
                bad = None if count % 3 == 0 else row
                name = key + b"-invented" if count % 3 == 1 else key
                effects.rows.setdefault("sales", {})[name] = None if bad is None else pack(bad)
                effects.outputs.setdefault(topics.SALES, []).append(row_out(name, bad))
                count += 1
            await lane.commit(effects, lane.positions)
            await lane.close()
    finally:
        await log.stop()
    return count


def test_a_transaction_of_which_several_pieces_tell_counts_once_from_first_to_last() -> None:
    def told(name: str, before: int, after: int) -> Difference:
        return Difference(
            account_id="mill-lane",
            transaction=name,
            business_day="2026-05-04",
            kind="sale",
            total_before=before,
            total_after=after,
        )

    (day,) = by_day([told("a", 100, 90), told("b", 5, 0), told("a", 90, 70)])
    assert (day.transactions, day.total_before, day.total_after) == (2, 105, 70)


@pytest.mark.slow
async def test_replay_changes_nothing_until_the_reading_changes_and_rebuild_only_what_is_wrong(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path, live_orders=40) as (site, simulator, worker):
        await delivered(simulator, worker)
        await polled(site, worker)
        before = await Audit(worker).transactions()
        ends = worker.runtime.views.ends()
        assert await replayed(worker, dry=True) == []
        assert worker.runtime.views.ends() == ends
    odd = {name for name, tx in before.items() if is_odd(tx) and tx.status is Status.COMPLETED}
    async with running(site, polling=False, connectors={"square": Changed()}) as worker:
        ends = worker.runtime.views.ends()
        announced = await replayed(worker, dry=True)
        assert worker.runtime.views.ends() == ends
        assert await replayed(worker, dry=False) == announced
        assert announced
        await _only_the_odd_ones_are_gone(worker, before, odd)
        assert await replayed(worker, dry=True) == []
    assert await rebuilt(site) == 0
    wrong = await damaged(site)
    async with running(site, polling=False) as worker:
        with pytest.raises(AssertionError, match="rows differ"):
            await Audit(worker).whole()
    assert await rebuilt(site, dry=True) == wrong
    assert await rebuilt(site) == wrong
    assert await rebuilt(site) == 0
    async with running(site, polling=False) as worker:
        await Audit(worker).whole()


async def _only_the_odd_ones_are_gone(
    worker: Worker, before: Mapping[str, Transaction], odd: set[str]
) -> None:
    audit = Audit(worker)
    after = await audit.transactions()
    await audit.views(after)
    gone = {name for name, tx in after.items() if tx.status is not before[name].status}
    assert gone >= odd
    assert all(is_odd(before[name]) for name in gone)
    for change in await audit.of(topics.TRANSACTIONS, TransactionChange):
        if change.cause.resource == "replay":
            assert change.transaction_id in gone
            assert change.revision == before[change.transaction_id].revision + 1
