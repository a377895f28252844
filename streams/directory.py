"""Tenants and accounts in memory: who asks, and whom a webhook is about."""

from __future__ import annotations

import asyncio
import hmac
import random
import secrets
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

from msgspec.structs import replace

from schemas import topics
from schemas.account import Account, AccountStatus, ApiKey, Tenant
from schemas.codec import decode, encode
from schemas.sealing import Sealer
from streams.log import (
    TP,
    EventLog,
    LogUnavailableError,
    Out,
    OvertakenError,
    Record,
    lane_of,
)
from streams.tail import Tail, partitions
from streams.views import NotReadyError, NotSettledError, Views

UNCLAIMED = "_unclaimed"
"""The system's own tenant: it seals what arrived for merchants that nobody has connected."""

_FOLLOWED = (topics.TENANTS, topics.ACCOUNTS)
_KEY_PARTS = 3

TURNS, PAUSE_S = 20, 0.05
"""Tries to write before others can overtake; the longest pause after the first of them."""

Written = TypeVar("Written", Account, Tenant)


class Caller:
    """Who asks: a tenant, by one of its keys; `key_name` is what audit fields say."""

    __slots__ = ("key_name", "tenant")

    def __init__(self, tenant: Tenant, key_name: str) -> None:
        self.tenant = tenant
        self.key_name = key_name


def new_api_key(name: str, now: datetime) -> tuple[str, ApiKey]:
    """Return a new key, `ts_<prefix>_<secret>`, and what is kept of it."""
    prefix = secrets.token_hex(6)
    key = f"ts_{prefix}_{secrets.token_urlsafe(32)}"
    return key, ApiKey(name=name, prefix=prefix, sha256=_digest(key), created_at=now)


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()


