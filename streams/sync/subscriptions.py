"""
Webhooks are asked for where a provider lets an account do so: once it is connected, and daily.

A subscription that somebody switched off or deleted is put right again. It is done by whoever
has the account's lane; done twice it changes nothing. Failing, it is logged and tried again;
polls bring everything meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from connectors.access import Access, Target
from connectors.contract import ConnectorError, TransientError
from schemas.account import Account, AccountStatus
from streams.shop import place_of
from streams.sync.run import Exchanges
from streams.sync.service import Accounts

logger = structlog.get_logger(__name__)

AGAIN, AFTER_FAILURE = timedelta(days=1), timedelta(minutes=15)
LOOK_S = 5.0


class _Due(NamedTuple):
    """When an account is asked again, and the credentials that were refused, if they were."""

    at: datetime
    refused: bytes | None


class Subscriptions:
    """
    Keeps the subscriptions of the accounts whose lanes are here.

    Args:
        target: where a provider is to send its webhooks; None while that is not set.
        here: says whether this process has an account.
    """

    def __init__(
        self,
        *,
        accounts: Accounts,
        accesses: Mapping[str, Access],
        exchanges: Exchanges,
        target: Callable[[str], Target | None],
        here: Callable[[str], bool],
        clock: Callable[[], datetime],
    ) -> None:
        self._accounts = accounts
        self._accesses = accesses
        self._exchanges = exchanges
        self._target = target
        self._here = here
        self._clock = clock
        self._due: dict[str, _Due] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look after them."""
        self._task = asyncio.create_task(self._run(), name="subscriptions")

    async def stop(self) -> None:
        """Stop; what was asked for stays."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        while True:
            for account in self._accounts.all_accounts():
                if self._is_due(account):
                    await self._ensure(account)
            await asyncio.sleep(LOOK_S)

    def _is_due(self, account: Account) -> bool:
        name = account.account_id
        if account.status is not AccountStatus.CONNECTED or not self._here(name):
            self._due.pop(name, None)
            return False
        access = self._accesses.get(account.provider)
        if access is None or access.webhooks is None or not account.credentials:
            return False
        due = self._due.get(name)
        if due is None or self._clock() >= due.at:
            return True
        # Connected anew: what the old credentials were refused, the new ones may be granted.
        # Where all is well they do not matter: they change with every renewal of a token.
        return due.refused is not None and due.refused != account.credentials

    async def _ensure(self, account: Account) -> None:
        access, target = self._accesses[account.provider], self._target(account.provider)
        if target is None or access.webhooks is None:
            return
        place = place_of(account)
        now, pause, refused = self._clock(), AGAIN, None
        told = {"account_id": account.account_id, "provider": account.provider}
        try:
            way = self._exchanges.of(account)
            async with aclosing(way.converse(access.webhooks.ensure(place, target))) as pages:
                made = sum([len(page.bodies) async for page in pages])
        except ConnectorError as error:
            # What is refused today (a scope that the merchant did not grant) is so tomorrow.
            if isinstance(error, TransientError):
                pause = AFTER_FAILURE
            else:
                refused = account.credentials
            logger.warning("webhooks_not_asked_for", **told, reason=str(error))
        except Exception as error:  # noqa: BLE001 - the other accounts' are looked after, too
            pause = AFTER_FAILURE
            logger.warning("webhooks_not_asked_for", **told, reason=type(error).__name__)
        else:
            if made:
                logger.info("webhooks_asked_for", **told, put_right=made)
        self._due[account.account_id] = _Due(now + pause, refused)
