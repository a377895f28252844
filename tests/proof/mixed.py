"""A fleet on Kafka whose shops are at several providers, used as its operator would use it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from connectors.contract import Delivery
from connectors.simulation.answers import answer_of
from connectors.simulation.calls import Answer, Call
from connectors.simulation.goods import OwnProduct
from connectors.simulation.simulator import Simulator
from connectors.simulation.truth import Totals
from streams.cli.api import Api
from streams.cli.demo_scene import ACCOUNTS, Scene
from streams.cli.demo_settings import environment
from streams.simulate_database import SimulatedDatabase
from tests.proof.crew import Crew, Member, crew
from tests.proof.site import ROOT

PATIENCE_S = 120.0


class Harm:
    """Counts the writes to a path; right after one of them, harm is done."""

    def __init__(self, path: str, at: int, do: Callable[[], None]) -> None:
        self.path, self.at, self.do = path, at, do
        self.count = 0

    def met(self, call: Call) -> None:
        if call.method == "POST" and call.path.endswith(self.path):
            self.count += 1
            if self.count == self.at:
                self.do()


class Watched:
    """
    A simulated provider that can be taken away, and whose token calls are kept.

    It denies whatever has `denied` in it, and takes `slow_s` for each answer.
    """

    def __init__(self, inner: Simulator) -> None:
        self.inner = inner
        self.config = inner.config
        self.down = False
        self.denied, self.slow_s = "", 0.0
        self.token_calls: list[tuple[bytes, int]] = []
        self.harms: list[Harm] = []

    def harmed(self, path: str, at: int, do: Callable[[], None]) -> Harm:
        """Do harm when a path is written to for so many times, before anybody hears of it."""
        self.harms.append(Harm(path, at, do))
        return self.harms[-1]

    @property
    def ends(self) -> datetime:
        return self.inner.ends

    def handle(self, call: Call, now: datetime) -> Answer:
        if self.down:
            return Answer(response=answer_of(400, b'{"error": "out of order"}'))
        time.sleep(self.slow_s)
        answer = self.inner.handle(call, now)
        if "token" in call.path:
            self.token_calls.append((call.body, answer.response.status))
        for harm in self.harms:
            harm.met(call)
        return without(answer, self.denied) if self.denied else answer

    def release(self, until: datetime) -> None:
        self.inner.release(until)

    def deliveries(self, since: datetime | None = None) -> Iterator[tuple[timedelta, Delivery]]:
        return self.inner.deliveries(since)

    def repeated(self, delivery: Delivery, attempt: int, *, timed_out: bool) -> Delivery:
        return self.inner.repeated(delivery, attempt, timed_out=timed_out)

    def revoke(self, merchant: str, at: datetime) -> Delivery | None:
        return self.inner.revoke(merchant, at)

    def totals(self) -> Totals:
        return self.inner.totals()

    def bills(self) -> Any:
        return self.inner.bills()

    def own_products(self) -> tuple[OwnProduct, ...]:
        return self.inner.own_products()


def without(answer: Answer, text: str) -> Answer:
    """Leave out the members of all lists of a JSON object that hold a text."""
    said = msgspec.json.decode(answer.response.body, type=dict[str, Any])
    for name, found in said.items():
        if isinstance(found, list):
            said[name] = [one for one in found if text not in json.dumps(one)]
    return replace(answer, response=replace(answer.response, body=msgspec.json.encode(said)))


class Mixed:
    """The processes, the simulated providers, and the API through each `serve`."""

    def __init__(
        self, hands: Crew, scenes: Sequence[Scene], apis: Sequence[Api], key: str
    ) -> None:
        self.hands, self.scenes, self.apis, self.key = hands, scenes, apis, key

    @property
    def accounts(self) -> list[dict[str, Any]]:
        """Return all accounts as the API gave them."""
        return [it for scene in self.scenes for it in scene.accounts.values()]

    def keeper(self, provider: str) -> tuple[Member, Member]:
        """Return the worker that polls a provider's one account, and the other one."""
        has = {it: it.metric("pos_accounts_total", provider) for it in self.hands.works}
        assert sorted(has.values()) == [0, 1], {it.name: n for it, n in has.items()}
        mine, other = sorted(self.hands.works, key=lambda it: -has[it])
        return mine, other

    def command(self, *words: str, status: int = 0) -> list[Any]:
        """Run `tillstream` as its operator does, and return the lines of JSON that it says."""
        with_key = () if words[0] == "topics" else ("--api-key", self.key)
        url = () if words[0] == "topics" else ("--url", self.hands.site.url)
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "streams.cli", *words, *with_key, *url, "--json"],
            cwd=ROOT,
            env={**os.environ, **self.hands.site.environment()},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    async def run(self, account_id: str, what: str, body: object = None) -> Any:
        """Ask for a sync run through the last `serve` and return how it ended."""
        path = f"{ACCOUNTS}/{account_id}"
        asked = await self.apis[-1].call("POST", f"{path}/{what}", body)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for run in await self.apis[0].items(f"{path}/syncs"):
                    if run["sync_id"] == asked["sync_id"] and run["status"] != "running":
                        return run
                await asyncio.sleep(0.1)

    async def differences(self) -> list[Any]:
        """Compare every figure with the simulators' own, through the last `serve`."""
        found: list[Any] = []
        for scene in self.scenes:
            checked = scene.check(await scene.ours(self.apis[-1]))
            assert checked.figures
            found += checked.differences
        return found

    async def equal(self) -> None:
        """Wait until no figure differs; what still does is the error."""
        last: list[Any] = []
        try:
            async with asyncio.timeout(PATIENCE_S):
                while last := await self.differences():  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.5)
        except TimeoutError:
            raise AssertionError(f"{len(last)} figures differ: {last[:5]}") from None


@asynccontextmanager
async def mixed(
    folder: Path, broker: str, providers: Sequence[str], *, seed: int, **settings: str
) -> AsyncIterator[Mixed]:
    """Run two of each process, with one shop at each provider, connected and imported."""
    with crew(folder, broker) as hands:
        site = hands.site
        site.more = dict(settings)
        scenes = [
            Scene(name, site.url, seed=seed, shops=1, tell=lambda _: None) for name in providers
        ]
        async with AsyncExitStack() as stack:
            for scene in scenes:
                if not isinstance(scene.simulator, SimulatedDatabase):
                    scene.simulator = Watched(scene.simulator)
                site.more |= environment(scene.provider, await scene.serve(stack))
            await asyncio.to_thread(hands.start)
            admin = await stack.enter_async_context(Api(site.url, site.admin_key))
            made = await admin.call(
                "POST", "/api/v1/tenants", {"name": "Shops", "tenant_id": "shops"}
            )
            site.api_key = made["api_key"]
            apis = [
                await stack.enter_async_context(Api(it.url, site.api_key))
                for it in hands.serves
            ]
            products = [msgspec.to_builtins(it) for it in scenes[0].simulator.own_products()]
            await apis[0].call("PUT", "/api/v1/pos/products", {"products": products})
            await asyncio.gather(*(scene.connect(apis[0]) for scene in scenes))
            yield Mixed(hands, scenes, apis, site.api_key)
