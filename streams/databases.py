"""The way to accounts of CORE-POS, of which each shop has a database and a web service."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

from connectors.access import LocationFacts, Place
from connectors.contract import CredentialsError
from connectors.corepos.probe import located, probe
from connectors.corepos.sql import Database, Limits
from connectors.corepos.way import CoreposWay
from connectors.corepos.ways import WebService, ways_of
from connectors.corepos.web import BUDGET
from connectors.exchange import Exchange, Patience
from connectors.limits import Budget
from schemas.account import Account
from schemas.sealing import Sealer
from streams.credentials import opened
from streams.providers import CoreposSettings

PROVIDERS = frozenset({"corepos"})
THREADS = 8
CALLS = Budget(2)
"""A second, to one web service: each answer is a whole table."""
PATIENCE = Patience(timeout_s=60, attempts=3)
REMEMBERED = 10_000
"""Accounts whose position is remembered; a forgotten one is read from the day's begin."""


class AccountDatabases:
    """
    One way an account; a server is only called where the operator allows its host.

    Args:
        exchange: makes the exchange with a web service, over connections that are shared.
    """

    def __init__(
        self, settings: CoreposSettings, sealer: Sealer, exchange: Callable[..., Exchange]
    ) -> None:
        self._exchange_with = exchange
        self._allowed = settings.allowed_hosts()
        self._limits = Limits(ca_file=settings.ca_file, statement_s=settings.statement_s)
        self._sealer = sealer
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="database")
        self._kept: OrderedDict[str, tuple[bytes, CoreposWay]] = OrderedDict()

    def of(self, account: Account) -> CoreposWay:
        """
        Return the exchange of an account, a new one when its credentials are new.

        Raises:
            CredentialsError: they name no server, or one that may not be called.
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
            TransientError, PermanentError: as in `CoreposWay.converse`.
        """
        exchange = self._exchange(line)
        async with aclosing(exchange.converse(probe(place))) as found:
            pages = [page async for page in found]
        return located(pages, place)

    def close(self) -> None:
        """Let the threads end; statements under way end by their time limit."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _exchange(self, line: str) -> CoreposWay:
        ways = ways_of(line)
        dsn, web = ways.database, ways.web
        if not all(self._may_call(one.host, one.port) for one in (dsn, web) if one):
            raise CredentialsError(
                "no account may name this host; the operator allows hosts of databases and web "
                "services by TILLSTREAM_COREPOS__HOSTS"
            )
        return CoreposWay(
            None if dsn is None else Database(dsn, self._limits, self._threads),
            None if web is None else self._web(web),
        )

    def _web(self, service: WebService) -> Exchange:
        return self._exchange_with(
            service.url,
            authorization=service.authorization,
            budgets={BUDGET: CALLS},
            patience=PATIENCE,
        )

    def _may_call(self, host: str, port: int) -> bool:
        return bool(self._allowed & {host, f"{host}:{port}"})
