"""Commands as processes that are killed, and what they must leave behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from connectors.contract import Shop
from schemas.codec import unpack
from schemas.part import Part
from schemas.transaction import Status, Transaction
from streams.worker import Worker
from tests.proof.test_replay import Changed
from tests.streams.shop import until
from tests.streams.stage_kit import MILL_LANE

LANES = 2
GARBAGE = [b"nothing that anybody sends %d" % number for number in range(12)]
SLOW = """
import asyncio
from streams.cli.main import run
from streams.operations import rebuild, rejected, replay

replay.BATCH = 3
rejected.PIECE = 1
apply, lane, resent = replay.Replay.apply, rebuild._lane, rejected._resent
async def resent_slowly(*given):
    await asyncio.sleep(0.2)
    return await resent(*given)
async def slowly(self, *given):
    await asyncio.sleep(0.2)
    await apply(self, *given)
async def lane_slowly(*given, **more):
    found = await lane(*given, **more)
    await asyncio.sleep(1.0)
    return found
replay.Replay.apply = slowly
rebuild._lane = lane_slowly
rejected._resent = resent_slowly
run()
"""
"""The command line, slow enough to be killed where a test wants it."""
HASTY = "from streams.cli import offline; offline.SETTLE_S, offline.SILENT_S = 3.0, 1.0" + SLOW
"""The command line, which waits for others for seconds instead of minutes."""


class Blind(Changed):
    """Square as an earlier release might have read it: no bill is ever completed."""

    def assemble(
        self, transaction: str, parts: Mapping[str, Part], shop: Shop
    ) -> tuple[Transaction, ...]:
        found = self._square.assemble(transaction, parts, shop)
        return tuple(msgspec.structs.replace(it, status=Status.CANCELLED) for it in found)


class Tools:
    """Commands as processes of their own, with one environment."""

    def __init__(self, log: str, folder: Path, keys: str, **more: str) -> None:
        self.folder = folder / "tools"
        self._environment = {
            **os.environ,
            "TILLSTREAM_LOG": log,
            "TILLSTREAM_LANES": str(LANES),
            "TILLSTREAM_DATA_DIR": str(self.folder),
            "TILLSTREAM_KEYS": keys,
            **more,
        }

    async def start(self, *arguments: str, program: str = SLOW) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, *arguments),
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *arguments: str) -> tuple[list[dict[str, Any]], str]:
        """Run to the end; return the JSON lines of its output, and what it said besides."""
        return await self.said(*arguments, "--json")

    async def said(self, *arguments: str) -> tuple[list[dict[str, Any]], str]:
        """Run to the end without `--json`, of which some commands have no need."""
        process = await self.start(*arguments)
        out, err = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == 0, err.decode()
        return [json.loads(line) for line in out.splitlines()], err.decode()

    async def killed(self, *arguments: str, once: Any) -> None:
        """Kill it without a chance to tidy up, as soon as `once` is true."""
        process = await self.start(*arguments)
        await until(once, 60)
        assert process.returncode is None, "it ended before it could be killed"
        process.send_signal(signal.SIGKILL)
        await process.communicate()

    async def redriving(self, kind: str) -> asyncio.subprocess.Process:
        """Return a redrive that has sent some letters, and has more to send."""
        process = await self.start("rejected", "redrive", "--type", kind)
        assert process.stderr is not None
        while b'"progress"' not in await process.stderr.readline():
            assert process.returncode is None
        return process

    def positions(self) -> dict[str, int]:
        """Return how far the command under way has written that it is."""
        for path in (self.folder / "operations").glob("*.json"):
            lanes: dict[str, int] = json.loads(path.read_bytes())["lanes"]
            return lanes
        return {}


def bills(worker: Worker) -> Mapping[str, Transaction]:
    lane = worker.directory.lane(MILL_LANE.account_id)
    rows = worker.runtime.views.scan("project.transactions", lane, b"")
    found = [unpack(Transaction, row) for _, row in rows]
    return {bill.transaction_id: bill for bill in found}


def assert_each_sent_once(listed: list[dict[str, Any]], every: list[dict[str, Any]]) -> None:
    """Garbage that is sent again comes back as a letter of its own."""
    sent = {letter["letter_id"] for letter in every if letter["redriven"]}
    assert {letter["letter_id"] for letter in listed} <= sent
    assert len(every) == len(listed) + len(sent)
