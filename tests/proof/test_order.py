"""Any order and any duplication of a day's raw events end in the same tables."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from connectors.square.simulator import SquareSimulator
from schemas import topics
from schemas.codec import decode
from schemas.raw import Channel, RawEvent
from schemas.transaction import Transaction
from streams.worker import Worker
from tests.proof.audit import Audit, records
from tests.proof.forms import LONG
from tests.proof.site import Site, running, settled
from tests.proof.trading import FAST, connected, delivered, outcome, trading

SEEDS = range(20) if LONG else range(2)
AT_ONCE = 40

Arrived = tuple[str, Channel, str, bytes]
"""Account, channel, resource, the opened body."""


async def arrivals(worker: Worker) -> list[Arrived]:
    """Return every raw event that tells about trade, in the order of its arrival."""
    found = []
    for record in await records(worker.runtime.log, topics.RAW, worker.settings.lanes):
        raw = decode(RawEvent, record.value or b"")
        if raw.channel is not Channel.CONTROL:
            body = worker.sealer.open(raw.body, tenant=raw.tenant_id, record=raw.raw_id)
            found.append((raw.account_id, raw.channel, raw.resource, body))
    return found


async def taken(worker: Worker, events: list[Arrived]) -> None:
    """Append events one by one, so that each has its own place."""
    for at in range(0, len(events), AT_ONCE):
        await asyncio.gather(
            *(
                worker.ingest.append(worker.directory.account(account), channel, kind, [body])
                for account, channel, kind, body in events[at : at + AT_ONCE]
            )
        )


async def shuffled(
    folder: Path, first: Site, simulator: SquareSimulator, events: list[Arrived], seed: int
) -> tuple[dict[str, Transaction], Any]:
    """Run the events in another order, some of them several times, through a fresh log."""
    throw = random.Random(seed)
    mixed = [event for event in events for _ in range(throw.choice((1, 1, 1, 2, 3)))]
    throw.shuffle(mixed)
    site = Site(folder, log=FAST)
    site.square_url = first.square_url
    async with running(site, serve=True, polling=False) as worker:
        await connected(site, simulator)
        middle = throw.randrange(len(mixed))
        await taken(worker, mixed[:middle])
    async with running(site, polling=False) as worker:
        await taken(worker, mixed[middle:])
        await settled(worker)
        assert await Audit(worker).letters() == []
        return await outcome(worker)


@pytest.mark.slow
async def test_any_order_and_duplication_of_a_day_gives_the_same_tables(
    tmp_path: Path,
) -> None:
    (tmp_path / "first").mkdir()
    async with trading(tmp_path / "first", live_orders=40, orders_per_day=8) as trade:
        site, simulator, worker = trade
        await delivered(simulator, worker)
        expected, events = await outcome(worker), await arrivals(worker)
        for seed in SEEDS:
            (folder := tmp_path / f"seed-{seed}").mkdir()
            assert await shuffled(folder, site, simulator, events, seed) == expected, seed
