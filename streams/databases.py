"""The way to accounts whose provider is a database: CORE-POS's, of which each shop has one."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

from connectors.access import LocationFacts, Place
from connectors.contract import CredentialsError
from connectors.corepos.dsn import Dsn, dsn_of
from connectors.corepos.probe import located, probe
from connectors.corepos.sql import Limits, SqlExchange
from schemas.account import Account
from schemas.sealing import Sealer
from streams.credentials import opened
from streams.providers import CoreposSettings

PROVIDERS = frozenset({"corepos"})
THREADS = 8
REMEMBERED = 10_000
"""Accounts whose position is remembered; a forgotten one is read from the day's begin."""


class AccountDatabases:
    """One exchange an account; a database is only called where the operator allows its host."""

    def __init__(self, settings: CoreposSettings, sealer: Sealer) -> None:
        self._allowed = settings.allowed_hosts()
        self._limits = Limits(ca_file=settings.ca_file, statement_s=settings.statement_s)
        self._sealer = sealer
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="database")
        self._kept: OrderedDict[str, tuple[bytes, SqlExchange]] = OrderedDict()

    def of(self, account: Account) -> SqlExchange:
        """
        Return the exchange of an account, a new one when its credentials are new.

        Raises:
            CredentialsError: they are no DSN, or of a host that may not be called.
        """
        kept = self._kept.get(account.account_id)
        if kept is None or kept[0] != account.credentials:
            line = opened(account, self._sealer).access_token
            kept = (account.credentials, self._exchange(line))
            self._kept[account.account_id] = kept
        self._kept.move_to_end(account.account_id)
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
        return kept[1]

    async def probe(self, line: str, place: Place) -> LocationFacts | None:
        """
        Ask a database for one of its stores; None when it has none such.

        Raises:
            CredentialsError: as in `of`, or it does not let us in.
            TransientError, PermanentError: as in `SqlExchange.converse`.
        """
        exchange = self._exchange(line)
        async with aclosing(exchange.converse(probe(place))) as found:
            pages = [page async for page in found]
        return located(pages, place)

    def close(self) -> None:
        """Let the threads end; statements under way end by their time limit."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _exchange(self, line: str) -> SqlExchange:
        dsn = dsn_of(line)
        if not self._may_call(dsn):
            raise CredentialsError(
                "no account may name this database host; the operator allows hosts by "
                "TILLSTREAM_COREPOS__HOSTS"
            )
        return SqlExchange(dsn, self._limits, self._threads)

    def _may_call(self, dsn: Dsn) -> bool:
        return bool(self._allowed & {dsn.host, f"{dsn.host}:{dsn.port}"})
