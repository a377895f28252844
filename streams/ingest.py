"""The one way into `pos.raw`: seal, append, return when it is durable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime

import msgspec
import structlog
from msgspec.structs import replace

from connectors.contract import Connector, Route
from schemas import topics
from schemas.account import Account, Tenant
from schemas.codec import UndecodableError, decode, encode
from schemas.identity import raw_id
from schemas.raw import Channel, RawEvent
from schemas.sealing import SealBrokenError, Sealer, UnknownKeyError
from streams.directory import UNCLAIMED, Directory
from streams.errors import SetupError
from streams.log import TP, EventLog, Headers, Out, Record, lane_of
from streams.operations.rejected import mark
from streams.reading import records_of
from streams.views import NotSettledError, Views

logger = structlog.get_logger(__name__)

KEPT_HEADERS_MAX = 16
HEADER_LENGTH_MAX = 256
CLAIMED_AT_ONCE = 100
SETTLE_S = 10.0


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """
    Bodies that came in together.

    Args:
        merchant: the provider's own name of the merchant; needed when no account is known.
        delivery_id: the provider's id of a single body, the same at every retry.
        headers: those worth keeping; see `kept_headers`.
        trace: a W3C traceparent to hand on.
    """

    provider: str
    channel: Channel
    resource: str
    bodies: tuple[bytes, ...]
    merchant: str = ""
    delivery_id: str | None = None
    headers: dict[str, str] = {}
    sync_id: str | None = None
    trace: str | None = None


class Ingest:
    """
    Appends raw events.

    What is about no account that is connected is kept under the lane key "provider:merchant",
    sealed for the system's own tenant; `normalise` puts it into `pos.rejected`, and `claim`
    takes it from there when the account is created.
    """

    def __init__(
        self,
        log: EventLog,
        directory: Directory,
        sealer: Sealer,
        clock: Callable[[], datetime],
        *,
        lanes: int,
        connectors: Mapping[str, Connector],
        views: Views | None = None,
    ) -> None:
        self._log = log
        self._directory = directory
        self._sealer = sealer
        self._clock = clock
        self._lanes = lanes
        self._connectors = connectors
        self._views = views
        self._unclaimed_under_way = 0
        self._none_under_way = asyncio.Event()
        self._none_under_way.set()

    async def append(
        self,
        account: Account | None,
        channel: Channel,
        resource: str,
        bodies: Sequence[bytes],
        *,
        provider: str = "",
        merchant: str = "",
        delivery_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        sync_id: str | None = None,
    ) -> list[str]:
        """
        Append bodies of one kind for one account, in order; return their raw ids.

        Args:
            provider, merchant: only where there is no account.

        Raises:
            LogUnavailableError: nothing of it can be promised to be kept.
            SetupError: the account's tenant is unknown.
        """
        arrival = Arrival(
            provider=account.provider if account else provider,
            channel=channel,
            resource=resource,
            bodies=tuple(bodies),
            merchant=account.merchant if account else merchant,
            delivery_id=delivery_id,
            headers=dict(headers or {}),
            sync_id=sync_id,
        )
        return await self.take([] if account is None else [account], arrival)

    async def take(self, accounts: Sequence[Account], arrival: Arrival) -> list[str]:
        """
        Append an arrival for each account, all or nothing; without one it is kept unclaimed.

        Errors as in `append`.
        """
        if not accounts:
            return await self._keep_unclaimed(arrival)
        events = [event for account in accounts for event in self._events(account, arrival)]
        return await self._write(events, arrival.trace)

    async def take_each(
        self,
        account: Account,
        channel: Channel,
        resource: str,
        bodies: Sequence[tuple[str, bytes]],
    ) -> list[str]:
        """
        Append bodies for one account, each with its own delivery id, all or nothing.

        Errors as in `append`.
        """
        common = Arrival(
            provider=account.provider,
            channel=channel,
            resource=resource,
            bodies=(),
            merchant=account.merchant,
        )
        arrivals = (replace(common, bodies=(it,), delivery_id=name) for name, it in bodies)
        return await self._write([e for one in arrivals for e in self._events(account, one)])

    async def delivered(
        self,
        connector: Connector,
        body: bytes,
        headers: Mapping[str, str],
    ) -> tuple[list[str], bool]:
        """
        Take an authentic webhook; return raw ids, and whether it said whom it is about.

        What cannot even be routed is kept as well: it came from the provider, so a person
        should see it. Errors as in `append`.
        """
        route = connector.route(body)
        known = isinstance(route, Route)
        arrival = Arrival(
            provider=connector.provider,
            channel=Channel.WEBHOOK,
            resource=route.resource if isinstance(route, Route) else "unroutable",
            bodies=(body,),
            merchant=route.merchant if isinstance(route, Route) else "",
            delivery_id=route.delivery_id if isinstance(route, Route) else None,
            headers=kept_headers(connector.provider, headers),
            trace=headers.get("traceparent"),
        )
        return await self.take(self._accounts_of(connector.provider, route), arrival), known

    def _accounts_of(self, provider: str, route: object) -> list[Account]:
        if not isinstance(route, Route) or not route.merchant:
            return []
        return self._directory.route(provider, route.merchant, route.locations)

    # -- what nobody has claimed -------------------------------------------------------------

    async def _keep_unclaimed(self, arrival: Arrival) -> list[str]:
        self._unclaimed_under_way += 1
        self._none_under_way.clear()
        try:
            tenant = await self._directory.unclaimed_tenant()
            name = f"{arrival.provider}:{arrival.merchant}"
            events = [self._event(tenant, "", name, arrival, body) for body in arrival.bodies]
            return await self._write(events, arrival.trace)
        finally:
            self._unclaimed_under_way -= 1
            if not self._unclaimed_under_way:
                self._none_under_way.set()

    async def claim(self, account: Account) -> int:
        """
        Append again, for a new account, what had come before anybody knew it.

        Call it once the directory knows the account, so that nothing more is kept unclaimed;
        claiming twice is harmless, because the same facts are the same parts. Their letters
        count as redriven then, and a further location of the merchant may claim them, too.
        Returns how many raw events were claimed.
        """
        await self._none_under_way.wait()
        lane = lane_of(_unclaimed_key(account), self._lanes)
        if self._views is not None:
            try:
                await self._views.settle([lane], SETTLE_S)
            except NotSettledError:
                logger.warning("claim_before_settled", account_id=account.account_id)
        claimed = 0
        batch: list[tuple[Record, RawEvent]] = []
        async for found in self._unclaimed(account, lane):
            batch.append(found)
            if len(batch) == CLAIMED_AT_ONCE:
                claimed += await self._claimed(batch)
                batch = []
        claimed += await self._claimed(batch)
        if claimed:
            logger.info("unclaimed_claimed", account_id=account.account_id, count=claimed)
        return claimed

    async def _claimed(self, batch: Sequence[tuple[Record, RawEvent]]) -> int:
        """Write events, then mark their letters: cut off in between, they stay open."""
        if not batch:
            return 0
        written = await self._write([raw for _, raw in batch])
        letters = {letter.offset: letter for letter, _ in batch}.values()
        marks = [mark(letter) for letter in letters]
        await self._log.append(topics.REJECTED, marks, batch[0][0].partition)
        return len(written)

    async def _unclaimed(
        self, account: Account, lane: int
    ) -> AsyncIterator[tuple[Record, RawEvent]]:
        connector = self._connectors[account.provider]
        wanted = _unclaimed_key(account)
        async for record in records_of(self._log, TP(topics.REJECTED, lane)):
            if record.key != wanted or record.value is None or not _is_unclaimed(record):
                continue
            try:
                raw = decode(RawEvent, record.value)
                body = self._sealer.open(raw.body, tenant=UNCLAIMED, record=raw.raw_id)
            except (UndecodableError, SealBrokenError, UnknownKeyError) as error:
                logger.warning("unclaimed_unreadable", lane=lane, error=str(error))
                continue
            route = connector.route(body)
            if not isinstance(route, Route):
                continue
            if route.locations and account.location_id not in route.locations:
                continue
            arrival = Arrival(
                provider=raw.provider,
                channel=raw.channel,
                resource=raw.resource,
                bodies=(body,),
                merchant=raw.merchant,
                delivery_id=route.delivery_id,
                headers=raw.headers,
            )
            for event in self._events(account, arrival):
                yield record, replace(event, received_at=raw.received_at)

    # -- writing -----------------------------------------------------------------------------

    def _events(self, account: Account, arrival: Arrival) -> list[RawEvent]:
        tenant = self._directory.tenant(account.tenant_id)
        if tenant is None:
            raise SetupError(f"tenant {account.tenant_id} of an account is unknown")
        name = account.account_id
        return [self._event(tenant, name, name, arrival, body) for body in arrival.bodies]

    def _event(
        self, tenant: Tenant, account_id: str, name: str, arrival: Arrival, body: bytes
    ) -> RawEvent:
        single = arrival.delivery_id if len(arrival.bodies) == 1 else None
        identity = raw_id(name, single, body)
        return RawEvent(
            raw_id=identity,
            tenant_id=tenant.tenant_id,
            account_id=account_id,
            provider=arrival.provider,
            channel=arrival.channel,
            resource=arrival.resource,
            received_at=self._clock(),
            body=self._sealer.seal(
                body, tenant.data_key, tenant=tenant.tenant_id, record=identity
            ),
            merchant=arrival.merchant,
            headers=arrival.headers,
            sync_id=arrival.sync_id,
        )

    async def _write(self, events: Sequence[RawEvent], trace: str | None = None) -> list[str]:
        headers: Headers = (("traceparent", trace.encode()),) if trace else ()
        outs = []
        for event in events:
            key = (event.account_id or f"{event.provider}:{event.merchant}").encode()
            outs.append(Out(key, encode(event), headers, lane_of(key, self._lanes)))
        if outs:
            await self._log.append(topics.RAW, outs)
        return [event.raw_id for event in events]


def kept_headers(provider: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return the provider's own headers and the content type; never a signature or a cookie."""
    kept = {
        name: value[:HEADER_LENGTH_MAX]
        for name, value in headers.items()
        if name == "content-type"
        or (name.startswith(f"{provider}-") and "signature" not in name and len(name) <= 64)  # noqa: PLR2004
    }
    return dict(list(kept.items())[:KEPT_HEADERS_MAX])


def _unclaimed_key(account: Account) -> bytes:
    return f"{account.provider}:{account.merchant}".encode()


def _is_unclaimed(record: Record) -> bool:
    headers = dict(record.headers)
    return (
        headers.get("__rejected.topic") == topics.RAW.encode()
        and headers.get("__rejected.error.type") == b"unknown-account"
    )
