"""The whole product on a broker: the same bodies give the same rows as on the embedded log."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas import topics
from schemas.raw import Channel
from schemas.sealing import generate_master_key
from streams.cli.main import app
from streams.log import Effects, LogUnavailableError, Out, Topic
from streams.settings import load
from streams.stages import project
from streams.views import NotReadyError
from streams.worker import Worker
from tests.connectors.golden import samples_of
from tests.services.kafka import Cluster, UnavailableError
from tests.streams.conftest import Kafka
from tests.streams.shop import Deaths, everything, until
from tests.streams.stage_kit import MILL_LANE
from tests.streams.test_kafka_log import opened

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

LANES = 2
BODIES = [body for sample in samples_of("square") for body in sample.bodies]
NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)


async def rows_on(log: str, folder: Path) -> dict[str, list[tuple[bytes, bytes]]]:
    """
    Take all samples in, twice, with a restart between; return the rows of every view.

    Of transactions the keys alone: customers are sealed with a key of each log's own.
    """
    settings = load(log=log, lanes=LANES, data_dir=folder, keys=f"k1:{generate_master_key()}")
    deaths = Deaths()
    for _ in range(2):
        worker = Worker(settings, fatal=deaths, clock=lambda: NOW, polling=False)
        await worker.start(serve=False)
        try:
            await worker.directory.create_tenant("bakers", "Bakers")
            await worker.directory.put_account(MILL_LANE)
            await worker.ingest.append(MILL_LANE, Channel.WEBHOOK, "", BODIES)
            await worker.runtime.views.settle(range(LANES), 60)
            views = worker.runtime.own_views
            rows = {
                table.name: [
                    row
                    for lane in range(LANES)
                    for row in views.scan(f"{project.SPEC.name}.{table.name}", lane, b"")
                ]
                for table in project.SPEC.tables
            }
        finally:
            await worker.stop()
    assert deaths == []
    rows["transactions"] = [(key, b"") for key, _ in rows["transactions"]]
    return rows


async def test_the_same_bodies_give_the_same_rows_on_both_logs(kafka, tmp_path):
    embedded = await rows_on(f"embedded://{tmp_path}/log", tmp_path / "embedded")
    assert await rows_on(kafka.url(), tmp_path / "kafka") == embedded
    assert sum(map(len, embedded.values())) > 100


async def test_rebuild_takes_a_lane_from_a_worker_mends_rows_and_gives_it_back(
    kafka, tmp_path, monkeypatch
):
    monkeypatch.setenv("TILLSTREAM_LOG", kafka.url())
    monkeypatch.setenv("TILLSTREAM_LANES", str(LANES))
    monkeypatch.setenv("TILLSTREAM_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TILLSTREAM_KEYS", f"k1:{generate_master_key()}")
    deaths = Deaths()
    worker = Worker(load(), fatal=deaths, clock=lambda: NOW, polling=False)
    await worker.start(serve=False)
    views, lane = worker.runtime.own_views, worker.directory.lane(MILL_LANE.account_id)
    try:
        await worker.directory.create_tenant("bakers", "Bakers")
        await worker.directory.put_account(MILL_LANE)
        await worker.ingest.append(MILL_LANE, Channel.WEBHOOK, "", BODIES)
        await worker.runtime.views.settle(range(LANES), 60)
        right = views.scan("project.sales", lane, b"")
        log = worker.runtime.log
        opened_lane = log.lanes["project", lane]
        key = right[0][0]
        wrong = Effects({topics.SALES: [Out(key, None)]}, {"sales": {key: None}})
        await opened_lane.commit(wrong, opened_lane.positions)
        assert views.scan("project.sales", lane, b"") == right[1:]
        result = await asyncio.to_thread(
            CliRunner().invoke, app, ["rebuild", "sales", "--json"], catch_exceptions=False
        )
        assert result.exit_code == 0
        changed = [json.loads(line)["changed"] for line in result.stdout.splitlines()]
        assert sum(changed) == 1

        def is_right() -> bool:
            with suppress(NotReadyError):
                return views.scan("project.sales", lane, b"") == right
            return False

        await until(is_right, 30)
    finally:
        await worker.stop()
    assert deaths == []


@pytest.mark.chaos
async def test_while_the_broker_is_away_appends_are_refused_and_afterwards_taken(tmp_path):
    try:
        cluster = Cluster(tmp_path)
        cluster.start()
    except UnavailableError as error:
        pytest.skip(f"no broker of our own: {error}")
    kafka = Kafka(cluster.address)
    kafka.admin.close()
    (broker,) = cluster.brokers
    taken = 0
    try:
        async with opened(kafka, tmp_path / "w", Topic("raw", 1)) as log:
            taken += len(await log.append("raw", [Out(b"k", b"before")], partition=0))
            broker.kill()
            await until(lambda: log.silent_s > 11, 30)
            with pytest.raises(LogUnavailableError, match="no broker has answered"):
                await asyncio.wait_for(log.append("raw", [Out(b"k", b"x")], partition=0), 0.1)
            with pytest.raises(LogUnavailableError):
                log.check_available()
            broker.start()
            await asyncio.to_thread(broker.wait)
            await until(lambda: log.silent_s < 3, 15)
            taken += len(await log.append("raw", [Out(b"k", b"after")], partition=0))
            assert len(await everything(log, "raw", 1)) == taken
    finally:
        cluster.stop()
