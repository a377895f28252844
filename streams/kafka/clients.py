"""Clients of aiokafka, made the same way everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import aiokafka
import aiokafka.producer.sender as stock_sender
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    NotCoordinatorError,
    for_code,
)
from aiokafka.protocol.commit import OffsetFetchRequest

from streams.kafka.options import KafkaOptions
from streams.kafka.security import Security
from streams.log import TP

# Wait after "the last transaction's markers are still being written": 20 ms by default, and
# they take 1 to 3.
stock_sender.BACKOFF_OVERRIDE = 0.002

REQUEST_MS = 20_000
STOP_S = 3.0
OFFSETS_TRIES, OFFSETS_PAUSE_S = 50, 0.1
RETRY_MS, RETRY_CONNECTED_S = 200, 0.005
_MOVED = (CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError)


class _Sender(stock_sender.Sender):  # type: ignore[misc]  # aiokafka is untyped
    """
    Asks a healthy broker again at once, and does not hammer a dead one.

    With a short back-off for both, each producer makes thousands of connections a second.
    """

    _slow = RETRY_MS / 1000

    @property
    def _retry_backoff(self) -> float:
        connections = self.client._conns.values()  # noqa: SLF001
        connected = any(connection.connected() for connection in connections)
        return RETRY_CONNECTED_S if connected else self._slow

    @_retry_backoff.setter
    def _retry_backoff(self, seconds: float) -> None:
        self._slow = seconds


class Clients:
    """Makes clients of one cluster for one application."""

    def __init__(self, bootstrap: str, options: KafkaOptions, security: Security) -> None:
        self.bootstrap = bootstrap
        self.options = options
        self.security = security

    def _common(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": self.bootstrap,
            "metadata_max_age_ms": 30_000,
            **self.security.settings(),
        }

    def group_member(self, group: str, assignor: Any) -> Any:
        """Return the consumer that gets lanes assigned; Faust starts it in its thread."""
        options = self.options
        session_ms = int(options.session_s * 1000)
        return aiokafka.AIOKafkaConsumer(
            **self._common(),
            client_id=f"{group}-{options.name}",
            group_id=group,
            group_instance_id=options.name if options.static else None,
            partition_assignment_strategy=[assignor],
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=options.fetch_kb << 10,
            fetch_max_bytes=8 * options.fetch_kb << 10,
            fetch_max_wait_ms=500,
            max_poll_interval_ms=1_000_000,
            request_timeout_ms=max(REQUEST_MS, 2 * session_ms),
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 4,
            rebalance_timeout_ms=2 * session_ms,
            retry_backoff_ms=50,
        )

    def consumer(self, *, committed: bool = True) -> Any:
        """Return a consumer without a group; `committed` hides what may still be undone."""
        return aiokafka.AIOKafkaConsumer(
            **self._common(),
            isolation_level="read_committed" if committed else "read_uncommitted",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=500,
            max_partition_fetch_bytes=self.options.fetch_kb << 10,
            fetch_max_bytes=8 * self.options.fetch_kb << 10,
            request_timeout_ms=REQUEST_MS,
        )

    def producer(self, transactional_id: str | None = None) -> Any:
        """Return an idempotent producer, or that of a lane's transactions."""
        given: dict[str, Any] = {"enable_idempotence": True, "linger_ms": 1}
        if transactional_id is not None:
            given = {
                "transactional_id": transactional_id,
                "transaction_timeout_ms": int(self.options.transaction_s * 1000),
                "linger_ms": 0,
            }
        compression = self.options.compression
        producer = aiokafka.AIOKafkaProducer(
            **self._common(),
            **given,
            acks="all",
            compression_type=None if compression == "none" else compression,
            max_batch_size=1 << 20,
            max_request_size=self.options.record_mb << 20,
            request_timeout_ms=REQUEST_MS,
            retry_backoff_ms=RETRY_MS,
        )
        producer._sender.__class__ = _Sender  # noqa: SLF001
        return producer

    def admin(self) -> Any:
        """Return an admin client of aiokafka."""
        return AIOKafkaAdminClient(**self._common(), request_timeout_ms=REQUEST_MS)


class GroupOffsets:
    """
    Committed offsets of groups, read strictly.

    aiokafka 0.14 ignores the error of a whole OffsetFetch answer: while a coordinator loads,
    its consumers read "never committed", and a lane would begin all over.
    """

    def __init__(self, admin: Any) -> None:
        self._admin = admin
        self._coordinators: dict[str, int] = {}

    async def fetch(self, group: str, tps: Iterable[TP]) -> dict[TP, int | None]:
        """
        Return the offset of each partition, None where nothing was ever committed.

        Raises:
            KafkaError: the coordinator cannot tell for five seconds.
        """
        wanted: dict[str, list[int]] = {}
        for topic, partition in tps:
            wanted.setdefault(topic, []).append(partition)
        for left in reversed(range(OFFSETS_TRIES)):
            try:
                return await self._fetch(group, wanted)
            except KafkaError as error:
                self._coordinators.pop(group, None)
                if not left or not (isinstance(error, _MOVED) or error.retriable):
                    raise
            await asyncio.sleep(OFFSETS_PAUSE_S)
        raise AssertionError("unreachable")

    async def _fetch(self, group: str, wanted: dict[str, list[int]]) -> dict[TP, int | None]:
        node = self._coordinators.get(group)
        if node is None:
            node = await self._admin.find_coordinator(group)
            self._coordinators[group] = node
        request = OffsetFetchRequest(group, list(wanted.items()))
        answer = await self._admin._send_request(request, node)  # noqa: SLF001
        if code := getattr(answer, "error_code", 0):
            raise for_code(code)
        found: dict[TP, int | None] = {}
        for topic, partitions in answer.topics:
            for partition, offset, _, code in partitions:
                if code:
                    raise for_code(code)
                found[TP(topic, partition)] = None if offset < 0 else offset
        return found


async def stop_quietly(client: Any) -> None:
    """Stop a client, which could wait for ever for a broker that is away."""
    # A task of its own: a consumer that is stopped at once raises CancelledError.
    stopping = asyncio.ensure_future(client.stop())
    await asyncio.wait([stopping], timeout=STOP_S)
    if not stopping.done():
        stopping.cancel()
    elif not stopping.cancelled():
        stopping.exception()  # what it leaves open, the next owner ends
