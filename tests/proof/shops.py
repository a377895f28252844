"""The simulated Square as the proofs see it from outside."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec

from connectors.simulation.truth import Totals
from connectors.square.simulator import SimulatorConfig
from tests.proof.site import ROOT


def just_past(seconds: int) -> datetime:
    """Return when a trade of so many seconds must begin to lie in the past, whole."""
    return datetime.now(UTC) - timedelta(seconds=seconds, minutes=2)


class Square:
    """A process that sells, tells and repeats; `pause_s` slows its deliveries down."""

    def __init__(self, folder: Path, config: SimulatorConfig, pause_s: float = 0) -> None:
        self._folder = folder
        (folder / "square.json").write_bytes(msgspec.json.encode(config))
        command = [sys.executable, "-W", "ignore", "-m", "tests.proof.square_process"]
        with (folder / "square.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                [*command, str(folder), str(pause_s)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    @property
    def url(self) -> str:
        where, deadline = self._folder / "square.url", time.monotonic() + 60
        while not where.exists():
            assert self.process.poll() is None, (self._folder / "square.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return where.read_text()

    def begin(self) -> None:
        """Begin to deliver."""
        assert self.process.stdin is not None
        self.process.stdin.write("deliver\n")
        self.process.stdin.flush()

    def acknowledged(self) -> int:
        """Return how many deliveries got a 2xx so far."""
        try:
            return int((self._folder / "acknowledged").read_text() or 0)
        except (FileNotFoundError, ValueError):
            return 0

    def end(self) -> tuple[int, int]:
        """Wait until all is delivered; return how many were, and attempts that failed."""
        assert self.process.stdout is not None
        delivered, again = self.process.stdout.readline().split()
        return int(delivered), int(again)

    def bodies(self) -> set[str]:
        """Return the SHA-256 of all acknowledged bodies."""
        return set((self._folder / "bodies").read_text().split())

    def totals(self) -> Totals:
        """Return its own sums."""
        answer = httpx.get(f"{self.url}/totals", timeout=60)
        return msgspec.json.decode(answer.content, type=Totals)

    def leave(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
