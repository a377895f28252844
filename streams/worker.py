"""The composition root: everything that runs in one process, started and stopped in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import structlog

from connectors.access import Target
from connectors.catalogue import ACCESSES, CONNECTORS, NEVER_ASKED
from connectors.contract import Connector
from schemas.sealing import KeyRing, KeyRingError, Sealer
from streams import registry
from streams.authorizations import Authorizations
from streams.consents import Consents
from streams.directory import Directory
from streams.errors import SetupError
from streams.exchanges import AccountExchanges
from streams.http.app import Services, create_api, create_probes
from streams.http.serving import HttpServer
from streams.http.webhooks import PATH as WEBHOOKS_PATH
from streams.ingest import Ingest
from streams.log import Effects, Record
from streams.metrics import Metrics
from streams.observe import Observer
from streams.roles import COPIED, Role
from streams.runtime import Job, Runtime, is_shared
from streams.settings import Settings
from streams.stages import commands, fetch, mapping, match, normalise, project
from streams.subscribing import Subscriber
from streams.sync.days import DayChecks
from streams.sync.run import SyncRunner
from streams.sync.service import SyncService
from streams.sync.subscriptions import Subscriptions
from streams.topics import all_topics
from streams.views import Staleness

logger = structlog.get_logger(__name__)

APP_ID = "tillstream"

FETCH_CHUNK = 50
"""Fetches that are under way before their offsets are committed."""


def utc_now() -> datetime:
    """Return the time of now; the one clock of the process."""
    return datetime.now(UTC)


class Worker:
    """
    One process of Tillstream.

    Args:
        fatal: called when going on would be wrong; it must end the process.
        role: what runs here; on the embedded log everything must, or a tool alone.
        polling: False calls no provider, whatever the role.

    Raises:
        SetupError: a setting is missing, or the log does not allow the role.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        fatal: Callable[[BaseException], None],
        role: Role = Role.UP,
        connectors: Mapping[str, Connector] = CONNECTORS,
        clock: Callable[[], datetime] = utc_now,
        polling: bool = True,
    ) -> None:
        self.settings = settings
        self.role = role
        self.connectors = connectors
        self.sealer = Sealer(_key_ring(settings))
        self._clock = clock
        self._polling = polling and role.calls_providers
        self._ready = asyncio.Event()
        self.runtime = self._runtime(fatal)
        self.directory = self._directory()
        self.ingest = self._ingest()
        self.exchanges = AccountExchanges(
            settings, self.sealer, self.directory, clock=self._clock, fence=self._fence
        )
        self.authorizations = Authorizations(
            self.runtime.log, self._clock, lanes=settings.lanes
        )
        self.sync = self._sync()
        self.fetcher = self._fetcher()
        self.subscriptions = self._subscriptions()
        self.metrics = Metrics(tenant_labels=settings.tenant_labels)
        self.observer = self._observer()
        self._server: HttpServer | None = None

    # -- parts -------------------------------------------------------------------------------

    def _runtime(self, fatal: Callable[[BaseException], None]) -> Runtime:
        settings = self.settings
        if not is_shared(settings.log) and self.role in {Role.SERVE, Role.WORK}:
            raise SetupError(
                f"the embedded log is of one process, so `{self.role}` cannot have it alone: "
                "run `tillstream up`, or set TILLSTREAM_LOG to kafka://host:9092"
            )
        return Runtime(
            settings.log,
            app_id=APP_ID,
            datadir=settings.data_dir,
            jobs=self._jobs(),
            topics=all_topics(settings.lanes),
            fatal=fatal,
            takes_lanes=self.role.takes_lanes,
            copied=COPIED if self.role.answers else (),
            on_lanes=self._on_lanes,
            security=settings.kafka.security(),
        )

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
        runner = SyncRunner(
            self.ingest,
            self.exchanges,
            self._clock,
            retries=self.settings.sync_retries,
            opens_after=self.settings.circuit_failures,
            grant_over=self.directory.grant_over,
        )
        polled = {name: it for name, it in self.connectors.items() if name not in NEVER_ASKED}
        return SyncService(
            accounts=self.directory,
            connectors=polled,
            runner=runner,
            days=DayChecks(
                ingest=self.ingest,
                exchanges=self.exchanges,
                runner=runner,
                views=self.runtime.own_views,
                settings=self.settings,
                clock=self._clock,
            ),
            views=self.runtime.own_views,
            settings=self.settings,
            clock=self._clock,
            tenure=self._tenure,
        )

    def _subscriptions(self) -> Subscriptions:
        def here(account_id: str) -> bool:
            return self._tenure(self.directory.lane(account_id)) is not None

        return Subscriptions(
            accounts=self.directory,
            accesses=ACCESSES,
            exchanges=self.exchanges,
            target=self._target,
            here=here,
            clock=self._clock,
        )

    def _target(self, provider: str) -> Target | None:
        """Return where a provider is to send its webhooks; they all want HTTPS."""
        public, found = self.settings.public_url or "", self.settings.provider(provider)
        if found is None or not public.startswith("https://"):
            return None
        user, secret = found.basic_login()
        return Target(url=f"{public}{WEBHOOKS_PATH}{provider}", user=user, secret=secret)

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
            here=lambda lane: self._tenure(lane) is not None,
            views=self.runtime.own_views,
            alert_on_unmapped=self.settings.alert_on_unmapped,
            stage_records=self._stage_records,
            open_circuits=self.sync.open_circuits,
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
        if self.role.answers:
            await self.authorizations.start()
        if self.role.takes_lanes:
            await self.observer.start()
        self._ready.set()
        if self._polling:
            await self.exchanges.recover(self.directory.all_accounts())
            await self.sync.start()
            if self.settings.ask_for_webhooks:
                await self.subscriptions.start()
        if serve:
            await self._serve()

    async def stop(self) -> None:
        """Stop in reverse: nobody is accepted any more before the log goes."""
        if self._server is not None:
            await self._server.stop()
        await self.subscriptions.stop()
        await self.sync.stop()
        await self.exchanges.settled()
        await self.observer.stop()
        await self.authorizations.stop()
        await self.directory.stop()
        await self.runtime.stop()
        await self.exchanges.close()

    @property
    def url(self) -> str:
        """Return where the API answers; of `work`, where its metrics are."""
        if self._server is None:
            raise RuntimeError("nothing is served")
        return self._server.url

    async def _serve(self) -> None:
        settings, services = self.settings, self._services()
        if self.role.answers:
            self._server = HttpServer(create_api(services), settings.host, settings.port)
        else:
            self._server = HttpServer(
                create_probes(services), settings.host, settings.work_port
            )
        await self._server.start()

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
            consents=self._consents(),
            subscriber=Subscriber(ACCESSES, self.exchanges, self.sealer, self._target),
            clock=self._clock,
            problems=self._problems,
            refresh_metrics=self._refresh_metrics,
            lag=self.runtime.lag,
            staleness=self._staleness,
        )

    def _refresh_metrics(self) -> None:
        if self.role.takes_lanes:
            self.observer.refresh()
        if (staleness := self._staleness()) is not None:
            self.metrics.staleness(staleness.seconds)

    def _staleness(self) -> Staleness | None:
        replica = self.runtime.replica
        return None if replica is None else replica.staleness()

    def _consents(self) -> Consents:
        return Consents(
            self.settings,
            self.sealer,
            self.directory,
            self.exchanges,
            self.authorizations,
            self._clock,
        )

    def _stage_records(self) -> dict[str, int]:
        return {name: stage.stats.records for name, stage in self.runtime.stages.items()}

    def _problems(self) -> list[str]:
        """Say why this process is not ready to serve."""
        problems = [] if self._ready.is_set() else ["starting"]
        if failing := self.directory.failing:
            problems.append(f"the directory does not follow the log: {failing}")
        replica = self.runtime.replica
        if replica is not None and replica.trouble:
            problems.append(replica.trouble)
        if replica is not None and (unfolded := replica.unfolded):
            problems.append(f"{unfolded} lanes of the replica are being folded")
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
        if self._polling or not self.role.takes_lanes:
            jobs.append(Job(fetch.SPEC, handler=self._fetch, chunk=FETCH_CHUNK))
            jobs.append(Job(commands.SPEC, handler=self._command))
        return jobs

    def _tenure(self, lane: int) -> object | None:
        """Return the hold of a lane: who has it for the stage that keeps the sync runs."""
        return self.runtime.tenure(normalise.NAME, lane)

    async def _fence(self, account_id: str) -> None:
        """Let a write at a provider through while the lane by which it came is ours."""
        lane = self.directory.lane(account_id)
        await self.runtime.prove(fetch.NAME, lane)

    def _on_lanes(self) -> None:
        self.sync.look_again()

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
