"""
Webhooks that an account's own authorisation sets up, looked at and changed when somebody asks.

It is done with the token as it is: renewing is for the process that has the account's lane,
because elsewhere a renewal would end the pair that one has in its hands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec
import structlog

from connectors.access import Access, Place, Subscribed, Target, Webhooks
from connectors.contract import (
    ConnectorError,
    Conversation,
    CredentialsError,
    Page,
    PermanentError,
)
from schemas.account import Account
from schemas.sealing import SealBrokenError, Sealer
from streams.credentials import Credentials, opened
from streams.shop import place_of

logger = structlog.get_logger(__name__)

FAREWELL_S = 10.0
"""How long a provider may take to take our webhooks away when an account leaves."""


class Asker(Protocol):
    """Carries out conversations with given credentials; `AccountExchanges` is one."""

    async def ask(
        self, provider: str, credentials: Credentials, place: Place, talk: Conversation
    ) -> list[Page]:
        """Return the pages that a conversation brings."""
        ...


class Subscriber:
    """
    What is set up at providers for single accounts.

    Args:
        target: where a provider is to send its webhooks; None while that is not set.
    """

    def __init__(
        self,
        accesses: Mapping[str, Access],
        asker: Asker,
        sealer: Sealer,
        target: Callable[[str], Target | None],
    ) -> None:
        self._accesses = accesses
        self._asker = asker
        self._sealer = sealer
        self._target = target

    def can(self, provider: str) -> bool:
        """Say whether accounts at a provider set up webhooks of their own."""
        return self._way(provider) is not None

    def target(self, provider: str) -> Target | None:
        """Return where a provider is to send its webhooks; None while that is not set."""
        return self._target(provider)

    async def known(self, account: Account, target: Target) -> list[Subscribed]:
        """Return what the provider sends, to whomever it tells of; errors as in `ensure`."""
        bodies = await self._asked(account, target, self._hooks(account).known)
        return [msgspec.json.decode(body, type=Subscribed) for body in bodies]

    async def ensure(self, account: Account, target: Target) -> int:
        """
        Have the provider send its webhooks here; return how many things were put right.

        Raises:
            CredentialsError: the token is over or refused, or lacks the scope.
            TransientError: the provider does not answer.
            PermanentError: it refuses.
        """
        return len(await self._asked(account, target, self._hooks(account).ensure))

    async def remove(self, account: Account, target: Target) -> int:
        """Have it send none here; return how many were taken away, errors as in `ensure`."""
        return len(await self._asked(account, target, self._hooks(account).remove))

    async def farewell(self, account: Account) -> bool:
        """
        Take an account's webhooks away because it leaves; say whether none is left.

        What the provider does not do in time, or refuses, stays there: what it sends after
        that is taken in and waits, as everything for a location that nobody has.
        """
        target = self._target(account.provider)
        if target is None or not self.can(account.provider) or not account.credentials:
            return True
        told = {"account_id": account.account_id, "provider": account.provider}
        try:
            async with asyncio.timeout(FAREWELL_S):
                removed = await self.remove(account, target)
        except (ConnectorError, TimeoutError) as error:
            logger.warning("webhooks_left_behind", **told, reason=type(error).__name__)
            return False
        logger.info("webhooks_removed", **told, removed=removed)
        return True

    def _way(self, provider: str) -> Webhooks | None:
        access = self._accesses.get(provider)
        return None if access is None else access.webhooks

    def _hooks(self, account: Account) -> Webhooks:
        found = self._way(account.provider)
        if found is None:
            raise PermanentError(f"{account.provider}: accounts set up no webhooks there")
        return found

    async def _asked(
        self, account: Account, target: Target, what: Callable[[Place, Target], Conversation]
    ) -> list[bytes]:
        place = place_of(account)
        try:
            credentials = opened(account, self._sealer)
        except (SealBrokenError, msgspec.DecodeError):
            raise CredentialsError("the credentials cannot be opened") from None
        talk = what(place, target)
        pages = await self._asker.ask(account.provider, credentials, place, talk)
        return [body for page in pages for body in page.bodies]
