"""
The tokens that calls to providers carry: renewed in time, once for all who need them.

A provider may give a new refresh token with each renewal and forget the old pair at once. So
the new pair goes to the disk the moment it is here, then into the log, and only then is it
used: whatever happens in between, the next one who needs a token finds it there.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

import msgspec
import structlog

from connectors.access import Application, Grant, Login, Renewal
from connectors.contract import ConnectorError, CredentialsError, PermanentError, TransientError
from connectors.exchange import Exchange
from schemas.account import Account, AccountStatus, Tenant
from schemas.sealing import SealBrokenError, Sealer
from streams.credentials import Credentials, opened, sealed
from streams.log import LogUnavailableError
from streams.pending import PendingGrants

logger = structlog.get_logger(__name__)

Kept = TypeVar("Kept")

NO_CREDENTIALS = "the account has no credentials; reconnect it"

PROBATION = timedelta(minutes=1)
"""A token that is refused while it is so new was not refused for its age: it is the last."""

REST = timedelta(minutes=1)
"""Between two tries to renew a token that is still good."""


class AccountBook(Protocol):
    """Where accounts are, and where changed ones are written; `Directory` is one."""

    def account(self, account_id: str) -> Account | None:
        """Return an account."""
        ...

    def tenant(self, tenant_id: str) -> Tenant | None:
        """Return a tenant."""
        ...

    async def catch_up(self, account_id: str) -> None:
        """Wait until what any process wrote of an account is known here."""
        ...

    async def change_account(
        self, account_id: str, change: Callable[[Account], Account]
    ) -> Account | None:
        """Change an account durably."""
        ...


class SingleFlight(Generic[Kept]):
    """Does one thing at a time for all who want it; it goes on when they give up."""

    def __init__(self) -> None:
        self._flight: asyncio.Task[Kept] | None = None

    async def join(self, begin: Callable[[], Coroutine[Any, Any, Kept]]) -> Kept:
        """Return what the flight under way brings, or one that begins now."""
        if self._flight is None or self._flight.done():
            self._flight = asyncio.create_task(begin(), name="token")
            self._flight.add_done_callback(_seen)
        # shielded: a pair that was given must be kept, whoever still waits for it
        return await asyncio.shield(self._flight)

    async def landed(self) -> None:
        """Wait for the flight that is under way."""
        if self._flight is not None:
            await asyncio.wait([self._flight])


def _seen(flight: asyncio.Task[Any]) -> None:
    if not flight.cancelled():
        flight.exception()


async def grant_of(
    exchange: Exchange, tokens: Login | Renewal, asked: Any, clock: Callable[[], datetime]
) -> Grant:
    """
    Carry a token conversation out and read what it brings.

    Raises:
        TransientError, CredentialsError, PermanentError: as in `Exchange.converse`.
    """
    async with contextlib.aclosing(exchange.converse(asked)) as pages:
        async for page in pages:
            for body in page.bodies:
                return tokens.read(body, clock())
    raise PermanentError("the provider gave no token")


def renew_at(grant: Grant, now: datetime, margin_s: int) -> datetime | None:
    """Return when to renew: the margin before the end, but never before half of its life."""
    if grant.expires_at is None:
        return None
    half = now + (grant.expires_at - now) / 2
    return max(half, grant.expires_at - timedelta(seconds=margin_s))


class ApplicationToken:
    """
    The token of our own application, for all accounts at a provider; kept in memory only.

    Args:
        exchange: the way to the provider's log-in.
    """

    def __init__(
        self,
        login: Login,
        application: Application,
        exchange: Exchange,
        clock: Callable[[], datetime],
    ) -> None:
        self._login = login
        self._application = application
        self._exchange = exchange
        self._clock = clock
        self._grant: Grant | None = None
        self._renew_at: datetime | None = None
        self._got_at: datetime | None = None
        self.flight: SingleFlight[Grant] = SingleFlight()

    async def header(self) -> str:
        """Return the header; logs in when there is no good token."""
        now, grant = self._clock(), self._grant
        if grant is None or (self._renew_at is not None and self._renew_at <= now):
            try:
                grant = await self.flight.join(self._log_in)
            except ConnectorError:
                if grant is None or grant.expires_at is None or grant.expires_at <= now:
                    raise
                self._renew_at = now + REST
        return f"Bearer {grant.access_token}"

    def refused(self, header: str) -> bool:
        """Forget a token that is refused; a new one that is refused at once is the last."""
        if self._grant is None or header != f"Bearer {self._grant.access_token}":
            return True
        if self._got_at is not None and self._clock() < self._got_at + PROBATION:
            return False
        self._grant = None
        return True

    async def _log_in(self) -> Grant:
        talk = self._login.ask(self._application)
        grant = await grant_of(self._exchange, self._login, talk, self._clock)
        self._got_at = self._clock()
        self._renew_at = renew_at(grant, self._got_at, self._login.margin_s)
        self._grant = grant
        return grant


class AccountToken:
    """
    The token of one account, as the account has it in the log.

    Args:
        renew: asks the provider with a refresh token; None where we cannot.
        margin_s: for credentials that do not say when they are to be renewed.
    """

    def __init__(
        self,
        account_id: str,
        book: AccountBook,
        sealer: Sealer,
        pending: PendingGrants,
        *,
        renew: Callable[[str], Awaitable[Grant]] | None,
        margin_s: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._account_id = account_id
        self._book = book
        self._sealer = sealer
        self._pending = pending
        self._renew = renew
        self._margin_s = margin_s
        self._clock = clock
        self._replaced: tuple[bytes, bytes] = (b"", b"")
        self._refused_token = ""
        self._got_at: datetime | None = None
        self._rest_until: datetime | None = None
        self.flight: SingleFlight[Credentials] = SingleFlight()

    async def header(self) -> str:
        """
        Return the header, with a token that is renewed first when it is time to.

        Raises:
            CredentialsError: there are none, or they are no longer good.
            TransientError: the provider or the log cannot be reached, and the token is over.
            PermanentError: the provider refuses to renew it, for what is set for us.
        """
        known = self._open(self._account())
        if self._is_due(known):
            try:
                known = await self.flight.join(self._renewed)
            except ConnectorError as error:
                if not self._is_good(known):
                    raise
                self._rest_until = self._clock() + REST
                reason = type(error).__name__
                logger.warning("token_not_renewed", account_id=self._account_id, error=reason)
        return f"Bearer {known.access_token}"

    def refused(self, header: str) -> bool:
        """Say whether a renewal may help; a new token that is refused at once is the last."""
        known = self._open(self._account())
        if header != f"Bearer {known.access_token}":
            return True
        new = self._got_at is not None and self._clock() < self._got_at + PROBATION
        if new or not self._can_renew(known):
            return False
        self._refused_token = known.access_token
        return True

    async def recover(self) -> None:
        """
        Bring a pair into the log that was given before and has not come there yet.

        Raises:
            TransientError: the log takes nothing now.
        """
        if await self._pending.of(self._account()) is not None:
            await self.flight.join(self._renewed)

    # -- what is known -----------------------------------------------------------------------

    def _account(self) -> Account:
        """Return the account, with the newest credentials also where the log is read late."""
        account = self._book.account(self._account_id)
        if account is None or not account.credentials:
            raise CredentialsError(NO_CREDENTIALS)
        before, after = self._replaced
        if account.credentials == before:
            return msgspec.structs.replace(account, credentials=after)
        return account

    def _open(self, account: Account) -> Credentials:
        try:
            return opened(account, self._sealer)
        except (SealBrokenError, msgspec.DecodeError):
            raise CredentialsError("the credentials cannot be opened") from None

    def _can_renew(self, known: Credentials) -> bool:
        return self._renew is not None and bool(known.refresh_token)

    def _is_due(self, known: Credentials) -> bool:
        if not self._can_renew(known):
            return False
        due = known.renew_at
        if due is None and known.expires_at is not None:
            due = known.expires_at - timedelta(seconds=self._margin_s)
        if known.access_token == self._refused_token:
            return True
        now = self._clock()
        rests = self._rest_until is not None and now < self._rest_until
        return due is not None and due <= now and not (rests and self._is_good(known))

    def _is_good(self, known: Credentials) -> bool:
        if known.access_token == self._refused_token:
            return False
        return known.expires_at is None or known.expires_at > self._clock()

    # -- renewal -----------------------------------------------------------------------------

    async def _renewed(self) -> Credentials:
        """Bring a new pair into the log: one that was got before, or one that is got now."""
        before = self._account().credentials
        await self._caught_up()
        account = self._account()
        known = self._open(account)
        if account.credentials != before:
            return known  # by the process that had the lane before
        waiting = await self._pending.of(account)
        if waiting is None:
            try:
                waiting = await self._asked(account, known)
            except CredentialsError:
                # Another process may have been first, and its pair is the good one: it took the
                # lane while we stood still, and what it wrote since may not be known here yet.
                await self._caught_up()
                if self._account().credentials == account.credentials:
                    raise
                return self._open(self._account())
        await self._save(account, waiting)
        await self._pending.drop(account)
        fresh = self._open(self._account())
        self._got_at = self._clock()
        logger.info("token_renewed", account_id=self._account_id)
        return fresh

    async def _caught_up(self) -> None:
        try:
            await self._book.catch_up(self._account_id)
        except LogUnavailableError:
            raise TransientError("the log does not say whether the token was renewed") from None

    async def _asked(self, account: Account, known: Credentials) -> bytes:
        if self._renew is None or not known.refresh_token:
            raise CredentialsError(NO_CREDENTIALS)
        grant = await self._renew(known.refresh_token)
        tenant = self._book.tenant(account.tenant_id)
        if tenant is None:
            raise CredentialsError(NO_CREDENTIALS)
        fresh = Credentials(
            access_token=grant.access_token,
            refresh_token=grant.refresh_token or known.refresh_token,
            expires_at=grant.expires_at,
            renew_at=renew_at(grant, self._clock(), self._margin_s),
        )
        box = sealed(fresh, self._sealer, tenant, account.account_id)
        await self._pending.keep(account, box)
        return box

    async def _save(self, account: Account, box: bytes) -> None:
        """
        Write the pair to the log, unless a person has given other credentials since.

        Another process that tried the old pair meanwhile was told that it is over, and may have
        marked the account so; it is not.
        """
        before = account.credentials

        def change(known: Account) -> Account:
            if known.credentials not in {before, self._replaced[0]}:
                return known
            revoked = known.status is AccountStatus.REVOKED
            status = AccountStatus.CONNECTED if revoked else known.status
            return msgspec.structs.replace(known, credentials=box, status=status)

        try:
            await self._book.change_account(account.account_id, change)
        except LogUnavailableError:
            raise TransientError("the new token is not durable yet; it is kept") from None
        self._replaced = (before, box)
