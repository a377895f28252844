"""Replay, rebuild and redrive on a broker beside a worker, killed in the middle."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from schemas.raw import Channel
from schemas.sealing import generate_master_key
from schemas.transaction import Status
from streams.settings import load
from streams.worker import Worker
from tests.streams.shop import Deaths
from tests.streams.stage_kit import MILL_LANE
from tests.streams.test_kafka_example import BODIES
from tests.streams.test_kafka_product import NOW
from tests.streams.tools_kit import (
    GARBAGE,
    HASTY,
    LANES,
    Blind,
    Tools,
    assert_each_sent_once,
    bills,
)

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.chaos]


@asynccontextmanager
async def working(kafka: Any, folder: Path, keys: str, **given: Any) -> AsyncIterator[Worker]:
    settings = load(log=kafka.url(), lanes=LANES, data_dir=folder / "worker", keys=keys)
    deaths = Deaths()
    worker = Worker(settings, fatal=deaths, clock=lambda: NOW, polling=False, **given)
    await worker.start(serve=False)
    try:
        yield worker
    finally:
        await worker.stop()
    assert deaths == []


async def test_a_killed_replay_goes_on_and_every_change_is_made_once(kafka, tmp_path):
    keys = f"k1:{generate_master_key()}"
    tools = Tools(kafka.url(), tmp_path, keys)
    wrong = {"square": Blind()}
    async with working(kafka, tmp_path, keys, connectors=wrong) as worker:
        await worker.directory.create_tenant("bakers", "Bakers")
        await worker.directory.put_account(MILL_LANE)
        await worker.ingest.append(MILL_LANE, Channel.WEBHOOK, "", BODIES)
        await worker.runtime.views.settle(range(LANES), 60)
        before = bills(worker)
    async with working(kafka, tmp_path, keys) as worker:
        announced, _ = await tools.run("replay", "raw", "--dry-run")
        assert announced[-1] == {"changed": announced[-1]["changed"], "written": False}
        assert sum(day["transactions"] for day in announced[:-1]) == announced[-1]["changed"]
        assert bills(worker) == before
        lane = str(worker.directory.lane(MILL_LANE.account_id))
        half = len(BODIES) // 2
        await tools.killed("replay", "raw", once=lambda: tools.positions().get(lane, 0) > half)
        kept = tools.positions()[lane]
        _, said = await tools.run("replay", "raw")
        assert "goes on where it was" in said
        progress = [json.loads(text) for text in said.splitlines() if '"progress"' in text]
        assert min(it["done"] for it in progress if str(it["lane"]) == lane) >= kept
        await worker.runtime.views.settle(range(LANES), 60)
        after = bills(worker)
        left, _ = await tools.run("replay", "raw", "--dry-run")
    assert left == [{"changed": 0, "written": False}]
    assert tools.positions() == {}
    changed = {name for name in after if after[name].status is not before[name].status}
    assert changed == {n for n, bill in after.items() if bill.status is not Status.CANCELLED}
    assert len(changed) > 5
    for name, bill in after.items():
        assert bill.revision == before[name].revision + (name in changed)


async def rejected(worker: Worker, tools: Tools) -> list[dict[str, Any]]:
    """Take garbage in, and return its letters."""
    await worker.directory.create_tenant("bakers", "Bakers")
    await worker.directory.put_account(MILL_LANE)
    await worker.ingest.append(MILL_LANE, Channel.WEBHOOK, "", GARBAGE)
    await worker.runtime.views.settle(range(LANES), 60)
    listed, _ = await tools.run("rejected", "ls")
    assert len(listed) == len(GARBAGE)
    return listed


async def test_a_killed_redrive_goes_on_with_the_letters_that_were_not_sent(kafka, tmp_path):
    keys = f"k1:{generate_master_key()}"
    tools = Tools(kafka.url(), tmp_path, keys)
    async with working(kafka, tmp_path, keys) as worker:
        listed = await rejected(worker, tools)
        kind = listed[0]["error_type"]
        none, _ = await tools.run("rejected", "redrive", "--reason", "no reason of ours")
        assert none == [{"redriven": 0, "rejected_now": 0}]
        process = await tools.redriving(kind)
        process.send_signal(signal.SIGKILL)
        await process.communicate()
        (done,), _ = await tools.run("rejected", "redrive", "--type", kind)
        assert done["redriven"] > 0
        every, _ = await tools.run("rejected", "ls", "--all")
    assert_each_sent_once(listed, every)


async def test_of_two_redrives_the_later_one_goes_on_and_each_letter_is_sent_once(
    kafka, tmp_path
):
    keys = f"k1:{generate_master_key()}"
    tools = Tools(kafka.url(), tmp_path, keys)
    async with working(kafka, tmp_path, keys) as worker:
        listed = await rejected(worker, tools)
        kind = listed[0]["error_type"]
        first = await tools.redriving(kind)
        first.send_signal(signal.SIGSTOP)
        later = Tools(kafka.url(), tmp_path / "later", keys)
        await later.run("rejected", "redrive", "--type", kind)
        first.send_signal(signal.SIGCONT)
        _, said = await first.communicate()
        assert first.returncode
        assert "another redrive has begun" in said.decode()
        await worker.runtime.views.settle(range(LANES), 60)
        every, _ = await tools.run("rejected", "ls", "--all")
    assert_each_sent_once(listed, every)


async def test_a_command_tells_which_stage_it_waits_for_where_nobody_works(kafka, tmp_path):
    keys = f"k1:{generate_master_key()}"
    tools = Tools(kafka.url(), tmp_path, keys)
    async with working(kafka, tmp_path, keys) as worker:
        await worker.directory.create_tenant("bakers", "Bakers")
        await worker.directory.put_account(MILL_LANE)
        await worker.runtime.views.settle(range(LANES), 60)
        for stage in worker.runtime.stages.values():
            await stage.stop()
        await worker.ingest.append(MILL_LANE, Channel.WEBHOOK, "", BODIES)
    process = await tools.start("rejected", "ls", program=HASTY)
    _, said = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 2
    waiting, given_up = said.decode().splitlines()
    assert "waiting until all is processed: stage normalise is behind" in waiting
    assert "see that workers run" in given_up


async def test_a_killed_rebuild_goes_on_with_the_lanes_that_are_left(kafka, tmp_path):
    keys = f"k1:{generate_master_key()}"
    tools = Tools(kafka.url(), tmp_path, keys)
    async with working(kafka, tmp_path, keys) as worker:
        await worker.directory.create_tenant("bakers", "Bakers")
        await worker.directory.put_account(MILL_LANE)
        await worker.ingest.append(MILL_LANE, Channel.WEBHOOK, "", BODIES)
        await worker.runtime.views.settle(range(LANES), 60)
        before = bills(worker)
        gaps = 0
        reading = True

        async def read() -> None:
            nonlocal gaps
            while reading:
                gaps += bills(worker) != before
                await asyncio.sleep(0.01)

        reader = asyncio.create_task(read())
        await tools.killed("rebuild", "all", once=lambda: len(tools.positions()) == 1)
        done, said = await tools.run("rebuild", "all")
        assert "lanes done before: 0" in said
        assert [lane["lane"] for lane in done] == list(range(1, LANES))
        assert sum(lane["changed"] for lane in done) == 0
        reading = False
        await reader
        assert gaps == 0
        await worker.ingest.append(MILL_LANE, Channel.WEBHOOK, "", BODIES)
        await worker.runtime.views.settle(range(LANES), 60)
    assert tools.positions() == {}
