"""What a provider itself has of one business day, read and assembled without the log."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from datetime import date, datetime

import msgspec

from connectors.contract import (
    DAY_SUMS,
    Connector,
    Conversation,
    DaySums,
    NeedsFetch,
    Parts,
    PermanentError,
    Rejected,
    Shop,
    WantedBody,
    Way,
)
from schemas.account import Account
from schemas.part import Part
from schemas.raw import Channel, RawEvent
from schemas.transaction import Transaction
from streams.shop import shop_of

FETCHES_MAX = 2_000
"""Single calls for one day; a day that needs more is not compared."""


class ProviderDay(msgspec.Struct, frozen=True, kw_only=True):
    """
    The provider's view of a day.

    Args:
        bills: all that it told, those of neighbouring days included.
        sums: what it has added up itself, None where it adds nothing up.
        unreadable: bodies that cannot be believed.
    """

    bills: tuple[Transaction, ...]
    sums: dict[str, int] | None
    unreadable: int


async def ask_day(
    account: Account,
    connector: Connector,
    way: Way,
    day: date,
    clock: Callable[[], datetime],
) -> ProviderDay:
    """
    Ask a provider for a day, and for what that points at.

    Raises:
        ConnectorError: as its kinds say.
    """
    book = _Ledger(connector, account, clock)
    await book.take(way, connector.day(book.shop, day))
    asked: set[str] = set()
    while book.wanted:
        want = book.wanted.pop()
        if want.resource in asked or not book.misses(want):
            continue
        if len(asked) >= FETCHES_MAX:
            raise PermanentError(f"{day}: more than {FETCHES_MAX} single calls are needed")
        asked.add(want.resource)
        await book.take(way, connector.fetch(book.shop, want.resource))
    return book.read()


class _Ledger:
    """The newest parts of what came in."""

    def __init__(
        self, connector: Connector, account: Account, clock: Callable[[], datetime]
    ) -> None:
        self.shop: Shop = shop_of(account)
        self.wanted: list[WantedBody] = []
        self._connector = connector
        self._account = account
        self._clock = clock
        self._parts: dict[str, dict[str, Part]] = {}
        self._sums: dict[str, int] | None = None
        self._unreadable = 0

    async def take(self, way: Way, conversation: Conversation) -> None:
        async with aclosing(way.converse(conversation)) as pages:
            async for page in pages:
                for body in page.bodies:
                    if page.resource == DAY_SUMS:
                        self._sums = msgspec.json.decode(body, type=DaySums).figures
                    else:
                        self._read(page.resource, body)

    def _read(self, resource: str, body: bytes) -> None:
        account = self._account
        raw = RawEvent(
            raw_id="",
            tenant_id=account.tenant_id,
            account_id=account.account_id,
            provider=account.provider,
            channel=Channel.POLL,
            resource=resource,
            received_at=self._clock(),
            body=body,
        )
        outcome = self._connector.read(raw, self.shop)
        if isinstance(outcome, Rejected):
            self._unreadable += 1
        if isinstance(outcome, Parts | NeedsFetch):
            self.wanted.extend(want for want in outcome.wanted if want.transaction)
        for part in outcome.parts if isinstance(outcome, Parts) else ():
            known = self._parts.setdefault(part.transaction, {})
            if part.supersedes(known.get(part.part_id)):
                known[part.part_id] = part

    def misses(self, want: WantedBody) -> bool:
        return not want.is_met_by(self._parts.get(want.transaction, {}).get(want.part_id))

    def read(self) -> ProviderDay:
        bills = (
            bill
            for name, parts in self._parts.items()
            for bill in self._connector.assemble(name, parts, self.shop)
        )
        return ProviderDay(bills=tuple(bills), sums=self._sums, unreadable=self._unreadable)
