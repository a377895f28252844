"""`serve` beside `work`: what the API reads of lanes that another process has."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from schemas.sealing import generate_master_key
from streams.http.app import create_api
from streams.kafka.state import State
from streams.log import StateBrokenError
from streams.roles import Role
from streams.settings import load
from streams.worker import Worker
from tests.http.harness import (
    ADMIN_KEY,
    API,
    SIGNATURE_KEY,
    URL,
    House,
    StillExchange,
    a_payment,
    probe,
)
from tests.streams.shop import until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@asynccontextmanager
async def member(kafka, folder: Path, role: Role, name: str, keys: str) -> AsyncIterator[House]:
    """Run one role in this process, with a provider at which nothing happens."""
    settings = load(
        log=kafka.url(worker=name),
        data_dir=folder / name,
        lanes=2,
        keys=keys,
        admin_key=ADMIN_KEY,
        square={"signature_key": SIGNATURE_KEY, "notification_url": URL},
    )
    worker = Worker(settings, fatal=pytest.fail, role=role)
    worker.exchanges.of = lambda _account: StillExchange()
    worker.exchanges.probe = probe
    await worker.start(serve=False)
    try:
        yield House(worker, create_api(worker._services()))
    finally:
        await worker.stop()


HALVES, WHOLES = (Role.WORK, Role.SERVE, Role.SERVE), (Role.UP, Role.UP)
SIDE_BY_SIDE = pytest.mark.parametrize("roles", [HALVES, WHOLES], ids="-".join)


@asynccontextmanager
async def shop_floor(
    kafka, folder: Path, roles: Sequence[Role] = HALVES
) -> AsyncIterator[tuple[House, House]]:
    """Run processes of these roles; give two that answer."""
    keys = f"k1:{generate_master_key()}"
    async with AsyncExitStack() as stack:
        houses = [
            await stack.enter_async_context(member(kafka, folder, role, f"m{number}", keys))
            for number, role in enumerate(roles)
        ]
        for house in houses:
            await ready(house)
        yield houses[-2], houses[-1]


async def ready(house: House) -> None:
    await until_async(lambda: _is(house.client, "/readyz", 200), 20)


async def _is(client: httpx.AsyncClient, url: str, status: int) -> bool:
    return (await client.get(url)).status_code == status


async def until_async(condition, timeout_s: float) -> None:
    async with asyncio.timeout(timeout_s):
        while not await condition():  # noqa: ASYNC110 - it is asked of another process
            await asyncio.sleep(0.02)


def product(name: str) -> dict[str, object]:
    return {"products": [{"product_id": "P-1", "name": name}]}


async def names(client: httpx.AsyncClient) -> list[str]:
    answer = (await client.get(f"{API}/products")).json()
    return [row["name"] for row in answer["items"]]


@SIDE_BY_SIDE
async def test_a_write_is_seen_by_the_next_read_here_and_soon_through_the_other(
    kafka, tmp_path, roles
):
    async with shop_floor(kafka, tmp_path, roles) as (one, two):
        here = await one.tenant("bakery")
        there = two.as_key(here.headers["authorization"].removeprefix("Bearer "))
        await until_async(lambda: _is(there, f"{API}/products", 200), 5)
        for number in range(5):
            for client, other in ((here, there), (there, here)):
                name = f"Bun {number} {client is here}"
                put = await client.put(f"{API}/products", json=product(name))
                assert put.status_code == 200, put.text
                assert await names(client) == [name]

                async def is_told(other=other, name=name) -> bool:
                    return await names(other) == [name]

                await until_async(is_told, 5)


@SIDE_BY_SIDE
async def test_every_view_is_read_through_any_process_and_a_sync_is_asked_for_at_any(
    kafka, tmp_path, roles
):
    async with shop_floor(kafka, tmp_path, roles) as (one, two):
        here = await one.tenant("bakery")
        there = two.as_key(here.headers["authorization"].removeprefix("Bearer "))
        account = await one.connected(here)
        await until(lambda: two.worker.directory.account(account["account_id"]), 5)
        for number, house in enumerate((one, two, two)):
            delivered = await house.deliver(a_payment(f"P{number}"))
            assert delivered.status_code == 202, delivered.text
        await two.settle()
        days = (await there.get(f"{API}/sales-days")).json()["items"]
        assert [(day["total"], day["transactions"]) for day in days] == [(3750, 3)]
        for view in (
            "sales",
            "transactions",
            "inventory",
            "unmapped-revenue",
            "mappings",
            "sales-days",
        ):
            assert (await there.get(f"{API}/{view}")).status_code == 200, view
        bill = (await there.get(f"{API}/transactions")).json()["items"][0]["transaction_id"]
        assert (await there.get(f"{API}/transactions/{bill}")).status_code == 200
        base = f"{API}/accounts/{account['account_id']}"
        asked = (await there.post(f"{base}/sync/historical", json={"days": 1})).json()
        assert asked["visible"]
        runs = (await there.get(f"{base}/syncs")).json()["items"]
        assert asked["sync_id"] in {run["sync_id"] for run in runs}
        await until_async(lambda: _is_polled(there, base), 10)


async def _is_polled(client: httpx.AsyncClient, base: str) -> bool:
    state = (await client.get(f"{base}/sync")).json()
    return state["health"] == "ok" and state["next_due"] is not None


async def test_a_replica_is_warm_after_a_restart_and_folded_anew_when_it_is_damaged(
    kafka, tmp_path
):
    keys = f"k1:{generate_master_key()}"
    async with (
        member(kafka, tmp_path, Role.WORK, "work", keys),
        member(kafka, tmp_path, Role.SERVE, "one", keys) as one,
    ):
        client = await one.tenant("bakery")
        await client.put(f"{API}/products", json=product("Bun"))
        key = client.headers["authorization"].removeprefix("Bearer ")
    replica = tmp_path / "one" / "replica"
    for damage in (nothing, truncate, forget):
        damage(replica)
        async with member(kafka, tmp_path, Role.SERVE, "one", keys) as one:
            await ready(one)
            assert await names(one.as_key(key)) == ["Bun"], damage.__name__


async def test_damage_that_a_read_meets_is_said_and_mended_while_it_runs(
    kafka, tmp_path, monkeypatch
):
    async with shop_floor(kafka, tmp_path) as (one, _):
        client = await one.tenant("bakery")
        await client.put(f"{API}/products", json=product("Bun"))
        whole = State.scan

        def damaged(*_arguments, **_given):
            monkeypatch.setattr(State, "scan", whole)
            raise StateBrokenError("block checksum mismatch")

        monkeypatch.setattr(State, "scan", damaged)
        assert await _is(client, f"{API}/products", 503)
        assert await _is(one.client, "/readyz", 503)
        await ready(one)
        assert await names(client) == ["Bun"]


def nothing(replica: Path) -> None:
    assert any(replica.iterdir())


def truncate(replica: Path) -> None:
    """Leave files that RocksDB cannot open."""
    for path in replica.glob("lane-*/MANIFEST-*"):
        path.write_bytes(path.read_bytes()[:20])


def forget(replica: Path) -> None:
    shutil.rmtree(replica)
