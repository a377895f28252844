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

import httpx
import msgspec
import pytest
from msgspec.structs import replace

from connectors.square.simulator import SquareSimulator, bakeries
from schemas import codec
from schemas.avsc import OwnIds
from streams.registry import Registry, RegistryOptions
from streams.roles import Role
from streams.simulate import serve_simulator
from streams.worker import Worker
from tests.proof.audit import Audit, assert_true
from tests.proof.crew import crew
from tests.proof.faults import FAULTS, Fault, Fleet, one_of_three_brokers, registry_gone
from tests.proof.site import API, settled
from tests.proof.trading import HISTORY_DAYS, a_trade
from tests.services.kafka import Cluster, UnavailableError
from tests.services.registry import SchemaRegistry, serving

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.chaos,
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("TILLSTREAM_PROOF") != "long", reason="long form: make chaos"
    ),
]

ORDERS = int(os.environ.get("TILLSTREAM_PROOF_ORDERS", "2000"))
"""Of today's trade, each shop; an order is about two and a half webhooks and its fetches."""
SEED = int(os.environ.get("TILLSTREAM_PROOF_SEED", "23"))
SHOPS, LANES, WORKS, SERVES = 12, 12, 3, 2


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
        square = SquareSimulator(replace(usual.config, shops=bakeries(SHOPS)))
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
            await asyncio.to_thread(ask_for_everything, fleet, api)
        audited = await audit(fleet)
    told = {
        "fault": fault.__name__,
        "webhooks": post.accepted,
        "seconds": round(time.monotonic() - began),
        **fleet.figures,
        **audited,
    }
    report = Path("build") / "chaos.jsonl"
    report.parent.mkdir(exist_ok=True)
    with report.open("a") as file:
        file.write(json.dumps(told) + "\n")


def ask_for_everything(fleet: Fleet, api: httpx.Client) -> None:
    """Have the whole history imported once more: what no webhook told comes now."""
    for account in fleet.hands.site.accounts.values():
        url = f"{API}/accounts/{account}/sync/historical"
        api.post(url, json={"days": HISTORY_DAYS + 2}).raise_for_status()


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
        ends = worker.runtime.views.ends().items()
        raw = sum(end for tp, end in ends if tp.topic == "pos.raw")
    finally:
        await worker.stop()
    return {
        "raw_events": raw,
        "transactions": len(transactions),
        "rows": sum(len(table) for table in rows.values()),
        "figures_equal": figures,
        "sync_runs": runs,
    }
