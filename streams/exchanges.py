"""The way to each account's provider: its credentials, its rate limits, one HTTP client."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from connectors.contract import CredentialsError, Page, PermanentError
from connectors.exchange import Budget, Exchange, new_client
from connectors.square import api as square
from schemas.account import Account
from schemas.sealing import SealBrokenError, Sealer
from streams.credentials import Credentials, opened
from streams.http.services import LocationInfo
from streams.settings import Settings

logger = structlog.get_logger(__name__)

REMEMBERED = 10_000
"""Accounts whose rate limits are remembered; a forgotten one begins with a fresh budget."""


@dataclass(frozen=True, slots=True)
class _Kept:
    credentials: bytes
    exchange: Exchange


class AccountExchanges:
    """One exchange an account, made anew when its credentials change."""

    def __init__(self, settings: Settings, sealer: Sealer) -> None:
        self._settings = settings
        self._sealer = sealer
        self._client = new_client()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def of(self, account: Account) -> Exchange:
        """
        Return the exchange of an account.

        Raises:
            CredentialsError: there are none, or they cannot be opened.
            PermanentError: nobody knows how to call this provider.
        """
        kept = self._kept.get(account.account_id)
        if kept is None or kept.credentials != account.credentials:
            kept = _Kept(account.credentials, self._made(account))
            self._kept[account.account_id] = kept
        self._kept.move_to_end(account.account_id)
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
        return kept.exchange

    async def probe(
        self, provider: str, credentials: Credentials, location_id: str
    ) -> LocationInfo | None:
        """
        Ask a provider for a location, before there is an account.

        Errors as in `Exchange.converse`.
        """
        exchange = self._speaking(provider, lambda: f"Bearer {credentials.access_token}")
        async for page in exchange.converse(square.location(location_id)):
            return _location_of(page)
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _made(self, account: Account) -> Exchange:
        if not account.credentials:
            raise CredentialsError("the account has no credentials; reconnect it")

        def authorization() -> str:
            try:
                return f"Bearer {opened(account, self._sealer).access_token}"
            except SealBrokenError as error:
                raise CredentialsError("the credentials cannot be opened") from error

        return self._speaking(account.provider, authorization)

    def _speaking(self, provider: str, authorization: Callable[[], str]) -> Exchange:
        if provider != "square":
            raise PermanentError(f"{provider} is not called: it can only push")
        return Exchange(
            self._settings.square.base_url,
            authorization=authorization,
            headers=square.HEADERS,
            budgets={"default": Budget(self._settings.square.calls_per_second)},
            client=self._client,
        )


def _location_of(page: Page) -> LocationInfo | None:
    if not page.bodies:
        return None
    facts = square.parse_location(page.bodies[0])
    return LocationInfo(
        location_id=facts.location_id,
        merchant=facts.merchant,
        name=facts.name,
        timezone=facts.timezone,
        currency=facts.currency,
    )
