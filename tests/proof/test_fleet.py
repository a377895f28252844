"""
A fleet of processes on Kafka under one fault after the other, judged by the whole audit.

The short form of it is in `tests/streams/test_kafka_roles.py`; these take minutes each:
`make chaos`, or TILLSTREAM_PROOF=long. TILLSTREAM_PROOF_KILLS and _ORDERS make them smaller.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from connectors.square.simulator import bakeries
from schemas import codec, topics
from schemas.avsc import OwnIds
from schemas.codec import decode
from schemas.raw import RawEvent
from schemas.sync import Fetch
from streams.registry import Registry, RegistryOptions
from streams.roles import Role
from streams.simulate import serve_simulator
from streams.topics import all_topics
from streams.worker import Worker
from tests.proof.audit import Audit, assert_true, records
from tests.proof.costs import Asked, done_twice, figures_of_waits, kept_twice, waits, written
from tests.proof.crew import crew
from tests.proof.faults import (
    FAULTS,
    Fault,
    Fleet,
    one_of_three_brokers,
    registry_gone,
    rolling,
)
from tests.proof.forms import long_form
from tests.proof.site import settled
from tests.proof.trading import HISTORY_DAYS, a_trade
from tests.services.kafka import Cluster, UnavailableError
from tests.services.registry import SchemaRegistry, serving

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.chaos,
    pytest.mark.slow,
    long_form,
]

ORDERS = int(os.environ.get("TILLSTREAM_PROOF_ORDERS", "2000"))
"""Of today's trade, each shop; an order is about two and a half webhooks and its fetches."""
SEED = int(os.environ.get("TILLSTREAM_PROOF_SEED", "23"))
SHOPS, LANES, WORKS, SERVES = 12, 12, 3, 2
OTHERS = 30
"""Schemas of somebody else in the registry, so that no id is the one of our own table."""
AGAIN = ("webhooks_twice", "fetches_twice", "polled_twice", "written_in_vain")


@contextmanager
def a_broker(folder: Path, size: int) -> Iterator[Cluster]:
    try:
        cluster = Cluster(folder, size)
    except UnavailableError as error:
        pytest.skip(f"no Kafka: {error}")
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()


@contextmanager
def a_registry(folder: Path) -> Iterator[SchemaRegistry]:
    folder.mkdir()
    try:
        with serving(folder) as registry:
            registry.occupy(OTHERS)
            Registry(RegistryOptions(url=registry.url)).apply()
            yield registry
    except UnavailableError as error:
        pytest.skip(f"no registry: {error}")
    finally:
        codec.use_ids(OwnIds())


@asynccontextmanager
async def trading(folder: Path, fault: Fault) -> AsyncIterator[Fleet]:
    """Run a fleet whose shops are connected and whose history is being imported."""
    brokers = 3 if fault is one_of_three_brokers else 1
    registered = a_registry(folder / "registry") if fault is registry_gone else nullcontext()
    with (
        registered as registry,
        a_broker(folder / "broker", brokers) as cluster,
        crew(folder, cluster.address, lanes=LANES, serves=SERVES, works=WORKS) as hands,
    ):
        if registry is not None:
            hands.site.more["TILLSTREAM_REGISTRY_URL"] = registry.url
        usual = a_trade(hands.site, live_orders=ORDERS, seed=SEED)
        square = Asked(replace(usual.config, shops=bakeries(SHOPS)))
        async with serve_simulator(square) as url:
            hands.site.square_url = url
            await asyncio.to_thread(hands.start)
            products = [msgspec.to_builtins(it) for it in square.own_products()]
            await asyncio.to_thread(
                hands.site.set_up, square.config, products, HISTORY_DAYS + 2
            )
            yield Fleet(hands, cluster, square, registry, SEED)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_no_fault_loses_or_doubles_a_cent(fault: Fault, tmp_path: Path) -> None:
    began = time.monotonic()
    async with trading(tmp_path, fault) as fleet:
        post, hands = fleet.post, fleet.hands
        await fault(fleet)
        assert fleet.delivering is not None
        await fleet.delivering
        for member in hands.members:
            await asyncio.to_thread(member.ready)
        with hands.site.client() as api:
            await asyncio.to_thread(hands.site.import_history, api, HISTORY_DAYS + 2)
        audited = await audit(fleet)
        for member in hands.members:
            await asyncio.to_thread(member.terminate)
        in_vain = await asyncio.to_thread(written_in_vain, fleet.cluster.address)
    told = {
        "fault": fault.__name__,
        "webhooks": post.accepted,
        "seconds": round(time.monotonic() - began),
        **fleet.figures,
        **audited,
        "written_in_vain": in_vain,
    }
    report = Path("build") / "chaos.jsonl"
    report.parent.mkdir(exist_ok=True)
    with report.open("a") as file:
        file.write(json.dumps(told) + "\n")
    if fault is rolling:
        assert {told[it] for it in AGAIN} == {0}, "a stop made work be done again"


def written_in_vain(address: str) -> int:
    """Count records of transactions that were aborted: work that was done again."""
    names = [topic.name for topic in all_topics(LANES)]
    every, valid = (
        written(address, names, LANES, isolation)
        for isolation in ("read_uncommitted", "read_committed")
    )
    return every - valid


async def audit(fleet: Fleet) -> dict[str, object]:
    """Look at everything through a copy of our own, and compare it with what was sold."""
    site = fleet.hands.site
    ours = {"data_dir": site.folder / "auditor"}
    if fleet.registry is not None:
        ours["registry_url"] = fleet.registry.url
    settings = site.settings().model_copy(update=ours)
    worker = Worker(settings, fatal=pytest.fail, role=Role.SERVE)
    await worker.start(serve=False)
    try:
        await settled(worker)
        found = Audit(worker)
        assert await found.letters() == []
        transactions = await found.transactions()
        rows = await found.views(transactions)
        figures = assert_true(fleet.square.totals(), rows, site.accounts)
        runs = await found.sync_counts()
        costs = await costs_of(fleet, found)
    finally:
        await worker.stop()
    return {
        "transactions": len(transactions),
        "rows": sum(len(table) for table in rows.values()),
        "figures_equal": figures,
        "sync_runs": runs,
        **costs,
    }


async def costs_of(fleet: Fleet, found: Audit) -> dict[str, object]:
    """Say what was done twice, and how long events waited after each mark."""
    log = found.worker.runtime.log
    raws = await records(log, topics.RAW, LANES)
    changes = await records(log, topics.TRANSACTIONS, LANES)
    kept = await found.webhooks_kept()
    assert fleet.post.bodies.keys() <= {body for _, body in kept}, "a promise was not kept"
    twice = kept_twice(kept, fleet.post.bodies) | done_twice(
        (decode(RawEvent, record.value or b"") for record in raws),
        await found.of(topics.FETCHES, Fetch),
        fleet.square.asked,
    )
    waited = figures_of_waits(list(waits(raws, changes)), fleet.marks) if fleet.marks else {}
    return {"raw_events": len(raws), **twice, **waited}
