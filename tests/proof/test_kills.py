"""
kill -9 of the real process at random moments: nothing lost, nothing doubled, every row right.

The short form runs always; TILLSTREAM_PROOF=long makes it 50 kills in 20,000 webhooks.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from pathlib import Path

import msgspec
import pytest

from connectors.square.simulator import Faults, SquareSimulator
from tests.proof.audit import Audit, assert_true
from tests.proof.forms import LONG
from tests.proof.shops import Square, just_past
from tests.proof.site import API, Site, Till, running, settled

KILLS, EVENTS = (50, 20_000) if LONG else (6, 4_000)
EVENTS_PER_ORDER = 2.6
"""About; the test asserts that there were enough."""
PAUSE_S = 0.001
LIVE_SECONDS = 600
HISTORY_DAYS = 3
SEED = int(os.environ.get("TILLSTREAM_PROOF_SEED", "11"))
UNRELIABLE = Faults(duplicates=60, delayed=150, losses=5, rate_limited=2, server_errors=2)
EARLY_EVERY = 5
"""Every so manieth kill hits a process that has not come up yet."""


def configured(site: Site) -> SquareSimulator:
    config = site.simulation(
        now=just_past(LIVE_SECONDS),
        seed=SEED,
        days=HISTORY_DAYS,
        orders_per_day=20,
        live_orders=int(EVENTS / EVENTS_PER_ORDER / 2 * 1.02),
        live_seconds=LIVE_SECONDS,
        faults=UNRELIABLE,
    )
    return SquareSimulator(config)


def kill_at_random(till: Till, square: Square) -> int:
    """Kill it again and again, spread over the deliveries; return kills before it was ready."""
    moments, early = random.Random(SEED), 0
    for number in range(KILLS):
        if number % EARLY_EVERY == EARLY_EVERY - 1:
            till.start()
            time.sleep(moments.uniform(0.1, 2.0))
            early += 1
        else:
            if number:
                till.up()
            _wait_for(square, EVENTS * number // (KILLS + 4))
            time.sleep(moments.uniform(0.05, 0.6))
        till.kill()
    return early


def _wait_for(square: Square, count: int) -> None:
    deadline = time.monotonic() + 120
    while square.acknowledged() < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


async def audited(site: Site, square: Square) -> dict[str, object]:
    async with running(site, serve=True) as worker:
        await settled(worker)
        await asyncio.to_thread(_ask_for_what_was_lost, site)
        await settled(worker)
        audit = Audit(worker)
        acknowledged, kept = square.bodies(), await audit.webhooks()
        assert acknowledged <= kept, f"{len(acknowledged - kept)} acknowledged and gone"
        assert await audit.letters() == []
        transactions = await audit.transactions()
        rows = await audit.views(transactions)
        figures = assert_true(square.totals(), rows, site.accounts)
        runs = await audit.sync_counts()
        assert all(stage.stats.failures == 0 for stage in worker.runtime.stages.values())
        return {
            "transactions": len(transactions),
            "rows": {name: len(table) for name, table in rows.items()},
            "figures_of_the_simulator": figures,
            "sync_runs": runs,
        }


def _ask_for_what_was_lost(site: Site) -> None:
    with site.client() as api:
        site.import_history(api, HISTORY_DAYS + 2)


def map_by_hand(site: Site, simulator: SquareSimulator) -> None:
    """Map one product as a person would, before the trade begins; the matcher may be first."""
    location, account = next(iter(site.accounts.items()))
    bills = simulator.bills().values()
    sold = next(one.lines[0].key for one in bills if one.location_id == location)
    product = {"product_id": "by-hand", "name": "A name that no match would find"}
    with site.client() as api:
        api.put(f"{API}/products", json={"products": [product]}).raise_for_status()
        url = f"{API}/mappings/{account}/{sold}"
        api.put(url, json={"product_id": "by-hand"}).raise_for_status()


@pytest.mark.chaos
@pytest.mark.slow
def test_kills_at_random_moments_lose_and_double_nothing_of_the_whole(tmp_path: Path) -> None:
    site = Site(tmp_path, lanes=8, log="?upkeep_s=0.5&dirty_min=2000")
    simulator = configured(site)
    square, till = Square(tmp_path, simulator.config, PAUSE_S), Till(site)
    began = time.perf_counter()
    try:
        site.square_url = square.url
        till.up()
        products = [msgspec.to_builtins(it) for it in simulator.own_products()]
        site.set_up(simulator.config, products, HISTORY_DAYS + 2)
        map_by_hand(site, simulator)
        square.begin()
        early = kill_at_random(till, square)
        assert square.acknowledged() < EVENTS, "the work was over before all kills"
        till.up()
        delivered, again = square.end()
        till.terminate()
        assert delivered >= EVENTS
        result = asyncio.run(audited(site, square))
    finally:
        till.leave()
        square.leave()
    seconds = round(time.perf_counter() - began, 1)
    figures = {"kills": KILLS, "in_start": early, "webhooks": delivered, "repeated": again}
    (tmp_path / "figures.json").write_text(
        json.dumps({**figures, "seconds": seconds, **result}, indent=1)
    )
