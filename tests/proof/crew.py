"""Several processes of one installation on Kafka, each `serve` or `work` in its own folder."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from itertools import count
from pathlib import Path
from string import ascii_lowercase

import httpx
from msgspec.structs import replace

from connectors.contract import Delivery, TransientError
from connectors.exchange import Sender
from connectors.square.simulator import SquareSimulator
from tests.proof.site import Site, Till, free_port

QUICK = "session_s=4&buffers_mb=16&cache_mb=8"
PAUSE_S, CONCURRENT = 0.1, 8


class Member(Till):
    """One process of a crew."""

    def __init__(self, site: Site, role: str, name: str) -> None:
        super().__init__(site)
        self.role, self.name = role, name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = site.folder / name
        self.words_file = site.folder / f"{name}.log"
        self.further: dict[str, str] = {}

    def environment(self) -> dict[str, str]:
        return self.site.environment() | {
            "TILLSTREAM_LOG": f"{self.site.log}&worker={self.name}",
            "TILLSTREAM_DATA_DIR": str(self.folder),
            "TILLSTREAM_PORT": str(self.port),
            "TILLSTREAM_WORK_PORT": str(self.port),
            **self.further,
        }

    def metric(self, name: str, label: str = "") -> int:
        """Return the sum of a metric over its labels, or those of which one has this value."""
        text = httpx.get(f"{self.url}/metrics", timeout=10).text
        found = re.findall(rf"^{name}({{.*}})? (\S+)$", text, re.MULTILINE)
        return int(
            sum(float(it) for labels, it in found if not label or f'"{label}"' in labels)
        )

    def lanes(self) -> bool:
        """Say whether a worker has any lanes: its metrics tell their lag."""
        return "pos_lane_lag_records{" in httpx.get(f"{self.url}/metrics", timeout=10).text

    def opened(self) -> int:
        """Return how often a worker has opened a lane, by what it wrote down."""
        words = self.words_file.read_text()
        return words.count('"lane-open"') + words.count('"lane-rebuilt"')


class Crew:
    """So many of each; `site.url` is that of the first `serve`."""

    def __init__(
        self, folder: Path, broker: str, *, lanes: int, serves: int = 2, works: int = 2
    ) -> None:
        self.site = Site(folder, lanes=lanes)
        self.site.log = f"kafka://{broker}?{QUICK}"
        self.serves = [
            Member(self.site, "serve", f"serve-{name}") for name in ascii_lowercase[:serves]
        ]
        self.works = [
            Member(self.site, "work", f"work-{name}") for name in ascii_lowercase[:works]
        ]
        self.site.port = self.serves[0].port

    @property
    def members(self) -> list[Member]:
        return self.serves + self.works

    def start(self) -> None:
        for member in self.members:
            member.start()
        for member in self.members:
            member.ready()

    def words(self) -> str:
        return "\n".join(member.words_file.read_text() for member in self.members)


@contextmanager
def crew(
    folder: Path, broker: str, *, lanes: int = 4, serves: int = 2, works: int = 2
) -> Iterator[Crew]:
    """Give the processes; end whatever still runs, whatever became of the test."""
    found = Crew(folder, broker, lanes=lanes, serves=serves, works=works)
    try:
        yield found
    finally:
        for member in found.members:
            member.leave()


class Post:
    """Delivers webhooks to several processes in turn, each until one has accepted it."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls
        self._turn = count()
        self.by: Counter[str] = Counter()
        self.bodies: Counter[str] = Counter()

    @property
    def accepted(self) -> int:
        """Return how many were accepted so far; `by` says by whom, `bodies` what."""
        return self.by.total()

    async def deliver(self, simulator: SquareSimulator, pause_s: float) -> None:
        sender, gate = Sender(), asyncio.Semaphore(CONCURRENT)
        async with asyncio.TaskGroup() as group:
            for _, delivery in simulator.deliveries():
                await gate.acquire()
                group.create_task(self._one(sender, delivery, gate))
                await asyncio.sleep(pause_s)
        await sender.close()

    async def _one(self, sender: Sender, delivery: Delivery, gate: asyncio.Semaphore) -> None:
        try:
            while not await self._is_accepted(sender, delivery):  # noqa: ASYNC110
                await asyncio.sleep(PAUSE_S)
        finally:
            gate.release()

    async def _is_accepted(self, sender: Sender, delivery: Delivery) -> bool:
        base = self._urls[next(self._turn) % len(self._urls)]
        there = f"{base}/api{delivery.url.partition('/api')[2]}"
        try:
            taken = 200 <= await sender.deliver(replace(delivery, url=there)) < 300
        except TransientError:
            return False
        if taken:
            self.by[base] += 1
            self.bodies[sha256(delivery.body).hexdigest()] += 1
        return taken
