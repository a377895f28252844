"""Carry one sync run out: ask the provider, append what it says, end with a control record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import datetime
from typing import Protocol

import msgspec
import structlog

from connectors.contract import (
    DAY_SUMS,
    Bookmarked,
    Connector,
    ConnectorError,
    Conversation,
    CredentialsError,
    GrantOverError,
    Page,
    PermanentError,
    TransientError,
    Way,
)
from schemas.account import Account
from schemas.events import ErrorType
from schemas.raw import Channel
from schemas.sync import Circuit, SyncControl, SyncStatus
from streams.ingest import Ingest
from streams.log import LogUnavailableError
from streams.shop import shop_of
from streams.sync.circuit import after_run
from streams.sync.plan import SLICE, Order, days_between, slices
from streams.sync.scopes import ScopesSeen

logger = structlog.get_logger(__name__)

FIRST_WAIT_S = 2.0
"""Pause before a run goes on after a passing trouble; the next ones are twice as long each."""

OPENS_AFTER = 5
"""Runs that fail in a row before polls pause."""

RECONNECT = "reconnect the account: the provider no longer accepts its credentials"


class Exchanges(Protocol):
    """Gives the way to an account's provider, with its credentials and its rate limits."""

    def of(self, account: Account) -> Way:
        """Return the exchange of an account."""
        ...


async def nobody_told(_account: Account) -> None:
    """Leave an account whose authorisation is over as it is."""


