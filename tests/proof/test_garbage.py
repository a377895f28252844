"""Signed garbage through the real HTTP: answered as specified, put aside, harming nobody."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from connectors.square.simulator import SquareSimulator
from streams.simulate import serve_simulator
from streams.worker import Worker
from tests.http.harness import a_payment
from tests.proof.audit import Audit
from tests.proof.site import SIGNATURE_KEY, Site, running, settled
from tests.proof.trading import FAST, a_trade, connected

PIECE = 1 << 16
SIGNATURE = "x-square-hmacsha256-signature"


@asynccontextmanager
async def a_house(folder: Path) -> AsyncIterator[tuple[Site, SquareSimulator, Worker]]:
    """Two connected bakeries without any trade."""
    site = Site(folder, log=FAST)
    simulator = a_trade(site, days=1, orders_per_day=1, live_orders=0)
    async with serve_simulator(simulator) as url:
        site.square_url = url
        async with running(site, serve=True) as worker:
            await connected(site, simulator)
            await settled(worker)
            yield site, simulator, worker


async def post(site: Site, body: bytes) -> int:
    """
    Post a signed body and return the status of the answer.

    The answer is read when it comes: a body that is too large is refused before it is read.
    """
    mac = hmac.digest(SIGNATURE_KEY.encode(), site.hook.encode() + body, "sha256")
    head = (
        f"POST {urlsplit(site.hook).path} HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"{SIGNATURE}: {base64.b64encode(mac).decode()}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    try:
        writer.write(head.encode() + body[:PIECE])
        answer = asyncio.create_task(reader.readline())
        for at in range(PIECE, len(body), PIECE):
            await asyncio.wait([answer], timeout=0.05)
            if answer.done():
                break
            writer.write(body[at : at + PIECE])
        return int((await asyncio.wait_for(answer, 30)).split()[1])
    finally:
        writer.close()


def a_sale(simulator: SquareSimulator, name: str, amount: int = 1000) -> dict[str, Any]:
    bakery = simulator.config.shops[0]
    merchant, location = bakery.merchant_id, bakery.location_id
    return a_payment(name, amount, merchant=merchant, location=location)


def total_of(rows: Any, account: str) -> int:
    days = rows["sales_days"].values()
    return sum(row.total for row in days if row.account_id == account)


def sound(simulator: SquareSimulator, name: str) -> bytes:
    return json.dumps(a_sale(simulator, name)).encode()


def garbage(simulator: SquareSimulator) -> dict[str, tuple[bytes, int, str]]:
    """Return, by name: body, status of the answer, error type (none where it is nowhere)."""
    dollars, negative, unsummed = (a_sale(simulator, name) for name in ("PD", "PN", "PU"))
    for amounts in ("amount_money", "total_money"):
        dollars["data"]["object"]["payment"][amounts]["currency"] = "USD"
        negative["data"]["object"]["payment"][amounts] = {"amount": "x", "currency": "EUR"}
    payment = unsummed["data"]["object"]["payment"]
    payment["total_money"] = {"amount": 5000, "currency": "EUR"}
    whole = sound(simulator, "PT")
    deep = whole[:-1] + b',"deep":' + b"[" * 1000 + b"]" * 1000 + b"}"
    return {
        "truncated": (whole[: len(whole) // 2], 202, "unreadable"),
        "not JSON at all": (b"\x00\xff garbage", 202, "unreadable"),
        "10 MB": (whole[:-1] + b',"pad":"' + b"x" * 10_000_000 + b'"}', 413, ""),
        "1,000 deep, unclosed": (b"[" * 1000, 202, "unreadable"),
        "1,000 deep in a field": (deep, 202, "too-deep"),
        "an amount that is a word": (json.dumps(negative).encode(), 202, "unreadable"),
        "dollars in a euro shop": (json.dumps(dollars).encode(), 202, "wrong-currency"),
        "parts that do not sum": (json.dumps(unsummed).encode(), 202, "unbalanced"),
    }


@pytest.mark.slow
async def test_signed_garbage_is_answered_kept_with_a_reason_and_the_next_sale_is_processed(
    tmp_path: Path,
) -> None:
    async with a_house(tmp_path) as (site, simulator, worker):
        audit, account = Audit(worker), next(iter(site.accounts.values()))
        expected = total_of(await audit.whole(), account)
        known: set[str] = set()
        for number, (name, (body, status, error_type)) in enumerate(garbage(simulator).items()):
            assert await post(site, body) == status, name
            await settled(worker)
            fresh = [it for it in await audit.letters() if it.letter_id not in known]
            known |= {it.letter_id for it in fresh}
            wanted = [error_type] if error_type else []
            assert [it.error_type for it in fresh] == wanted, (name, fresh)
            assert all(it.reason for it in fresh), name
            assert await post(site, sound(simulator, f"P{number}")) == 202
            await settled(worker)
            expected += 1000
            assert total_of(await audit.whole(), account) == expected, name
        assert all(stage.stats.failures == 0 for stage in worker.runtime.stages.values())
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{site.url}/readyz")).status_code == 200
