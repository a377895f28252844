"""
The stage `fetch`: what webhooks only point at is asked for, and the answer is a raw event.

At least once: the offset is committed after the answer is durable, and an answer that comes
twice changes nothing. What cannot be fetched goes to `pos.rejected` with the reason: it must
not hold up the other accounts of the lane, and the next poll brings the same fact again.

Orders that are to be written take the same way, because it leads to one process: whoever hands
them in, and wherever, an account's are written by who has its lane, one after the other in the
order of the log. Two at a time would both find lines missing, and both write them.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from datetime import datetime
from weakref import WeakValueDictionary

import structlog

from connectors.contract import Connector, ConnectorError, CredentialsError, TransientError
from schemas import topics
from schemas.account import Account, AccountStatus
from schemas.codec import UndecodableError, decode
from schemas.purchasing import ORDER_DRAFTS
from schemas.raw import Channel
from schemas.sync import Fetch
from streams.bisecting import INFRASTRUCTURE, where
from streams.ingest import Ingest
from streams.log import INTERNAL_ERROR, DeadLetter, Effects, FencedError, Record, StageSpec
from streams.shop import shop_of
from streams.sync.run import Exchanges
from streams.sync.service import Accounts

logger = structlog.get_logger(__name__)

NAME = "fetch"

SPEC = StageSpec(name=NAME, sources=(topics.FETCHES,), rejected=topics.REJECTED)

CONCURRENT = 8
REMEMBERED = 20_000
"""Resources whose last fetch is remembered; forgetting one only costs a fetch too many."""


class Fetcher:
    """The handler of the stage; one for all its lanes."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        connectors: Mapping[str, Connector],
        exchanges: Exchanges,
        ingest: Ingest,
        clock: Callable[[], datetime],
    ) -> None:
        self._accounts = accounts
        self._connectors = connectors
        self._exchanges = exchanges
        self._ingest = ingest
        self._clock = clock
        self._gate = asyncio.Semaphore(CONCURRENT)
        self._asked: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        self._writing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def handle(self, records: Sequence[Record]) -> Effects:
        """Carry out the fetches of a chunk, several at a time."""
        letters = await asyncio.gather(*(self._one(record) for record in records))
        return Effects(rejected=[letter for letter in letters if letter is not None])

    async def _one(self, record: Record) -> DeadLetter | None:
        if record.value is None:
            return None
        try:
            fetch = decode(Fetch, record.value)
        except UndecodableError as error:
            return DeadLetter(record, "undecodable", str(error))
        account = self._accounts.account(fetch.account_id)
        if account is None or account.status is not AccountStatus.CONNECTED:
            return DeadLetter(record, "account-not-connected", "reconnect it, then redrive")
        # in turns before the gate: orders that wait must not hold up what others fetch
        async with self._turn(fetch), self._gate:
            if self._answered(fetch):
                return None
            return await self._ask(record, fetch, account)

    def _turn(self, fetch: Fetch) -> AbstractAsyncContextManager[None]:
        """Return what lets one at a time through, of what is written for an account."""
        if not fetch.resource.startswith(ORDER_DRAFTS):
            return nullcontext()
        turn = self._writing.get(fetch.account_id)
        if turn is None:
            turn = self._writing[fetch.account_id] = asyncio.Lock()
        return turn

    def _answered(self, fetch: Fetch) -> bool:
        """Say whether a fetch of the same began after this one was asked for."""
        asked = self._asked.get((fetch.account_id, fetch.resource))
        return asked is not None and asked > fetch.requested_at

    async def _ask(self, record: Record, fetch: Fetch, account: Account) -> DeadLetter | None:
        begun = self._clock()
        try:
            connector = self._connectors[fetch.provider]
            conversation = connector.fetch(shop_of(account), fetch.resource)
            exchange = self._exchanges.of(account)
            async with aclosing(exchange.converse(conversation)) as pages:
                async for page in pages:
                    if page.bodies:
                        await self._ingest.append(
                            account, Channel.FETCH, page.resource, page.bodies
                        )
        except ConnectorError as error:
            logger.warning(
                "fetch_failed", account_id=account.account_id, error=type(error).__name__
            )
            return DeadLetter(record, _error_type(error), str(error))
        except (FencedError, *INFRASTRUCTURE):
            raise
        except Exception as error:  # noqa: BLE001 - a bug of ours must not hold up the lane
            name, place = type(error).__qualname__, where(error.__traceback__)
            logger.error(  # noqa: TRY400 - its text may hold anything
                "fetch_put_aside", account_id=account.account_id, error=name, where=place
            )
            return DeadLetter(record, INTERNAL_ERROR, name)
        self._remember(fetch, begun)
        return None

    def _remember(self, fetch: Fetch, begun: datetime) -> None:
        key = (fetch.account_id, fetch.resource)
        self._asked[key] = begun
        self._asked.move_to_end(key)
        while len(self._asked) > REMEMBERED:
            self._asked.popitem(last=False)


def _error_type(error: ConnectorError) -> str:
    match error:
        case CredentialsError():
            return "authentication-failed"
        case TransientError():
            return "provider-unavailable"
        case _:
            return "provider-refused"
