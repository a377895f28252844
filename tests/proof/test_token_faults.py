"""
Tokens that end before their time, at every simulated provider that has some, by `--faults`.

A whole worker each, with a clock that can be moved on; every figure is compared with what the
simulator knows it sold.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.catalogue import ACCESSES
from connectors.simulation.calls import Answer, Call
from connectors.simulation.config import Faults
from connectors.simulation.oauth import TokenBook
from connectors.simulation.simulator import TokenKeeper, refresh_token_of
from connectors.simulators import SIMULATORS
from schemas import topics
from schemas.codec import decode
from schemas.events import ErrorType, PosError
from schemas.sealing import generate_master_key
from streams.cli.api import Api
from streams.cli.demo_check import Ours, check
from streams.cli.demo_scene import ACCOUNTS
from streams.cli.demo_settings import SIMULATED, Wiring
from streams.log import TP
from streams.reading import records_of
from streams.settings import load
from streams.simulate import serve_simulator
from streams.worker import Worker
from tests.connectors.simulated import finished, simulated
from tests.proof.forms import long_form

PROVIDERS = sorted(set(SIMULATORS) & set(ACCESSES))
ADMIN_KEY = "an-admin-key-for-tests-0123456789"
PATIENCE_S = 120
DAYS, ROUNDS = 1, 3
LATER = timedelta(minutes=5)
DYING = Faults(dying_tokens=300)
REFUSED = Faults(dying_tokens=1000, refused_renewals=1000)

SAY_OVER = {"lightspeed-k", "lightspeed-r", "lightspeed-x"}
"""They say `invalid_grant`; 401 at Square or Toast may mean our application's secret."""

QUICK = {"square", "lightspeed-r"}
every_provider = pytest.mark.parametrize(
    "provider",
    [name if name in QUICK else pytest.param(name, marks=long_form) for name in PROVIDERS],
)


