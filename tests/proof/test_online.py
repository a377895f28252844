"""Replay and redrive through the API of a process that is killed in the middle of them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from schemas.raw import Channel
from schemas.transaction import Status
from tests.proof.forms import long_form
from tests.proof.site import Site, Till, running, settled
from tests.streams.shop import until
from tests.streams.stage_kit import MILL_LANE
from tests.streams.test_kafka_example import BODIES
from tests.streams.tools_kit import (
    GARBAGE,
    LANES,
    Blind,
    Tools,
    assert_each_sent_once,
    bills,
)

pytestmark = [pytest.mark.slow, pytest.mark.chaos]


class SlowTill(Till):
    """The real process, which reads and sends little at a time and takes long for it."""

    program = (
        "-c",
        """
import asyncio
from streams.cli.main import run
from streams.http import operations
from streams.operations import rejected, replay

operations.SLICE = 2
rejected.PIECE = 1
apply, resent = replay.Replay.apply, rejected._resent
async def slowly(*given):
    await apply(*given)
    await asyncio.sleep(0.2)
async def resent_slowly(*given):
    await asyncio.sleep(0.2)
    return await resent(*given)
replay.Replay.apply = slowly
rejected._resent = resent_slowly
run()
""",
    )


def opened(folder: Path) -> tuple[Site, SlowTill, Tools]:
    site = Site(folder, lanes=LANES)
    more = {"TILLSTREAM_ADMIN_KEY": site.admin_key}
    return site, SlowTill(site), Tools(site.log, folder, site.keys, **more)


async def filled(site: Site, bodies: list[bytes], **given: Any) -> dict[str, Any]:
    """Take bodies in, and return the bills that they make."""
    async with running(site, polling=False, **given) as worker:
        await worker.directory.create_tenant("bakers", "Bakers")
        await worker.directory.put_account(MILL_LANE)
        await worker.ingest.append(MILL_LANE, Channel.WEBHOOK, "", bodies)
        await settled(worker)
        return dict(bills(worker))


async def ended_by_the_server(tools: Tools, till: Till, *arguments: str, once: Any) -> None:
    """Kill the server as soon as `once` is true; the command must say that it can go on."""
    process = await tools.start(*arguments)
    await until(once, 60)
    till.kill()
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2, said.decode()
    assert "the same command will go on where it was" in said.decode()


@long_form
async def test_a_replay_goes_on_after_its_command_and_the_server_were_killed(
    tmp_path: Path,
) -> None:
    site, till, tools = opened(tmp_path)
    before = await filled(site, BODIES, connectors={"square": Blind()})
    here, _ = await tools.run("replay", "raw", "--dry-run")
    there = ("replay", "raw", "--url", site.url)
    try:
        await asyncio.to_thread(till.up)
        announced, said = await tools.run(*there, "--dry-run")
        assert announced == here
        assert announced[-1]["changed"] > 5
        assert '"progress":"replay raw"' in said
        await tools.killed(*there, once=lambda: sum(tools.positions().values()) > 3)
        half = len(BODIES) // 2
        await ended_by_the_server(
            tools, till, *there, once=lambda: sum(tools.positions().values()) > half
        )
        kept = max(tools.positions().values())
        await asyncio.to_thread(till.up)
        _, said = await tools.run(*there)
        assert "goes on where it was" in said
        steps = [json.loads(text) for text in said.splitlines() if '"progress"' in text]
        assert max(it["of"] for it in steps) > len(BODIES)
        assert min(it["done"] for it in steps if it["of"]) > kept
        left, _ = await tools.run(*there, "--dry-run")
    finally:
        till.leave()
    assert left == [{"changed": 0, "written": False}]
    assert tools.positions() == {}
    async with running(site, polling=False) as worker:
        after = bills(worker)
    for name, bill in after.items():
        changes = bill.status is not Status.CANCELLED
        assert bill.revision == before[name].revision + changes, name


async def test_a_redrive_goes_on_after_the_server_was_killed_and_sends_each_letter_once(
    tmp_path: Path,
) -> None:
    site, till, tools = opened(tmp_path)
    await filled(site, GARBAGE)
    there = ("--url", site.url)
    try:
        await asyncio.to_thread(till.up)
        listed, _ = await tools.run("rejected", "ls", *there)
        assert len(listed) == len(GARBAGE)
        (shown,), _ = await tools.said("rejected", "show", listed[0]["letter_id"], *there)
        assert shown["letter"] == listed[0]
        assert shown["headers"]["__rejected.stage"] == "normalise"
        await ended_by_the_server(
            tools, till, "rejected", "redrive", *there, once=tools.positions
        )
        await asyncio.to_thread(till.up)
        (done,), said = await tools.run("rejected", "redrive", *there)
        assert '"progress":"rejected redrive"' in said
        every, _ = await tools.run("rejected", "ls", "--all", *there)
    finally:
        till.leave()
    assert done["rejected_now"] == len(GARBAGE)
    assert done["redriven"] <= len(GARBAGE)
    assert len([letter for letter in every if letter["redriven"]]) == len(GARBAGE)
    assert_each_sent_once(listed, every)
    assert tools.positions() == {}
