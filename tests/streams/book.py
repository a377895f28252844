"""Accounts in memory, a clock that is set by hand, and a provider that rotates its tokens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from connectors.contract import Request
from schemas.account import Account, Tenant
from schemas.sealing import KeyRing, Sealer, generate_master_key
from streams.credentials import Credentials, opened, sealed
from streams.exchanges import AccountExchanges
from streams.log import LogUnavailableError
from streams.settings import load

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
READ = Request(method="GET", path="/things")
R_TOKEN = "/auth/oauth/token"


class Book:
    """Accounts in memory; says what was written, in order with what the provider saw."""

    def __init__(self, sealer: Sealer) -> None:
        self.sealer = sealer
        key = sealer.new_data_key("t")
        self.tenants = {"t": Tenant(tenant_id="t", name="T", data_key=key, created_at=NOW)}
        self.accounts: dict[str, Account] = {}
        self.away = False
        self.late = False
        self.events: list[str] = []
        self.unread: Callable[[], object] | None = None

    def account(self, account_id):
        return self.accounts.get(account_id)

    def tenant(self, tenant_id):
        return self.tenants.get(tenant_id)

    async def catch_up(self, account_id):
        assert account_id in self.accounts
        unread, self.unread = self.unread, None
        if unread is not None:
            unread()

    async def change_account(self, account_id, change):
        await asyncio.sleep(0)
        if self.away:
            raise LogUnavailableError("away")
        changed = change(self.accounts[account_id])
        if not self.late:
            self.accounts[account_id] = changed
        self.events.append("saved")
        return changed

    def add(self, provider_name, credentials, account_id="a1", merchant="77", location="L1"):
        box = sealed(credentials, self.sealer, self.tenants["t"], account_id)
        self.accounts[account_id] = Account(
            account_id=account_id,
            tenant_id="t",
            provider=provider_name,
            merchant=merchant,
            location_id=location,
            location_name="Shop",
            timezone="UTC",
            credentials=box,
            created_at=NOW,
            updated_at=NOW,
        )
        return self.accounts[account_id]

    def credentials(self, account_id="a1"):
        return opened(self.accounts[account_id], self.sealer)


class Tokens:
    """The R-Series' way: a renewal kills the pair before it."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.number = 1
        self.good = {"access-1"}
        self.status = 200
        self.lives = 1800

    def answer(self, asked):
        if asked.path == R_TOKEN:
            return self.renewed(parse_qs(asked.body.decode()))
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        self.book.events.append(token)
        return (200 if token in self.good else 401), {}, b"{}"

    def renewed(self, form):
        self.book.events.append("token")
        if self.status != 200:
            return self.status, {}, b"{}"
        if form["refresh_token"] != [f"refresh-{self.number}"]:
            return 400, {}, b'{"error":"invalid_grant"}'
        self.number += 1
        self.good = {f"access-{self.number}"}
        pair = {
            "access_token": f"access-{self.number}",
            "refresh_token": f"refresh-{self.number}",
            "expires_in": self.lives,
        }
        return 200, {}, json.dumps(pair).encode()


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def wait(self, **span) -> None:
        self.now += timedelta(**span)


def new_book() -> Book:
    return Book(Sealer(KeyRing.from_text(f"k1:{generate_master_key()}")))


def ours(folder, book, clock, url, **given):
    login = {"client_id": "us", "client_secret": "hush"}
    settings = load(
        data_dir=folder,
        toast={"base_url": url, **login},
        lightspeed_k={"base_url": url, **login},
        lightspeed_r={"base_url": f"{url}/Account/{{merchant}}", "token_url": url, **login},
        lightspeed_x={"base_url": url, **login},
        square={"base_url": url, **given},
    )
    return AccountExchanges(settings, book.sealer, book, clock=clock)


def old(seconds: int = 0, number: int = 1) -> Credentials:
    """Return credentials whose access token has so many seconds to go."""
    return Credentials(
        access_token=f"access-{number}",
        refresh_token=f"refresh-{number}",
        expires_at=NOW + timedelta(seconds=seconds),
    )
