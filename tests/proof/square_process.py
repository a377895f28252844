"""
Run by the proofs: a simulated Square in a process of its own, which nobody kills.

It answers its API, and on the line "deliver" it delivers its webhooks, each one again and again
until it gets a 2xx, as Square does (with shorter pauses). What was acknowledged is written to
files: how many so far (`acknowledged`), and at the end the SHA-256 of every body (`bodies`).
"""

from __future__ import annotations

import asyncio
import sys
import time
from hashlib import sha256
from pathlib import Path

import msgspec

from connectors.contract import Delivery, TransientError
from connectors.exchange import Sender
from connectors.square.simulator import SimulatorConfig, SquareSimulator
from streams.simulate import serve_simulator

CONCURRENT = 16
PAUSE_S = 0.15
GIVE_UP_S = 900.0


class Round:
    """One round of deliveries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sender = Sender()
        self.bodies: list[str] = []
        self.again = 0
        self._count = (folder / "acknowledged").open("w")

    async def all_of(self, simulator: SquareSimulator, pause_s: float) -> None:
        gate = asyncio.Semaphore(CONCURRENT)
        async with asyncio.TaskGroup() as group:
            for _, delivery in simulator.deliveries():
                await gate.acquire()
                group.create_task(self._until_accepted(delivery, gate))
                if pause_s:
                    await asyncio.sleep(pause_s)
        await self.sender.close()
        (self.folder / "bodies").write_text("\n".join(self.bodies))

    async def _until_accepted(self, delivery: Delivery, gate: asyncio.Semaphore) -> None:
        deadline, attempt = time.monotonic() + GIVE_UP_S, 0
        try:
            while not await self._is_accepted(delivery):
                assert time.monotonic() < deadline
                attempt += 1
                self.again += 1
                retry = {"square-retry-number": f"{attempt}"}
                delivery = msgspec.structs.replace(
                    delivery, headers={**delivery.headers, **retry}
                )
                await asyncio.sleep(PAUSE_S)
            self.bodies.append(sha256(delivery.body).hexdigest())
            self._count.seek(0)
            self._count.write(f"{len(self.bodies):10d}")
            self._count.flush()
        finally:
            gate.release()

    async def _is_accepted(self, delivery: Delivery) -> bool:
        try:
            return 200 <= await self.sender.deliver(delivery) < 300
        except TransientError:
            return False


async def main(folder: Path, pause_s: float) -> None:
    config = msgspec.json.decode((folder / "square.json").read_bytes(), type=SimulatorConfig)
    simulator = SquareSimulator(config)
    loop = asyncio.get_running_loop()
    async with serve_simulator(simulator) as url:
        (folder / "square.url.new").write_text(url)
        (folder / "square.url.new").rename(folder / "square.url")
        while (word := await loop.run_in_executor(None, sys.stdin.readline)).strip():
            assert word.strip() == "deliver"
            work = Round(folder)
            await work.all_of(simulator, pause_s)
            sys.stdout.write(f"{len(work.bodies)} {work.again}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))