class SyncRunner:
    """
    Runs one order at a time per account; the caller sees to that.

    Args:
        grant_over: told of accounts whose authorisation the provider calls over, once the
            failure of the run is in the log.
    """

    def __init__(
        self,
        ingest: Ingest,
        exchanges: Exchanges,
        clock: Callable[[], datetime],
        *,
        retries: int = 3,
        first_wait_s: float = FIRST_WAIT_S,
        opens_after: int = OPENS_AFTER,
        grant_over: Callable[[Account], Awaitable[None]] = nobody_told,
    ) -> None:
        self._ingest = ingest
        self._exchanges = exchanges
        self._clock = clock
        self._retries = retries
        self._first_wait_s = first_wait_s
        self._opens_after = opens_after
        self._grant_over = grant_over
        self._bookmarks: dict[str, str | None] = {}

    def remember(self, account: Account, bookmark: str | None) -> None:
        """Take over from the log how far the provider's own logs of an account were read."""
        self._bookmarks[account.account_id] = bookmark

    async def run(
        self,
        account: Account,
        connector: Connector,
        order: Order,
        *,
        watermark: datetime | None,
        failures: int,
    ) -> bool:
        """
        Carry the order out and say whether it succeeded; a failure is in the log, too.

        Args:
            watermark: of the account before this run; a failed run leaves it.
            failures: runs that failed in a row before this one.

        Raises:
            LogUnavailableError: nothing could be written; the run is found unfinished later.
        """
        order = await self.begin(account, order, watermark=watermark)
        work = _Work(account, order, order.fetched, order.since)
        try:
            await self._patiently(work, connector)
        except LogUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the run has failed
            log = logger.warning if isinstance(error, ConnectorError) else logger.exception
            log("sync_failed", account_id=account.account_id, error_type=_type_of(error).value)
            await self._control(
                work, SyncStatus.FAILED, watermark, error=error, failures=failures
            )
            if isinstance(error, GrantOverError):
                await self._grant_over(account)
            return False
        moves = not order.kind.looks_back
        mark = max(order.until, watermark or order.until) if moves else watermark
        await self._control(work, SyncStatus.COMPLETED, mark, failures=failures)
        return True

    async def begin(
        self, account: Account, order: Order, *, watermark: datetime | None
    ) -> Order:
        """Put the begin of a run into the log, so that it will be carried out after a crash."""
        if order.begun:
            return order
        work = _Work(account, order, order.fetched, order.since)
        await self._control(work, SyncStatus.RUNNING, watermark)
        return msgspec.structs.replace(order, begun=True)

    async def _patiently(self, work: _Work, connector: Connector) -> None:
        """Go on where a passing trouble of the provider stopped it, a few times."""
        for attempt in range(self._retries):
            try:
                await self._bring(work, connector)
            except TransientError:
                await asyncio.sleep(self._first_wait_s * 2**attempt)
            else:
                return
        await self._bring(work, connector)

    async def _bring(self, work: _Work, connector: Connector) -> None:
        account, order = work.account, work.order
        shop = shop_of(account)
        if order.snapshot and not work.has_snapshot:
            await self._append(work, connector.snapshot(shop))
            work.has_snapshot = True
        if not order.kind.looks_back:
            await self._append(work, connector.poll(shop, order.since, order.until))
            return
        for since, until in slices(work.done_until, order.until, SLICE):
            await self._append(work, connector.poll(shop, since, until))
            if order.kind.goes_by_day:
                for day in days_between(account, since, until):
                    await self._append(work, connector.day(shop, day))
            work.done_until = until
            await self._control(work, SyncStatus.RUNNING, None)

    async def _append(self, work: _Work, conversation: Conversation) -> None:
        exchange, name = self._exchanges.of(work.account), work.account.account_id
        if isinstance(exchange, Bookmarked):
            exchange.bookmark = self._bookmarks.get(name)
        channel = Channel.IMPORT if work.order.kind.looks_back else Channel.POLL
        try:
            async with aclosing(
                exchange.converse(work.scopes.listening(conversation))
            ) as pages:
                async for page in pages:
                    await self._page(work, channel, page)
        finally:
            if isinstance(exchange, Bookmarked):
                self._bookmarks[name] = exchange.bookmark

    async def _page(self, work: _Work, channel: Channel, page: Page) -> None:
        if page.bodies and page.resource != DAY_SUMS:
            await self._ingest.append(
                work.account,
                channel,
                page.resource,
                page.bodies,
                sync_id=work.order.sync_id,
            )
            work.fetched += len(page.bodies)

    async def _control(
        self,
        work: _Work,
        status: SyncStatus,
        watermark: datetime | None,
        *,
        error: Exception | None = None,
        failures: int = 0,
    ) -> None:
        """Append where the run is; `failures` are those in a row before it."""
        order, ended = work.order, status is not SyncStatus.RUNNING
        done = status is SyncStatus.COMPLETED
        circuit = after_run(failures, self._opens_after, done=done) if ended else Circuit.CLOSED
        control = SyncControl(
            sync_id=order.sync_id,
            kind=order.kind,
            status=status,
            at=self._clock(),
            started_at=order.started_at,
            since=order.since,
            until=order.until,
            watermark=watermark,
            done_until=work.done_until if order.kind.looks_back else None,
            fetched=work.fetched,
            error=None if error is None else _message_of(error),
            error_type=None if error is None else _type_of(error).value,
            action_required=RECONNECT if isinstance(error, CredentialsError) else None,
            consecutive_failures=failures if done or not ended else failures + 1,
            circuit=circuit,
            run_as=order.run_as,
            message=order.message,
            bookmark=self._bookmarks.get(work.account.account_id),
            withheld=tuple(sorted(work.scopes.withheld)),
            granted=tuple(sorted(work.scopes.granted - work.scopes.withheld)),
        )
        await self._put_down(work.account, control)

    async def _put_down(self, account: Account, control: SyncControl) -> None:
        body = msgspec.json.encode(control)
        await self._ingest.append(
            account, Channel.CONTROL, "sync", (body,), sync_id=control.sync_id
        )


class _Work:
    """How far a run has got."""

    def __init__(
        self, account: Account, order: Order, fetched: int, done_until: datetime
    ) -> None:
        self.account = account
        self.order = order
        self.fetched = fetched
        self.done_until = done_until
        self.has_snapshot = False
        self.scopes = ScopesSeen()


def _type_of(error: Exception) -> ErrorType:
    match error:
        case CredentialsError():
            return ErrorType.AUTHENTICATION_FAILED
        case PermanentError():
            return ErrorType.PROVIDER_REFUSED
        case TransientError():
            return ErrorType.PROVIDER_UNAVAILABLE
        case _:
            return ErrorType.INTERNAL


def _message_of(error: Exception) -> str:
    """Return our own words; those of a stranger's exception may hold anything."""
    if isinstance(error, ConnectorError):
        return str(error)
    return f"unexpected {type(error).__name__}; the log of the process has the details"