class Clock:
    """The time of a worker and its provider, which goes on by itself, too."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Heard:
    """A simulator, and the calls that it answered, with the statuses."""

    def __init__(self, inner: TokenKeeper) -> None:
        self.inner = inner
        self.calls: list[tuple[Call, int]] = []

    def handle(self, call: Call, now: datetime) -> Answer:
        answer = self.inner.handle(call, now)  # type: ignore[attr-defined]  # a Simulator, too
        self.calls.append((call, answer.response.status))
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Street:
    """One shop of a provider, and the worker that asks it."""

    def __init__(self, provider: str, heard: Heard, worker: Worker, api: Api) -> None:
        self.provider, self.heard, self.worker, self.api = provider, heard, worker, api
        self.place = heard.config.shops[0]
        self.account_id = ""

    @property
    def book(self) -> TokenBook:
        return self.heard.inner.book

    async def connect(self, access_token: str, refresh_token: str) -> None:
        typed = {name: getattr(self.place, name) for name in SIMULATORS[self.provider].typed}
        form = {
            "provider": self.provider,
            "location_id": self.place.location_id,
            "merchant": self.place.merchant_id,
            "cut_off_hour": self.place.cut_off_hour,
            **({"access_token": access_token} if access_token else {}),
            **({"refresh_token": refresh_token} if refresh_token else {}),
            **typed,
        }
        self.account_id = (await self.api.call("POST", ACCOUNTS, form))["account_id"]

    async def ask(self) -> str:
        """Ask for all there is and return the name of the run."""
        path = f"{ACCOUNTS}/{self.account_id}/sync/historical"
        return str((await self.api.call("POST", path, {"days": DAYS + 1}))["sync_id"])

    async def import_history(self) -> str:
        """Ask for all there is, and return how the run ended."""
        sync_id, path = await self.ask(), f"{ACCOUNTS}/{self.account_id}"
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for run in await self.api.items(f"{path}/syncs"):
                    if run["sync_id"] == sync_id and run["ended_at"]:
                        return str(run["status"])
                await asyncio.sleep(0.05)

    async def equal(self) -> None:
        """Wait until no figure differs; what still does is the error."""
        last: list[Any] = ["not asked"]
        try:
            async with asyncio.timeout(PATIENCE_S):
                while last:
                    checked = check(self.heard.totals(), [await self._ours()])
                    assert checked.figures
                    last = checked.differences
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{len(last)} figures differ: {last[:5]}") from None

    async def _ours(self) -> Ours:
        rows = {
            name: await self.api.items(f"/api/v1/pos/{path}", account_id=self.account_id)
            for name, path in (
                ("sales_days", "sales-days"),
                ("sales", "sales"),
                ("inventory", "inventory"),
            )
        }
        return Ours(location_id=self.place.location_id, **rows)

    async def told(self) -> list[PosError]:
        """Wait until people are told of an error, and return what they are."""
        async with asyncio.timeout(PATIENCE_S):
            while not (found := await self.errors()):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
            return found

    async def errors(self) -> list[PosError]:
        log, lane = self.worker.runtime.log, self.worker.directory.lane(self.account_id)
        return [
            decode(PosError, record.value)
            async for record in records_of(log, TP(topics.ERRORS, lane))
            if record.value is not None
        ]

    async def health(self) -> str:
        state = await self.api.call("GET", f"{ACCOUNTS}/{self.account_id}/sync")
        return str(state["health"])


@asynccontextmanager
async def street(
    folder: Path, provider: str, clock: Clock, faults: Faults
) -> AsyncIterator[Street]:
    simulator = simulated(
        provider,
        now=clock() - timedelta(hours=1),
        shops=SIMULATORS[provider].shops(1),
        days=DAYS,
        orders_per_day=10,
        live_orders=10,
        page_limit=6,
        faults=faults,
    )
    assert isinstance(simulator, TokenKeeper)
    heard = Heard(finished(simulator))
    async with serve_simulator(heard, clock=clock) as url:  # type: ignore[arg-type]
        wiring = Wiring(url=url, webhook_url=url, secret=simulator.config.signature_key)
        settings = load(
            log=f"embedded://{folder}/log?sync=0&upkeep_s=3600",
            data_dir=folder,
            lanes=2,
            port=0,
            keys=f"k1:{generate_master_key()}",
            admin_key=ADMIN_KEY,
            **{provider.replace("-", "_"): SIMULATED[provider](wiring)},
        )
        worker = Worker(settings, fatal=[].append, clock=clock)
        await worker.start()
        try:
            async with Api(worker.url, ADMIN_KEY) as admin:
                made = await admin.call("POST", "/api/v1/tenants", {"name": "Shops"})
            async with Api(worker.url, made["api_key"]) as api:
                products = [msgspec.to_builtins(it) for it in simulator.own_products()]
                await api.call("PUT", "/api/v1/pos/products", {"products": products})
                yield Street(provider, heard, worker, api)
        finally:
            await worker.stop()


def went_on_between_pages(calls: list[tuple[Call, int]]) -> bool:
    """Say whether a list was broken off by a token, and went on with the very page."""
    seen: set[tuple[str, str]] = set()
    for number, (call, status) in enumerate(calls):
        where = call.method, call.path
        if status == 401 and where in seen:
            again = [it for it, good in calls[number + 1 :] if good == 200]
            same = [(it.path, it.query, it.body) for it in again]
            if (call.path, call.query, call.body) in same:
                return True
        elif status == 200:
            seen.add(where)
    return False


@every_provider
@pytest.mark.slow
async def test_a_token_that_dies_between_two_pages_costs_one_renewal_and_no_sale(
    provider: str, tmp_path: Path
) -> None:
    clock = Clock()
    async with street(tmp_path, provider, clock, DYING) as here:
        token = here.place.token
        await here.connect(token, refresh_token_of(here.heard, token))  # type: ignore[arg-type]
        for _ in range(ROUNDS):
            assert await here.import_history() == "completed"
            clock.ahead += LATER
        await here.equal()
        first = 0 if token else 1  # an application logs in before there is a token to die
        assert here.book.deaths >= 2
        assert here.book.given == here.book.deaths + first
        assert went_on_between_pages(here.heard.calls)
        assert await here.errors() == []


@every_provider
@pytest.mark.slow
async def test_a_renewal_that_is_refused_ends_the_polling_until_a_person_reconnects(
    provider: str, tmp_path: Path
) -> None:
    clock = Clock()
    async with street(tmp_path, provider, clock, REFUSED) as here:
        token, book = here.place.token, here.book
        await here.connect(token, refresh_token_of(here.heard, token))  # type: ignore[arg-type]
        if not token:
            assert await here.import_history() == "completed"
            clock.ahead += LATER  # what it has logged in with is not new any more
        await here.ask()
        told = await here.told()
        assert {it.error_type for it in told} == {ErrorType.AUTHENTICATION_FAILED}
        assert all(it.action_required for it in told)
        assert await here.health() == ("revoked" if provider in SAY_OVER else "failing")
        asked = len(here.heard.calls)
        clock.ahead += timedelta(hours=1)
        await asyncio.sleep(1)
        since = here.heard.calls[asked:]
        assert provider not in SAY_OVER or since == []
        assert all(status != 200 for _, status in since), "nothing is polled meanwhile"
        pair = book.let_in(next(iter(book.revoked)), clock())
        await here.connect(
            pair.access_token if token else "", pair.refresh_token if token else ""
        )
        assert await here.import_history() == "completed"
        await here.equal()
        assert await here.health() == "ok"


def test_tokens_can_die_at_every_provider_that_is_called_with_one() -> None:
    with_tokens = [name for name, access in ACCESSES.items() if access.tokens is not None]
    assert sorted(with_tokens) == PROVIDERS
    for provider in with_tokens:
        assert isinstance(simulated(provider, days=1), TokenKeeper), provider
