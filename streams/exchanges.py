"""The way to each account's provider: by HTTP, with its credentials and limits, or by SQL."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from weakref import WeakValueDictionary

import structlog
from msgspec.structs import replace

from connectors.access import (
    MERCHANT,
    Access,
    Application,
    Code,
    Consent,
    Consented,
    Grant,
    LocationFacts,
    Login,
    Place,
    Renewal,
    url_of,
)
from connectors.catalogue import ACCESSES
from connectors.contract import (
    ConnectorError,
    Conversation,
    CredentialsError,
    Page,
    PermanentError,
    Way,
)
from connectors.exchange import Authority, Exchange, Patience, limiter_of, new_client
from connectors.limits import Budget, Limit, Limiter, Scope
from schemas.account import Account
from schemas.sealing import Sealer
from streams.credentials import Credentials
from streams.databases import PROVIDERS as DATABASES
from streams.databases import AccountDatabases
from streams.pending import PendingGrants
from streams.providers import ProviderSettings
from streams.settings import Settings
from streams.shop import place_of
from streams.tokens import (
    NO_CREDENTIALS,
    AccountBook,
    AccountToken,
    ApplicationToken,
    grant_of,
)

logger = structlog.get_logger(__name__)

REMEMBERED = 10_000
"""Accounts whose rate limits are remembered; a forgotten one begins with a fresh budget."""

LANDING_S = 1.5
"""How long a token call under way may take when the process stops."""

TOKEN_PATIENCE = Patience(timeout_s=20, attempts=3)
CODE_PATIENCE = Patience(timeout_s=20, attempts=1)


def utc_now() -> datetime:
    """Return the time of now."""
    return datetime.now(UTC)


async def unfenced(_account_id: str) -> None:
    """Let every write through."""


@dataclass(frozen=True, slots=True)
class _Way:
    """What is known of one provider, and what its operator has set."""

    provider: str
    access: Access
    settings: ProviderSettings


@dataclass(frozen=True, slots=True)
class _Kept:
    place: Place
    exchange: Exchange
    token: AccountToken | None


class AccountExchanges:
    """
    One exchange an account; what a provider counts over several accounts they share.

    Args:
        book: where accounts are, and renewed tokens are written.
        fence: raises where another process may write for an account by now.
    """

    def __init__(
        self,
        settings: Settings,
        sealer: Sealer,
        book: AccountBook,
        *,
        accesses: Mapping[str, Access] = ACCESSES,
        clock: Callable[[], datetime] = utc_now,
        fence: Callable[[str], Awaitable[None]] = unfenced,
    ) -> None:
        self._settings = settings
        self._sealer = sealer
        self._book = book
        self._accesses = accesses
        self._clock = clock
        self._fence = fence
        self._client = new_client()
        self._databases = AccountDatabases(
            settings.corepos, sealer, partial(Exchange, client=self._client)
        )
        self._pending = PendingGrants(settings.data_dir / "tokens")
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._logins: dict[str, ApplicationToken] = {}
        self._limiters: WeakValueDictionary[tuple[str, str, Limit], Limiter] = (
            WeakValueDictionary()
        )

    def of(self, account: Account) -> Way:
        """
        Return the exchange of an account.

        Raises:
            CredentialsError: there are none.
            PermanentError: nobody knows how to call this provider.
        """
        if not account.credentials:
            raise CredentialsError(NO_CREDENTIALS)
        if account.provider in DATABASES:
            return self._databases.of(account)
        place = place_of(account)
        kept = self._kept.get(account.account_id)
        if kept is None or kept.place != place:
            kept = self._made(account, place)
            self._kept[account.account_id] = kept
        self._kept.move_to_end(account.account_id)
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
        return kept.exchange

    async def probe(
        self, provider: str, credentials: Credentials, place: Place
    ) -> LocationFacts | None:
        """
        Ask a provider for a location, before there is an account.

        Raises:
            PlaceError: the provider has to be told the merchant, too.

        Other errors as in `Exchange.converse`.
        """
        if provider in DATABASES:
            return await self._databases.probe(credentials.access_token, place)
        access = self._way(provider).access
        pages = await self.ask(provider, credentials, place, access.probe(place))
        return access.located(pages, place)

    # -- consent -----------------------------------------------------------------------------

    def door(self, provider: str) -> tuple[Consent | None, Application | None, str]:
        """Return how merchants let us in, who we are there, and where its page is."""
        access, settings = self._accesses.get(provider), self._settings.provider(provider)
        if access is None or settings is None:
            return None, None, ""
        consent, scopes = access.consent, settings.consent_scopes()
        if consent is not None and scopes:
            consent = replace(consent, scopes=scopes)
        return consent, settings.application(), settings.consent_base()

    def margin_s(self, provider: str) -> int:
        """Return how long before its end a token of this provider is renewed, in seconds."""
        tokens = self._way(provider).access.tokens
        return 0 if tokens is None else tokens.margin_s

    async def consented(self, provider: str, code: Code, place: Place) -> Consented:
        """
        Exchange a code; it is sent once, because a provider takes it once.

        Raises:
            PlaceError: the provider has to be told the merchant, too.

        Other errors as in `Exchange.converse`.
        """
        way = self._way(provider)
        consent, application = _consent(way), self._application(way)
        tokens = way.access.tokens
        shown = tokens.authorization(application) if isinstance(tokens, Renewal) else ""
        exchange = self._token_exchange(way, place, shown, CODE_PATIENCE)
        async with aclosing(exchange.converse(consent.ask(application, code))) as pages:
            async for page in pages:
                for body in page.bodies:
                    return consent.read(body, self._clock())
        raise PermanentError("the provider gave no token")

    async def whose(self, provider: str, credentials: Credentials) -> str:
        """
        Ask which merchant's the tokens are; empty where only its locations tell.

        Errors as in `Exchange.converse`.
        """
        way = self._way(provider)
        whose = _consent(way).whose
        if whose is None:
            return ""
        above = way.settings.base_url.partition(f"/{MERCHANT}")[0]
        exchange = Exchange(
            above,
            authorization=f"Bearer {credentials.access_token}",
            headers=way.access.headers,
            client=self._client,
        )
        async with aclosing(exchange.converse(whose.ask())) as found:
            return whose.read([page async for page in found])

    async def locations(
        self, provider: str, credentials: Credentials, merchant: str
    ) -> list[LocationFacts]:
        """Ask for all locations that the tokens open; errors as in `Exchange.converse`."""
        consent, place = _consent(self._way(provider)), Place(merchant=merchant)
        pages = await self.ask(provider, credentials, place, consent.locations())
        return consent.listed(pages, merchant)

    async def recover(self, accounts: Iterable[Account]) -> None:
        """
        Bring tokens into the log that an earlier life of this process was given.

        Where another process has such an account's lane by now, it was told that the old pair
        is over: only this one has the new pair.
        """
        for account in await self._pending.waiting(accounts):
            if not account.credentials or await self._pending.of(account) is None:
                continue
            try:
                self.of(account)
                if (token := self._kept[account.account_id].token) is not None:
                    await token.recover()
            except ConnectorError as error:
                reason = type(error).__name__
                logger.warning("token_waits", account_id=account.account_id, error=reason)

    async def settled(self) -> None:
        """Wait a moment for tokens that are being renewed: their answers must not be lost."""
        tokens = [kept.token for kept in self._kept.values() if kept.token is not None]
        landings = [token.flight.landed() for token in tokens]
        try:
            async with asyncio.timeout(LANDING_S):
                await asyncio.gather(*landings)
        except TimeoutError:
            logger.warning("token_renewal_interrupted")

    async def close(self) -> None:
        """Close the connections."""
        self._databases.close()
        await self._client.aclose()

    # -- how a provider is called ------------------------------------------------------------

    def _way(self, provider: str) -> _Way:
        access, settings = self._accesses.get(provider), self._settings.provider(provider)
        if access is None or settings is None:
            raise PermanentError(f"{provider} is not called: it can only push")
        return _Way(provider, access, settings)

    async def ask(
        self, provider: str, credentials: Credentials, place: Place, talk: Conversation
    ) -> list[Page]:
        """Converse with credentials as they are, renewing none; errors as in `Exchange`."""
        way = self._way(provider)
        login = self._login(way)
        authority = login or f"Bearer {credentials.access_token}"
        exchange = self._speaking(way, place, authority, owner="")
        async with aclosing(exchange.converse(talk)) as found:
            return [page async for page in found]

    def _made(self, account: Account, place: Place) -> _Kept:
        way = self._way(account.provider)
        login = self._login(way)
        token = None if login else self._token(way, account.account_id, place)
        authority = login or token
        if authority is None:
            raise PermanentError(f"nobody knows how to sign in at {way.provider}")
        owner = account.account_id
        return _Kept(place, self._speaking(way, place, authority, owner=owner), token)

    def _speaking(
        self, way: _Way, place: Place, authority: Authority | str, *, owner: str
    ) -> Exchange:
        return Exchange(
            url_of(way.settings.base_url, place),
            authorization=authority,
            headers={**way.access.headers, **way.access.place_headers(place)},
            limiters=self._limits(way, place, owner),
            fence=partial(self._fence, owner),
            client=self._client,
        )

    def _limits(self, way: _Way, place: Place, owner: str) -> dict[str, tuple[Limiter, ...]]:
        return {
            name: tuple(self._limiter(way, limit, place, owner) for limit in limits)
            for name, limits in way.settings.limits(way.access).items()
        }

    def _limiter(self, way: _Way, limit: Limit, place: Place, owner: str) -> Limiter:
        """Return the limiter that all share who are counted together."""
        scope = Scope.ACCOUNT if isinstance(limit, Budget) else limit.scope
        match scope:
            case Scope.ACCOUNT:
                counted = f"account:{owner}"
            case Scope.MERCHANT:
                counted = f"merchant:{place.merchant}"
            case Scope.APPLICATION:
                counted = "application"
        key = (way.provider, counted, limit)
        found = self._limiters.get(key)
        if found is None:
            found = self._limiters[key] = limiter_of(limit)
        return found

    # -- tokens ------------------------------------------------------------------------------

    def _token_exchange(
        self,
        way: _Way,
        place: Place,
        authorization: str,
        patience: Patience | None = None,
    ) -> Exchange:
        return Exchange(
            url_of(way.settings.token_base(), place),
            authorization=authorization,
            headers=way.access.headers,
            limiters=self._limits(way, place, f"tokens of {place.merchant}"),
            patience=patience or TOKEN_PATIENCE,
            client=self._client,
        )

    def _login(self, way: _Way) -> ApplicationToken | None:
        """Return the token of our application, where the provider has such."""
        tokens = way.access.tokens
        if not isinstance(tokens, Login):
            return None
        found = self._logins.get(way.provider)
        if found is None:
            application = self._application(way)
            exchange = self._token_exchange(way, Place(), "")
            found = ApplicationToken(tokens, application, exchange, self._clock)
            self._logins[way.provider] = found
        return found

    def _application(self, way: _Way) -> Application:
        application = way.settings.application()
        if application is None:
            raise PermanentError(
                f"{way.provider}: the application's id and secret are not set; "
                "set them and restart"
            )
        return application

    def _token(self, way: _Way, account_id: str, place: Place) -> AccountToken:
        tokens, application = way.access.tokens, way.settings.application()
        can = tokens is not None and not isinstance(tokens, Login) and application is not None

        async def renew(refresh_token: str) -> Grant:
            if tokens is None or isinstance(tokens, Login) or application is None:
                raise PermanentError(f"{way.provider}: tokens cannot be renewed")
            exchange = self._token_exchange(way, place, tokens.authorization(application))
            talk = tokens.ask(application, refresh_token)
            return await grant_of(exchange, tokens, talk, self._clock)

        return AccountToken(
            account_id,
            self._book,
            self._sealer,
            self._pending,
            renew=renew if can else None,
            margin_s=tokens.margin_s if tokens is not None else 0,
            clock=self._clock,
        )


def _consent(way: _Way) -> Consent:
    consent = way.access.consent
    if consent is None:
        raise PermanentError(f"{way.provider}: merchants do not let us in by the browser")
    return consent
