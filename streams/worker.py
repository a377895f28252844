"""The composition root: everything that runs in one process, started and stopped in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import structlog
import uvicorn

from connectors.catalogue import CONNECTORS, NEVER_ASKED
from connectors.contract import Connector
from schemas.sealing import KeyRing, KeyRingError, Sealer
from streams import registry
from streams.directory import Directory
from streams.errors import SetupError
from streams.exchanges import AccountExchanges
from streams.http.app import Services, create_api
from streams.ingest import Ingest
from streams.log import Effects, Record
from streams.metrics import Metrics
from streams.observe import Observer
from streams.runtime import Job, Runtime
from streams.settings import Settings
from streams.stages import commands, fetch, mapping, match, normalise, project
from streams.sync.run import SyncRunner
from streams.sync.service import SyncService
from streams.topics import all_topics

logger = structlog.get_logger(__name__)

APP_ID = "tillstream"

FETCH_CHUNK = 50
"""Fetches that are under way before their offsets are committed."""


def utc_now() -> datetime:
    """Return the time of now; the one clock of the process."""
    return datetime.now(UTC)


class _Server(uvicorn.Server):
    """Leaves signals to the worker, which stops HTTP before the log."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Worker:
    """
    One process of Tillstream.

    Args:
        fatal: called when going on would be wrong; it must end the process.
        polling: whether accounts are polled and webhook stubs fetched.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        fatal: Callable[[BaseException], None],
        connectors: Mapping[str, Connector] = CONNECTORS,
        clock: Callable[[], datetime] = utc_now,
        polling: bool = True,
    ) -> None:
        self.settings = settings
        self.connectors = connectors
        self.sealer = Sealer(_key_ring(settings))
        self._clock = clock
        self._polling = polling
        self._ready = asyncio.Event()
        self.runtime = Runtime(
            settings.log,
            app_id=APP_ID,
            datadir=settings.data_dir,
            jobs=self._jobs(),
            topics=all_topics(settings.lanes),
            fatal=fatal,
            security=settings.kafka.security(),
        )
        self.directory = self._directory()
        self.ingest = self._ingest()
        self.exchanges = AccountExchanges(
            settings, self.sealer, self.directory, clock=self._clock
        )
        self.sync = self._sync()
        self.fetcher = self._fetcher()
        self.metrics = Metrics(tenant_labels=settings.tenant_labels)
        self.observer = self._observer()
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    # -- parts -------------------------------------------------------------------------------

    def _directory(self) -> Directory:
        return Directory(
            self.runtime.log,
            self.sealer,
            self._clock,
            lanes=self.settings.lanes,
            views=self.runtime.views,
        )

    def _ingest(self) -> Ingest:
        return Ingest(
            self.runtime.log,
            self.directory,
            self.sealer,
            self._clock,
            lanes=self.settings.lanes,
            connectors=self.connectors,
            views=self.runtime.views,
        )

    def _sync(self) -> SyncService:
        retries = self.settings.sync_retries
        polled = {name: it for name, it in self.connectors.items() if name not in NEVER_ASKED}
        return SyncService(
            accounts=self.directory,
            connectors=polled,
            runner=SyncRunner(self.ingest, self.exchanges, self._clock, retries=retries),
            views=self.runtime.views,
            settings=self.settings,
            clock=self._clock,
        )

    def _fetcher(self) -> fetch.Fetcher:
        return fetch.Fetcher(
            accounts=self.directory,
            connectors=self.connectors,
            exchanges=self.exchanges,
            ingest=self.ingest,
            clock=self._clock,
        )

    def _observer(self) -> Observer:
        return Observer(
            self.runtime.log,
            self.metrics,
            lanes=self.settings.lanes,
            account=self.directory.account,
            accounts=self.directory.all_accounts,
            views=self.runtime.views,
            alert_on_unmapped=self.settings.alert_on_unmapped,
            stage_records=self._stage_records,
        )

    # -- life --------------------------------------------------------------------------------

    async def start(self, *, serve: bool = True) -> None:
        """
        Start the log, the lanes, what follows the log, the pollers, then HTTP.

        Raises:
            SetupError: the port is taken, or topics or schemas differ from what is needed.
        """
        settings = self.settings
        await asyncio.to_thread(registry.adopt, settings.registry(), settings.data_dir)
        await self.runtime.start()
        await self.directory.start()
        await self.observer.start()
        self._ready.set()
        if self._polling:
            await self.sync.start()
        if serve:
            await self._serve()

    async def stop(self) -> None:
        """Stop in reverse: nobody is accepted any more before the log goes."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
        await self.sync.stop()
        await self.exchanges.settled()
        await self.observer.stop()
        await self.directory.stop()
        await self.runtime.stop()
        await self.exchanges.close()

    @property
    def url(self) -> str:
        """Return where the API answers."""
        if self._server is None:
            raise RuntimeError("the API is not served")
        host, port = self._server.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    async def _serve(self) -> None:
        config = uvicorn.Config(
            create_api(self._services()),
            host=self.settings.host,
            port=self.settings.port,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(), name="http")
        while not self._server.started:
            if self._serving.done():
                self._serving.result()
                raise SetupError(f"{self.settings.host}:{self.settings.port} is taken")
            await asyncio.sleep(0.01)

    def _services(self) -> Services:
        return Services(
            log=self.runtime.log,
            views=self.runtime.views,
            directory=self.directory,
            ingest=self.ingest,
            sealer=self.sealer,
            settings=self.settings,
            metrics=self.metrics,
            connectors=self.connectors,
            probe=self.exchanges.probe,
            clock=self._clock,
            problems=self._problems,
            refresh_metrics=self.observer.refresh,
            next_due=self.sync.next_due,
        )

    def _stage_records(self) -> dict[str, int]:
        return {name: stage.stats.records for name, stage in self.runtime.stages.items()}

    def _problems(self) -> list[str]:
        """Say why this process is not ready to serve."""
        problems = [] if self._ready.is_set() else ["starting"]
        if failing := self.directory.failing:
            problems.append(f"the directory does not follow the log: {failing}")
        return problems

    # -- stages ------------------------------------------------------------------------------

    def _jobs(self) -> list[Job]:
        settings = self.settings
        jobs = [
            Job(normalise.SPEC, normalise.normaliser(self.connectors, self.sealer)),
            Job(mapping.SPEC, mapping.step),
            Job(project.SPEC, project.projector(settings.lanes)),
            Job(match.SPEC, match.matcher(settings)),
        ]
        if self._polling:
            jobs.append(Job(fetch.SPEC, handler=self._fetch, chunk=FETCH_CHUNK))
            jobs.append(Job(commands.SPEC, handler=self._command))
        return jobs

    async def _fetch(self, records: Sequence[Record]) -> Effects:
        await self._ready.wait()
        return await self.fetcher.handle(records)

    async def _command(self, records: Sequence[Record]) -> Effects:
        await self._ready.wait()
        return await self.sync.handle(records)


def _key_ring(settings: Settings) -> KeyRing:
    try:
        return KeyRing.from_text(settings.master_keys())
    except KeyRingError as error:
        raise SetupError(f"TILLSTREAM_KEYS: {error}; `tillstream keys new` makes one") from None


async def run_until_signal(worker: Worker, started: Callable[[Worker], None]) -> None:
    """Run a worker until SIGTERM or SIGINT; `started` is called once it serves."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await worker.start()
    started(worker)
    await stop.wait()
    await worker.stop()
