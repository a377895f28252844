"""One installation of Tillstream for the proofs: its settings, its process, the way in."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
from pydantic import SecretStr

from connectors.square.simulator import SimulatorConfig, bakeries
from schemas.sealing import generate_master_key
from schemas.sync import SyncRun, SyncStatus
from streams.roles import Role
from streams.settings import Settings, SquareSettings, load
from streams.worker import Worker

ROOT = Path(__file__).parents[2]
API = "/api/v1/pos"
SIGNATURE_KEY = "a-signature-key-of-proofs"
PATIENCE_S = 120.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Site:
    """Folder, port and keys that outlive every process of the installation."""

    def __init__(self, folder: Path, *, lanes: int = 4, log: str = "") -> None:
        self.folder = folder
        self.port = free_port()
        self.lanes = lanes
        self.keys = f"k1:{generate_master_key()}"
        self.admin_key = "an-admin-key-of-proofs"
        self.log = f"embedded://{folder}/log{log}"
        self.square_url = "http://127.0.0.1:9"
        self.api_key = ""
        self.accounts: dict[str, str] = {}
        self.more: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def hook(self) -> str:
        return f"{self.url}{API}/webhooks/square"

    def settings(self) -> Settings:
        return load(
            log=self.log,
            data_dir=self.folder,
            lanes=self.lanes,
            host="127.0.0.1",
            port=self.port,
            keys=self.keys,
            admin_key=self.admin_key,
            square=SquareSettings(
                signature_key=SecretStr(SIGNATURE_KEY),
                notification_url=self.hook,
                base_url=self.square_url,
                calls_per_second=1000,
            ),
        )

    def environment(self) -> dict[str, str]:
        return _with_bytecode(dict(os.environ)) | {
            "TILLSTREAM_LOG": self.log,
            "TILLSTREAM_DATA_DIR": str(self.folder),
            "TILLSTREAM_LANES": str(self.lanes),
            "TILLSTREAM_PORT": str(self.port),
            "TILLSTREAM_KEYS": self.keys,
            "TILLSTREAM_ADMIN_KEY": self.admin_key,
            "TILLSTREAM_LOG_LEVEL": "info",
            "TILLSTREAM_SQUARE__SIGNATURE_KEY": SIGNATURE_KEY,
            "TILLSTREAM_SQUARE__NOTIFICATION_URL": self.hook,
            "TILLSTREAM_SQUARE__BASE_URL": self.square_url,
            "TILLSTREAM_SQUARE__CALLS_PER_SECOND": "1000",
            **self.more,
        }

    def simulation(self, **given: Any) -> SimulatorConfig:
        """Return two bakeries whose webhooks go to this installation."""
        ours = {"signature_key": SIGNATURE_KEY, "notification_url": self.hook}
        return SimulatorConfig(shops=bakeries(2), **{**ours, **given})

    def client(self, key: str = "") -> httpx.Client:
        headers = {"authorization": f"Bearer {key or self.api_key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def set_up(self, config: SimulatorConfig, products: list[Any], days: int) -> None:
        """Make tenant, products and accounts through the API, and ask for the history."""
        with self.client(self.admin_key) as admin:
            made = admin.post("/api/v1/tenants", json={"name": "Bakers", "tenant_id": "bakers"})
            self.api_key = made.raise_for_status().json()["api_key"]
        with self.client() as api:
            api.put(f"{API}/products", json={"products": products}).raise_for_status()
            for bakery in config.shops:
                form = {"provider": "square", "location_id": bakery.location_id}
                answer = api.post(
                    f"{API}/accounts", json=form | {"access_token": bakery.token}
                ).raise_for_status()
                self.accounts[bakery.location_id] = answer.json()["account_id"]
            self.import_history(api, days)

    def import_history(self, api: httpx.Client, days: int) -> None:
        for account in self.accounts.values():
            url = f"{API}/accounts/{account}/sync/historical"
            api.post(url, json={"days": days}).raise_for_status()


def _with_bytecode(environment: dict[str, str]) -> dict[str, str]:
    """Keep compiled modules, as an installation does: they halve the time of a start."""
    if environment.pop("PYTHONDONTWRITEBYTECODE", ""):
        environment.setdefault("PYTHONPYCACHEPREFIX", str(ROOT / "build" / "bytecode"))
    return environment


class Till:
    """The real process, `tillstream up`, started and ended as an operator or a crash would."""

    role = "up"
    program: tuple[str, ...] = ("-m", "streams.cli")

    def __init__(self, site: Site) -> None:
        self.site = site
        self.url = site.url
        self.words_file = site.folder / "till.log"
        self.process: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        return self.site.environment()

    def start(self) -> None:
        command = [sys.executable, "-W", "ignore", *self.program, self.role]
        with self.words_file.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                command, cwd=ROOT, env=self.environment(), stdout=log, stderr=log
            )

    def ready(self) -> float:
        """Wait until it is ready; return the seconds."""
        began = time.perf_counter()
        while time.perf_counter() - began < PATIENCE_S:
            assert self.process is not None
            assert self.process.poll() is None, self.words()
            try:
                if httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                    return time.perf_counter() - began
                time.sleep(0.02)
            except httpx.TransportError:
                time.sleep(0.02)
        raise AssertionError(self.words())

    def up(self) -> float:
        self.start()
        return self.ready()

    def kill(self) -> None:
        """Kill -9; it must have been alive."""
        assert self.process is not None
        assert self.process.poll() is None, self.words()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self) -> float:
        """Stop with SIGTERM; return the seconds it took."""
        assert self.process is not None
        began = time.perf_counter()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, self.words()
        return time.perf_counter() - began

    def leave(self) -> None:
        """End it, if it runs, whatever became of the test."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def words(self) -> str:
        return self.words_file.read_text()[-3000:]


@asynccontextmanager
async def running(
    site: Site, kind: type[Worker] = Worker, *, serve: bool = False, **given: Any
) -> AsyncIterator[Worker]:
    """Run the whole worker in this process; nothing fatal may happen."""
    failures: list[BaseException] = []
    worker = kind(site.settings(), fatal=failures.append, **given)
    await worker.start(serve=serve)
    try:
        yield worker
    finally:
        await worker.stop()
    assert not failures


async def settled(worker: Worker) -> None:
    """Wait until nothing is left to do: no records, no fetches, no sync runs."""
    lanes, views = range(worker.settings.lanes), worker.runtime.views
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if worker.role is Role.SERVE or "fetch" in worker.runtime.stages:
            await views.settle(lanes, PATIENCE_S, stages=("commands", "fetch"))
        await views.settle(lanes, PATIENCE_S)
        rows = [row for lane in lanes for _, row in views.scan("normalise.syncs", lane, b"")]
        runs = [msgspec.msgpack.decode(row, type=SyncRun) for row in rows]
        busy = any(run.status is SyncStatus.RUNNING for run in runs)
        if not busy and not any(views.lag().values()):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not settled: {views.lag()}")
