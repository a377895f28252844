"""A simulated trade through a whole worker in this process: history, webhooks, fetches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from connectors.square.simulator import Faults, SquareSimulator
from schemas.transaction import Transaction
from streams.simulate import deliver, serve_simulator
from streams.worker import Worker
from tests.proof.audit import Audit
from tests.proof.shops import just_past
from tests.proof.site import Site, running, settled

LIVE_SECONDS = 600
HISTORY_DAYS = 2
FAST = "?sync=0&upkeep_s=3600"
"""Of a log whose process nobody kills: without fsync the tests are quicker."""


def a_trade(site: Site, **given: Any) -> SquareSimulator:
    """Return two bakeries with two days of history and a small trade of today."""
    usual = {
        "now": just_past(LIVE_SECONDS),
        "days": HISTORY_DAYS,
        "orders_per_day": 15,
        "live_orders": 60,
        "live_seconds": LIVE_SECONDS,
        "faults": Faults(duplicates=60, delayed=150),
    }
    return SquareSimulator(site.simulation(**usual | given))


@asynccontextmanager
async def trading(
    folder: Path, kind: type[Worker] = Worker, **given: Any
) -> AsyncIterator[tuple[Site, SquareSimulator, Worker]]:
    """Run a worker and a simulator whose history has been imported."""
    site = Site(folder, log=FAST)
    simulator = a_trade(site, **given)
    async with serve_simulator(simulator) as url:
        site.square_url = url
        async with running(site, kind, serve=True) as worker:
            await connected(site, simulator)
            await settled(worker)
            yield site, simulator, worker


async def connected(site: Site, simulator: SquareSimulator) -> None:
    """Make tenant, products and accounts, and ask for the history."""
    products = [msgspec.to_builtins(it) for it in simulator.own_products()]
    await asyncio.to_thread(site.set_up, simulator.config, products, HISTORY_DAYS + 2)


async def delivered(simulator: SquareSimulator, worker: Worker) -> None:
    """Deliver all webhooks of today and wait until everything that follows is done."""
    done = await deliver(simulator, paced=False)
    assert done.accepted
    assert not done.lost
    await settled(worker)


async def polled(site: Site, worker: Worker) -> None:
    """Ask the provider for everything once more: stock, and whatever no webhook told."""
    await asyncio.to_thread(_ask, site)
    await settled(worker)


def _ask(site: Site) -> None:
    with site.client() as api:
        site.import_history(api, HISTORY_DAYS + 2)


async def outcome(worker: Worker) -> tuple[dict[str, Transaction], Any]:
    """Return what two runs over the same facts must have in common, audited."""
    audit = Audit(worker)
    transactions = await audit.transactions()
    rows = await audit.views(transactions)
    return {name: timeless(tx) for name, tx in transactions.items()}, rows


def timeless(tx: Transaction) -> Transaction:
    """Leave out what depends on when it was learnt: the revision, the mapping of that time."""
    lines = tuple(replace(line, product_id=None) for line in tx.lines)
    return replace(tx, revision=0, lines=lines, customer=None)
