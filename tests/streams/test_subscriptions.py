"""A worker has webhooks sent to it once an account is connected, and looks again daily."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from msgspec.structs import replace

from connectors.contract import Conversation, CredentialsError, Page, Request, Way
from connectors.lightspeed_x.subscriptions import EVENTS, WEBHOOKS
from schemas.account import Account, AccountStatus
from schemas.sealing import generate_master_key
from streams.settings import load
from streams.worker import Worker
from tests.connectors.simulated import NOW, Client, clients, simulated
from tests.streams.stage_kit import MILL_LANE

STORE = replace(MILL_LANE, provider="lightspeed-x", merchant="mill", credentials=b"sealed")


class Store:
    """The way to one store; some conversations fail before they reach it."""

    def __init__(self) -> None:
        self.client: Client = clients("lightspeed-x", simulated("lightspeed-x"))[0]
        self.troubles: list[Exception] = []
        self.asked = 0

    async def converse(self, talk: Conversation) -> AsyncIterator[Page]:
        self.asked += 1
        if self.troubles:
            raise self.troubles.pop(0)
        for page in self.client.pages(talk):
            yield page

    def webhooks(self) -> list[dict[str, Any]]:
        answer = self.client.ask(Request(method="GET", path=WEBHOOKS))
        found: list[dict[str, Any]] = json.loads(answer.body)["data"]
        return found

    def switch_off(self) -> None:
        for one in self.webhooks():
            body = json.dumps({**one, "active": False}).encode()
            self.client.ask(Request(method="PUT", path=f"{WEBHOOKS}/{one['id']}", body=body))


class Deployment:
    """A worker that calls nobody but the store, and a clock of its own."""

    def __init__(self, folder: Path, **given: object) -> None:
        self.now: datetime = NOW
        self.store = Store()
        settings = load(
            log=f"embedded://{folder}/log?sync=0",
            data_dir=folder,
            lanes=2,
            keys=f"k1:{generate_master_key()}",
            **{"public_url": "https://tills.example", **given},
        )
        self.worker = Worker(settings, fatal=[].append, clock=lambda: self.now, polling=False)
        self.worker.exchanges.of = self._of  # type: ignore[method-assign]

    def _of(self, _account: Account) -> Way:
        return self.store

    async def __aenter__(self) -> Self:
        await self.worker.start(serve=False)
        await self.worker.subscriptions.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.worker.stop()

    async def connect(self, **changes: Any) -> None:
        await self.worker.directory.create_tenant("bakers", "Bakers")
        await self.worker.directory.put_account(replace(STORE, **changes))

    async def later(self, **given: int) -> None:
        """Let time pass, and the worker look again."""
        self.now += timedelta(**given)
        await self.worker.subscriptions.stop()
        await self.worker.subscriptions.start()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - it looks by itself
            await asyncio.sleep(0.02)


async def test_webhooks_are_asked_for_when_an_account_is_connected_and_put_right_daily(
    tmp_path: Path,
) -> None:
    async with Deployment(tmp_path) as here:
        await here.connect()
        await here.later()
        await until(lambda: len(here.store.webhooks()) == len(EVENTS))
        urls = {one["url"] for one in here.store.webhooks()}
        assert urls == {"https://tills.example/api/v1/pos/webhooks/lightspeed-x"}
        here.store.switch_off()
        await here.later(hours=23)
        await asyncio.sleep(0.2)
        assert not any(one["active"] for one in here.store.webhooks())
        await here.later(hours=2)
        await until(lambda: all(one["active"] for one in here.store.webhooks()))


async def test_a_renewed_token_is_no_reason_to_ask_again(tmp_path: Path) -> None:
    async with Deployment(tmp_path) as here:
        await here.connect()
        await here.later()
        await until(lambda: here.store.asked == 1)
        await here.worker.directory.put_account(replace(STORE, credentials=b"renewed"))
        await here.later(hours=1)
        await asyncio.sleep(0.2)
        assert here.store.asked == 1


async def test_what_was_refused_is_asked_again_later_or_at_once_by_new_credentials(
    tmp_path: Path,
) -> None:
    async with Deployment(tmp_path) as here:
        here.store.troubles = [CredentialsError("403"), RuntimeError("a bug")]
        await here.connect()
        await here.later()
        await until(lambda: here.store.asked == 1)
        await here.later(minutes=5)
        await asyncio.sleep(0.2)
        assert here.store.asked == 1
        await here.worker.directory.put_account(replace(STORE, credentials=b"others"))
        await here.later()
        await until(lambda: here.store.asked == 2)
        await here.later(minutes=16)
        await until(lambda: len(here.store.webhooks()) == len(EVENTS))


async def test_nothing_is_asked_of_accounts_that_left_or_without_a_public_https_url(
    tmp_path: Path,
) -> None:
    async with Deployment(tmp_path / "a") as gone:
        await gone.connect(status=AccountStatus.DISCONNECTED)
        await gone.later(hours=1)
        await asyncio.sleep(0.2)
        assert gone.store.asked == 0
    async with Deployment(tmp_path / "b", public_url="http://127.0.0.1:8013") as local:
        await local.connect()
        await local.later(hours=1)
        await asyncio.sleep(0.2)
        assert local.store.asked == 0
