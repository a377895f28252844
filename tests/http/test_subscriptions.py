"""Webhooks of single accounts: listed, ensured, removed, and taken away with the account."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from connectors.contract import Response
from connectors.simulation.calls import Answer, Call
from streams import subscribing
from tests.cli.lightspeed import Between, Forbidding, desk, run
from tests.http.harness import API, house

QUIET = {"public_url": "https://tills.example", "ask_for_webhooks": False}
BOTH = pytest.mark.parametrize("provider", ["lightspeed-k", "lightspeed-x"])


class Gone(Between):
    """A provider that no longer answers calls about webhooks: with 503, or not in time."""

    def __init__(self, provider: str, *, silent: bool) -> None:
        super().__init__(provider)
        self.silent = silent
        self.is_gone = False

    def answered(self, call: Call, answer: Answer) -> Answer:
        if not (self.is_gone and "webhook" in call.path):
            return answer
        if self.silent:
            return Answer(response=answer.response, wait=timedelta(seconds=5))
        return Answer(response=Response(status=503, body=b"{}"))


async def ours(tenant: httpx.AsyncClient, account: str) -> list[bool]:
    """Return of what leads here whether it is on."""
    answer = await tenant.get(f"{API}/accounts/{account}/webhooks")
    assert answer.status_code == 200, answer.text
    return [one["on"] for one in answer.json()["items"] if one["ours"]]


async def changed(tenant: httpx.AsyncClient, method: str, account: str) -> int:
    answer = await tenant.request(method, f"{API}/accounts/{account}/webhooks")
    assert answer.status_code == 200, answer.text
    found: int = answer.json()["changed"]
    return found


async def disconnected(tenant: httpx.AsyncClient, account: str) -> dict[str, Any]:
    answer = await tenant.delete(f"{API}/accounts/{account}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["status"] == "disconnected"
    return found


@BOTH
async def test_they_are_ensured_once_and_removed_once(tmp_path: Path, provider: str) -> None:
    async with desk(tmp_path, Between(provider), **QUIET) as (_, tenant, account):
        assert await ours(tenant, account) == []
        assert await changed(tenant, "PUT", account) > 0
        assert await changed(tenant, "PUT", account) == 0
        assert set(await ours(tenant, account)) == {True}
        assert await changed(tenant, "DELETE", account) > 0
        assert await changed(tenant, "DELETE", account) == 0
        assert True not in await ours(tenant, account)


@BOTH
async def test_the_command_does_it_for_all_accounts_of_a_tenant(
    tmp_path: Path, provider: str
) -> None:
    words = ("--provider", provider)
    async with desk(tmp_path, Between(provider), **QUIET) as (shop, tenant, account):
        told = await run(shop, tenant, "webhooks", "ensure", *words, at="--api")
        assert f"{account}: " in told
        assert "put right" in told
        told = await run(shop, tenant, "webhooks", "ensure", *words, at="--api")
        assert f"{account}: everything is sent already" in told
        told = await run(shop, tenant, "webhooks", "ls", "--json", *words, at="--api")
        assert '"ours":true' in told
        told = await run(shop, tenant, "webhooks", "remove", *words, at="--api")
        assert "taken away" in told
        other = ("--account", "nobody")
        told = await run(shop, tenant, "webhooks", "ls", *words, *other, at="--api", status=2)
        assert "no such account" in told


@BOTH
async def test_an_account_that_is_disconnected_leaves_no_webhooks(
    tmp_path: Path, provider: str
) -> None:
    series = Between(provider)
    async with desk(tmp_path, series, **QUIET) as (_, tenant, account):
        await changed(tenant, "PUT", account)
        assert (await disconnected(tenant, account))["webhooks_left"] is False
        assert (await disconnected(tenant, account))["webhooks_left"] is False
        assert (await tenant.get(f"{API}/accounts/{account}/webhooks")).status_code == 409
        place = series.config.shops[0]
        form = {
            "provider": provider,
            "merchant": place.merchant_id,
            "location_id": place.location_id,
            "currency": place.currency,
            "access_token": place.token,
        }
        assert (await tenant.post(f"{API}/accounts", json=form)).status_code == 200
        assert True not in await ours(tenant, account)


@pytest.mark.parametrize("silent", [False, True], ids=["503", "no answer in time"])
async def test_a_provider_that_does_not_answer_keeps_no_account_connected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, silent: bool
) -> None:
    monkeypatch.setattr(subscribing, "FAREWELL_S", 0.5)
    series = Gone("lightspeed-x", silent=silent)
    async with desk(tmp_path, series, **QUIET) as (shop, tenant, account):
        await changed(tenant, "PUT", account)
        series.is_gone = True
        async with asyncio.timeout(10):
            assert (await disconnected(tenant, account))["webhooks_left"] is True
        known = shop.worker.directory.account(account)
        assert known is not None
        assert known.credentials == b""


async def test_webhooks_that_another_account_lives_by_stay(tmp_path: Path) -> None:
    async with desk(tmp_path, Between("lightspeed-x"), **QUIET) as (shop, tenant, account):
        await changed(tenant, "PUT", account)
        directory = shop.worker.directory
        known = directory.account(account)
        assert known is not None
        await directory.put_account(replace(known, account_id="annexe", tenant_id="others"))
        refused = await tenant.delete(f"{API}/accounts/{account}/webhooks")
        assert refused.status_code == 409
        assert (await disconnected(tenant, account))["webhooks_left"] is False
        await directory.put_account(known)
        assert set(await ours(tenant, account)) == {True}


async def test_what_cannot_be_done_is_refused_with_what_to_do(tmp_path: Path) -> None:
    asking = {"public_url": "https://tills.example"}
    async with desk(tmp_path / "a", Between("lightspeed-x"), **asking) as (_, tenant, account):
        refused = await tenant.delete(f"{API}/accounts/{account}/webhooks")
        assert refused.status_code == 409
        assert "TILLSTREAM_ASK_FOR_WEBHOOKS" in refused.json()["detail"]
    async with desk(tmp_path / "b", Between("lightspeed-x")) as (_, tenant, account):
        refused = await tenant.put(f"{API}/accounts/{account}/webhooks")
        assert refused.status_code == 409
        assert "TILLSTREAM_PUBLIC_URL" in refused.json()["detail"]
    forbidding = Forbidding("lightspeed-x", "webhooks")
    async with desk(tmp_path / "c", forbidding, **QUIET) as (_, tenant, account):
        refused = await tenant.put(f"{API}/accounts/{account}/webhooks")
        assert refused.status_code == 409
        assert "scope" in refused.json()["detail"]
    async with house(tmp_path / "d") as shop:
        tenant = await shop.tenant("bakery")
        account = (await shop.connected(tenant))["account_id"]
        assert await ours(tenant, account) == []
        refused = await tenant.put(f"{API}/accounts/{account}/webhooks")
        assert refused.status_code == 409
        assert "tillstream webhooks ls --provider square" in refused.json()["detail"]
