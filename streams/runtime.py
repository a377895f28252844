"""
One process: an event log chosen by URL, a Faust app on it, and the stages.

    embedded:///var/lib/tillstream/log?sync=1&chunk=96    or a plain path
    kafka://host:9092,host2:9092?worker=w1
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import faust
import structlog

from streams.embedded.engine import EmbeddedEngine
from streams.embedded.log import EmbeddedLog
from streams.embedded.options import parse
from streams.engine import Engine
from streams.errors import SetupError
from streams.kafka.engine import KafkaEngine
from streams.kafka.security import Security
from streams.lane import Lane
from streams.log import TP, EventLog, Topic
from streams.stage import Job, Stage, StageSettings
from streams.views import Replica, Views

__all__ = ["HungError", "Job", "Runtime", "is_shared", "open_log"]

logger = structlog.get_logger(__name__)

WATCHDOG_S = 60.0


class HungError(Exception):
    """A lane has had records waiting and no commit for too long: restart the process."""


class _Chunks(faust.Schema):  # type: ignore[misc]  # Faust is untyped
    """Events carry a `Chunk`: there is nothing to decode."""

    def loads_key(self, *_: Any, **__: Any) -> None:
        return None

    def loads_value(self, _app: Any, message: Any, **_: Any) -> Any:
        return message.value


def is_shared(url: str) -> bool:
    """Say whether several processes can work on the log of this URL."""
    return urlsplit(url).scheme == "kafka"


def open_log(url: str) -> EmbeddedLog:
    """
    Open the embedded log that a URL names, for care of its files.

    Raises:
        SetupError: the URL is not understood, or another process has the folder.
        LogCorruptError: the log is damaged; the message says what to do.
    """
    scheme = urlsplit(url).scheme
    if scheme == "kafka":
        raise SetupError("this is for the embedded log; Kafka's brokers keep their own copies")
    if scheme not in ("", "embedded"):
        raise SetupError(
            f"log {scheme}:// is unknown; set TILLSTREAM_LOG to embedded:///a/folder or "
            "kafka://host:9092"
        )
    return EmbeddedLog(*parse(url))


def open_engine(url: str, app_id: str, datadir: Path, security: Security) -> Engine:
    """
    Choose the log by URL; errors as in `open_log`.

    Args:
        security: how to sign in to brokers; the embedded log has none.
    """
    if is_shared(url):
        return KafkaEngine(url, app_id, datadir, security)
    return EmbeddedEngine(open_log(url))


def open_event_log(url: str, app_id: str, datadir: Path, security: Security) -> EventLog:
    """Open either log without stages, for tools; errors as in `open_log`."""
    return open_engine(url, app_id, datadir, security).log


class Runtime:
    """
    Log, Faust app and stages of one process.

    Args:
        url: which log; see above.
        app_id: name of the Faust app.
        datadir: where Faust keeps its few files.
        jobs: what the stages do; none at all is fine for tools that only read and append.
        takes_lanes: whether the stages run here; else they are only waited for and read.
        copied: tables whose rows are read of all lanes, also of those of other processes.
        on_lanes: called when this process got or lost lanes.
        topics: what must exist.
        fatal: ends the process; called when the log is damaged or a lane hangs.
        watchdog_s: seconds a lane may have records waiting without a commit.
        security: how to sign in to Kafka's brokers.
    """

    def __init__(
        self,
        url: str,
        *,
        app_id: str,
        datadir: str | Path,
        jobs: Sequence[Job],
        topics: Sequence[Topic],
        fatal: Callable[[BaseException], None],
        takes_lanes: bool = True,
        copied: Collection[str] = (),
        on_lanes: Callable[[], None] = lambda: None,
        watchdog_s: float = WATCHDOG_S,
        security: Security | None = None,
    ) -> None:
        _check(jobs, {topic.name: topic for topic in topics})
        self._engine = open_engine(url, app_id, Path(datadir), security or Security())
        self._topics, self._fatal, self._on_lanes = tuple(topics), fatal, on_lanes
        self._watchdog_s = watchdog_s
        self._watchdog: asyncio.Task[None] | None = None
        self._assigned = asyncio.Event()
        self.log: EventLog = self._engine.log
        specs = [job.spec for job in jobs]
        computing = [job.spec.name for job in jobs if job.step is not None]
        self.own_views: Views = self._engine.views(specs, computing)
        self.replica: Replica | None = (
            self._engine.replica(specs, computing, copied) if copied else None
        )
        self.views: Views = self.replica or self.own_views
        self.stages: Mapping[str, Stage] = self._stages(jobs) if takes_lanes else {}
        self._engine.on_lost_state(self._reopen)
        self._engine.on_taken_lane(self._lane_taken)
        self._app = self._build_app(app_id, Path(datadir)) if self.stages else None

    def _stages(self, jobs: Sequence[Job]) -> Mapping[str, Stage]:
        settings = StageSettings(
            turn=asyncio.Lock(),
            seek=self._seek,
            fatal=self._fatal,
            chunk=self._engine.chunk,
            fenced_wait_s=self._engine.fenced_wait_s,
            stop_s=self._engine.stop_s,
        )
        readers = Counter(topic for job in jobs for topic in job.spec.sources)
        shared = frozenset(topic for topic, count in readers.items() if count > 1)
        return {job.spec.name: Stage(job, self.log, settings, shared) for job in jobs}

    def _build_app(self, app_id: str, datadir: Path) -> Any:
        folder = datadir / "faust"
        folder.mkdir(parents=True, exist_ok=True)
        app = faust.App(
            app_id,
            datadir=str(folder),
            web_enabled=False,
            topic_disable_leader=True,
            table_standby_replicas=0,
            stream_wait_empty=False,
            stream_buffer_maxsize=self._engine.buffer,
            broker_commit_interval=3600.0,
            topic_partitions=1,
            **self._engine.app_settings(),
        )
        specs = [stage.spec for stage in self.stages.values()]
        self._engine.connect(app, specs, self._fatal)
        for stage in self.stages.values():
            for topic in stage.spec.sources:
                _hand_over(app, stage, topic)
        # Connected strongly: Faust's signals forget handlers that nobody else holds.
        app.on_partitions_assigned.connect(self._on_assigned, weak=False)
        return app

    async def start(self) -> None:
        """
        Start everything; returns when the lanes are open, or have failed to open once.

        Raises:
            SetupError: a topic exists with another number of partitions.
        """
        await self.log.start()
        await self.log.create(self._topics)
        if self.replica is not None:
            await self.replica.start()
        if self._app is None:
            return
        await self._app.start()
        await self._assigned.wait()
        for stage in self.stages.values():
            await stage.opened()
        self._watchdog = asyncio.create_task(self._watch(), name="watchdog")

    async def stop(self) -> None:
        """Finish commits under way, leave the rest to the next start, close the log."""
        began = time.perf_counter()
        if self._watchdog is not None:
            self._watchdog.cancel()
        await asyncio.gather(*(stage.stop() for stage in self.stages.values()))
        if self._app is not None:
            try:
                await asyncio.wait_for(self._app.stop(), self._engine.stop_s)
            except Exception as error:  # noqa: BLE001 - it holds nothing that could be lost
                logger.warning("faust-stop-failed", error=type(error).__name__)
        if self.replica is not None:
            await self.replica.stop()
        await self.log.stop()
        logger.info("runtime-stopped", seconds=round(time.perf_counter() - began, 3))

    async def _on_assigned(self, _app: Any, assigned: Any, **_: Any) -> None:
        # Must not raise: Faust ends the app.
        for stage in self.stages.values():
            stage.assigned(assigned)
        self._assigned.set()
        self._on_lanes()

    def lag(self) -> dict[tuple[str, str, int], int]:
        """Return the records that lanes here, and the copy, have still to process."""
        return self.own_views.lag() | ({} if self.replica is None else self.replica.lag())

    def tenure(self, stage: str, lane: int) -> object | None:
        """
        Return what stands for this process's hold of a lane, None while it has none.

        Another object than before means that somebody else may have had it in between.
        """
        here = stage in self.stages and lane in self.stages[stage].lanes
        return self._engine.tenure(stage, lane) if here else None

    async def prove(self, stage: str, lane: int) -> None:
        """
        Make sure that no other process has the lane by now.

        Raises:
            FencedError: one has, or this one never had it.
            LogUnavailableError: nobody can say.
        """
        await self._engine.prove(stage, lane)

    async def _seek(self, tp: TP, offset: int) -> None:
        """Deliver again from `offset`, or from further back where another stage needs it."""
        if self._app is None:
            return
        lowest = offset
        for stage in self.stages.values():
            if tp.topic in stage.spec.sources:
                committed = await self.log.committed(stage.spec.name, [tp])
                lowest = min(lowest, committed[tp])
        await self._app.consumer.seek(tp, lowest)

    def _reopen(self, name: str | None, lane: int | None) -> None:
        for stage in self.stages.values():
            if name is None or lane is None:
                stage.refresh()
            elif stage.spec.name == name and lane in stage.lanes:
                stage.lanes[lane].refresh()

    def _lane_taken(self, name: str, number: int) -> None:
        if lane := self.stages[name].lanes.get(number):
            lane.taken()

    async def _watch(self) -> None:
        """End the process when a lane hangs: a restart is safe by design."""
        since: dict[Lane, tuple[int, float]] = {}
        while True:
            await asyncio.sleep(min(5.0, self._watchdog_s / 4))
            if self._app is not None and self._app.crashed:
                self._fatal(HungError("the Faust app has ended"))
                return
            now = time.monotonic()
            # Lanes that left are forgotten: one that comes back begins anew.
            since = {
                lane: seen
                if (seen := since.get(lane)) is not None and seen[0] == lane.commits
                else (lane.commits, now)
                for lane in self._waiting()
            }
            for lane, (_, then) in since.items():
                if now - then >= self._watchdog_s:
                    self._fatal(HungError(f"{lane}: no commit"))
                    return

    def _waiting(self) -> list[Lane]:
        """Return the lanes here that have records to process and no provider to wait for."""
        lag = self.own_views.lag()
        late = {(stage, lane) for (stage, _, lane), count in lag.items() if count}
        return [
            lane
            for name, stage in self.stages.items()
            if stage.job.handler is None
            for number, lane in stage.lanes.items()
            if (name, number) in late
        ]


def _hand_over(app: Any, stage: Stage, topic: str) -> None:
    async def run(stream: Any) -> None:
        async for event in stream.events():
            await stage.offer(event.message.tp, event.message.value)

    app.agent(app.topic(topic, schema=_Chunks()), name=f"{stage.spec.name}-{topic}")(run)


def _check(jobs: Sequence[Job], topics: Mapping[str, Topic]) -> None:
    """Refuse jobs whose topics are not declared or whose tables could not be rebuilt."""
    names = [job.spec.name for job in jobs]
    if len(names) != len(set(names)):
        raise SetupError(f"two stages have the same name: {sorted(names)}")
    for spec in (job.spec for job in jobs):
        used = {*spec.sources, *spec.outputs, *(table.changelog for table in spec.tables)}
        used |= {spec.rejected} if spec.rejected else set()
        if missing := sorted(used - set(topics)):
            raise SetupError(f"stage {spec.name} uses undeclared topics: {missing}")
        for table in spec.tables:
            log = topics[table.changelog]
            if log.retention_s is not None and not log.compact:
                raise SetupError(
                    f"table {spec.name}.{table.name}: {log.name} is its changelog and must be "
                    "compacted or kept for ever"
                )