class Directory:
    """
    Follows `pos.tenants` and `pos.accounts`.

    A write is made of the newest that any process wrote (`EventLog.turn`), and waits until this
    process has read it back, so whoever wrote sees what was written; other processes follow
    within a second.
    """

    def __init__(
        self,
        log: EventLog,
        sealer: Sealer,
        clock: Callable[[], datetime],
        *,
        lanes: int,
        views: Views | None = None,
        timeout_s: float = 5.0,
    ) -> None:
        self._log = log
        self._sealer = sealer
        self._clock = clock
        self._lanes = lanes
        self._views = views
        self._timeout_s = timeout_s
        self._tenants: dict[str, Tenant] = {}
        self._keys: dict[str, tuple[Tenant, ApiKey]] = {}
        self._accounts: dict[str, Account] = {}
        self._routes: dict[tuple[str, str], dict[str, Account]] = {}
        self._turns: defaultdict[TP, asyncio.Lock] = defaultdict(asyncio.Lock)
        takes = {topics.TENANTS: self._take_tenant, topics.ACCOUNTS: self._take_account}
        self._tail = Tail(log, takes, name="directory")

    async def start(self) -> None:
        """Read all there is, then follow."""
        bounds = await self._log.bounds(partitions(_FOLLOWED, self._lanes))
        await self._tail.start({TP(*tp): begin for tp, (begin, _) in bounds.items()})

    async def stop(self) -> None:
        """Stop following."""
        await self._tail.stop()

    @property
    def failing(self) -> str | None:
        """Say why the directory cannot follow the log at the moment."""
        return self._tail.failing

    # -- questions ---------------------------------------------------------------------------

    def caller(self, key: str) -> Caller | None:
        """Return whose key it is; its hash is compared in constant time."""
        parts = key.split("_", _KEY_PARTS - 1)
        if len(parts) != _KEY_PARTS or parts[0] != "ts":
            return None
        known = self._keys.get(parts[1])
        digest = _digest(key) if key.isascii() else ""
        if known is None or not hmac.compare_digest(known[1].sha256, digest):
            return None
        return Caller(known[0], known[1].name)

    def tenant(self, tenant_id: str) -> Tenant | None:
        """Return a tenant."""
        return self._tenants.get(tenant_id)

    def tenants(self) -> list[Tenant]:
        """Return all tenants of people, by id."""
        return [self._tenants[name] for name in sorted(self._tenants) if name != UNCLAIMED]

    def account(self, account_id: str) -> Account | None:
        """Return an account, whatever its status."""
        return self._accounts.get(account_id)

    def all_accounts(self) -> list[Account]:
        """Return every account."""
        return list(self._accounts.values())

    def accounts_of(self, tenant_id: str) -> list[Account]:
        """Return a tenant's accounts, by id."""
        found = [acct for acct in self._accounts.values() if acct.tenant_id == tenant_id]
        return sorted(found, key=lambda acct: acct.account_id)

    def route(self, provider: str, merchant: str, locations: Sequence[str]) -> list[Account]:
        """
        Return the accounts that a delivery is about, by id.

        Args:
            locations: none means every location of the merchant.

        Accounts that were disconnected get nothing: it is kept as unclaimed, and comes back
        when somebody connects them again.
        """
        candidates = self._routes.get((provider, merchant), {})
        return [
            candidates[name]
            for name in sorted(candidates)
            if candidates[name].status is not AccountStatus.DISCONNECTED
            and (not locations or candidates[name].location_id in locations)
        ]

    def lane(self, account_or_tenant_id: str) -> int:
        """Return the lane of an account or tenant."""
        return lane_of(account_or_tenant_id.encode(), self._lanes)

    # -- writes ------------------------------------------------------------------------------

    async def put_tenant(self, tenant: Tenant) -> bool:
        """Write a tenant and wait until it counts; False when not yet seen everywhere."""
        return (await self._write(topics.TENANTS, tenant.tenant_id, lambda: tenant))[1]

    async def put_account(self, account: Account) -> bool:
        """Write an account and wait until it counts; False when not yet seen everywhere."""
        return (await self._write(topics.ACCOUNTS, account.account_id, lambda: account))[1]

    async def settle_account(self, account_id: str) -> bool:
        """Wait until the tables show what was written to an account's lane; False if late."""
        return await self._settled(self.lane(account_id))

    async def catch_up(self, account_id: str) -> None:
        """
        Wait until what any process wrote of an account is known here.

        Raises:
            LogUnavailableError: the log cannot be read to its end in time.
        """
        await self._caught_up(TP(topics.ACCOUNTS, self.lane(account_id)))

    async def change_account(
        self, account_id: str, change: Callable[[Account], Account]
    ) -> Account | None:
        """Change an account; no change undoes another, whichever process makes it."""

        def changed() -> Account | None:
            known = self._accounts.get(account_id)
            if known is None:
                return None
            return replace(change(known), updated_at=self._clock())

        return (await self._write(topics.ACCOUNTS, account_id, changed))[0]

    def connected_beside(self, account: Account) -> list[Account]:
        """Return the connected accounts of the same merchant, but for this one."""
        here = self._routes.get((account.provider, account.merchant), {})
        return [
            other
            for other in here.values()
            if other.account_id != account.account_id
            and other.status is AccountStatus.CONNECTED
        ]

    async def grant_over(self, account: Account) -> None:
        """Mark an account whose authorisation is over, unless it was reconnected since."""

        def over(known: Account) -> Account:
            same = known.credentials == account.credentials
            connected = known.status is AccountStatus.CONNECTED
            return replace(known, status=AccountStatus.REVOKED) if same and connected else known

        await self.change_account(account.account_id, over)

    async def change_tenant(
        self, tenant_id: str, change: Callable[[Tenant], Tenant]
    ) -> Tenant | None:
        """Change a tenant; no change undoes another, whichever process makes it."""

        def changed() -> Tenant | None:
            known = self._tenants.get(tenant_id)
            return None if known is None else change(known)

        return (await self._write(topics.TENANTS, tenant_id, changed))[0]

    async def create_tenant(self, tenant_id: str, name: str) -> Tenant | None:
        """Create a tenant with a data key of its own; None when the id is taken."""

        def created() -> Tenant | None:
            if tenant_id in self._tenants:
                return None
            return Tenant(
                tenant_id=tenant_id,
                name=name,
                data_key=self._sealer.new_data_key(tenant_id),
                created_at=self._clock(),
            )

        return (await self._write(topics.TENANTS, tenant_id, created))[0]

    async def unclaimed_tenant(self) -> Tenant:
        """Return the system's own tenant, created when it is first needed."""
        known = self._tenants.get(UNCLAIMED) or await self.create_tenant(UNCLAIMED, "unclaimed")
        return known or self._tenants[UNCLAIMED]

    async def _write(
        self, topic: str, key: str, made: Callable[[], Written | None]
    ) -> tuple[Written | None, bool]:
        """
        Write what is made of the newest that any process wrote; None writes nothing.

        Returns what was written, and whether it is seen by now.

        Raises:
            LogUnavailableError: it may not be kept, or others write all the time.
        """
        lane = self.lane(key)
        tp = TP(topic, lane)
        for attempt in range(TURNS):
            try:
                async with self._turns[tp], self._log.turn(tp) as write:
                    await self._caught_up(tp)
                    value = made()
                    if value is None:
                        return None, True
                    place = await write(Out(key.encode(), encode(value), (), lane))
            except OvertakenError:
                # two that always begin together would overtake each other again and again
                await asyncio.sleep(random.uniform(0, PAUSE_S * (attempt + 1)))
                continue
            try:
                await self._tail.reached(tp, place.offset, self._timeout_s)
            except TimeoutError:
                return value, False
            return value, await self._settled(lane)
        raise LogUnavailableError(f"{tp.topic}/{tp.partition}: others write all the time")

    async def _caught_up(self, tp: TP) -> None:
        """Wait until all is known that stands in the log by now."""
        try:
            async with asyncio.timeout(self._timeout_s):
                _, end = (await self._log.bounds([tp]))[tp]
                await self._tail.reached(tp, end - 1, self._timeout_s)
        except TimeoutError:
            where = f"{tp.topic}/{tp.partition}"
            raise LogUnavailableError(f"{where} cannot be read to its end") from None

    async def _settled(self, lane: int) -> bool:
        if self._views is None:
            return True
        try:
            await self._views.settle([lane], self._timeout_s)
        except (NotSettledError, NotReadyError):
            return False
        return True

    # -- what the log says -------------------------------------------------------------------

    def _take_tenant(self, record: Record) -> None:
        if record.key is None:
            return
        tenant = None if record.value is None else decode(Tenant, record.value)
        old = self._tenants.pop(record.key.decode(), None)
        for key in old.api_keys if old is not None else ():
            self._keys.pop(key.prefix, None)
        if tenant is None:
            return
        self._tenants[tenant.tenant_id] = tenant
        self._keys.update({key.prefix: (tenant, key) for key in tenant.api_keys})

    def _take_account(self, record: Record) -> None:
        if record.key is None:
            return
        account = None if record.value is None else decode(Account, record.value)
        old = self._accounts.pop(record.key.decode(), None)
        if old is not None:
            self._routes[(old.provider, old.merchant)].pop(old.account_id, None)
        if account is None:
            return
        self._accounts[account.account_id] = account
        here = self._routes.setdefault((account.provider, account.merchant), {})
        here[account.account_id] = account
