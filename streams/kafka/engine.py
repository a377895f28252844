"""The Kafka log as the runtime uses it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from streams.embedded.transport import QuickTables
from streams.kafka.clients import Clients
from streams.kafka.lanes import LaneAssignor
from streams.kafka.log import KafkaLog
from streams.kafka.options import parse
from streams.kafka.quiet import hush
from streams.kafka.replica import KafkaReplica
from streams.kafka.security import Security
from streams.kafka.transport import Transport
from streams.kafka.views import KafkaViews
from streams.log import TP, FencedError, StageSpec

REQUEST_S = 40.0


class KafkaEngine:
    """
    An `Engine`; lanes are shared with whoever else is in the group.

    Raises:
        SetupError: the URL is not understood.
    """

    stop_s = 4.0

    def __init__(self, url: str, app_id: str, folder: Path, security: Security) -> None:
        bootstrap, self._options = parse(url)
        hush()
        self._app_id = app_id
        self._folder = folder
        self._clients = Clients(bootstrap, self._options, security)
        self.log = KafkaLog(self._clients, app_id, folder)
        self.chunk = self._options.chunk
        self.buffer = self._options.buffer
        self.fenced_wait_s = 1.5 * self._options.session_s
        self._transport: Transport | None = None
        self._app: Any = None

    def views(self, specs: Sequence[StageSpec], computing: Iterable[str]) -> KafkaViews:
        """Return views over the lanes of this process."""
        return KafkaViews(self.log, specs, computing, self._silent)

    def replica(
        self, specs: Sequence[StageSpec], computing: Iterable[str], tables: Collection[str]
    ) -> KafkaReplica:
        """Return a copy of tables of all lanes."""
        return KafkaReplica(self.log, specs, computing, tables, self._folder / "replica")

    def tenure(self, stage: str, lane: int) -> object | None:
        """Return the open lane: opening it again is another hold."""
        return self.log.lanes.get((stage, lane))

    async def prove(self, stage: str, lane: int) -> None:
        """Commit the lane's positions as they are: a lane that was taken cannot."""
        held = self.log.lanes.get((stage, lane))
        if held is None:
            raise FencedError(f"stage {stage}, lane {lane} is not here")
        await held.prove()

    def _silent(self) -> Mapping[Any, tuple[int, int]]:
        return {} if self._app is None else self._app.consumer.silent

    def app_settings(self) -> dict[str, Any]:
        """Return the sessions of the group."""
        options = self._options
        return {
            "broker": f"kafka://{self._clients.bootstrap}",
            "TableManager": QuickTables,
            "broker_session_timeout": options.session_s,
            "broker_heartbeat_interval": options.session_s / 4,
            "broker_rebalance_timeout": 2 * options.session_s,
            "broker_request_timeout": max(REQUEST_S, 2 * options.session_s),
        }

    def connect(
        self,
        app: Any,
        specs: Sequence[StageSpec],
        fatal: Callable[[BaseException], None],  # noqa: ARG002 - brokers care for their disks
    ) -> None:
        """Give the app the transport of this log."""
        assignor = LaneAssignor(self._options.name, self.log.warm)

        async def positions(tps: list[TP]) -> dict[TP, int]:
            return await lowest(self.log, specs, tps)

        def member() -> Any:
            return self._clients.group_member(self._app_id, assignor)

        self._app = app
        app.transport = Transport(app, member, positions)
        app.producer_transport = Transport(app, member, positions)

    def on_lost_state(self, reopen: Callable[[str | None, int | None], None]) -> None:
        """State is lost for one lane at a time."""
        self.log.on_damage = reopen

    def on_taken_lane(self, taken: Callable[[str, int], None]) -> None:
        """Its changelogs grow without us: rows here are old, though no commit was refused."""
        self.log.on_taken = taken


async def lowest(log: KafkaLog, specs: Sequence[StageSpec], tps: Sequence[TP]) -> dict[TP, int]:
    """Return the position of the stage that is furthest behind in each partition."""
    found: dict[TP, int] = {}
    for spec in specs:
        mine = [tp for tp in tps if tp.topic in spec.sources]
        if mine:
            for tp, offset in (await log.committed(spec.name, mine)).items():
                found[tp] = min(offset, found.get(tp, offset))
    return found
