"""`tillstream catalog` over HTTP: the products of a POS, and what they were."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from schemas.raw import Channel
from streams.cli.main import app
from tests.http.harness import API, House, house

LATTE = "LATTE/LARGE"


def version(number: int, name: str, *, gone: bool = False) -> bytes:
    """Return a catalogue object as a poll of Square brings it."""
    product = {
        "type": "ITEM_VARIATION",
        "id": LATTE,
        "version": number,
        "is_deleted": gone,
        "item_variation_data": {"item_id": "I", "name": "Large", "sku": "L-1"},
    }
    item = {
        "type": "ITEM",
        "id": "I",
        "version": number,
        "is_deleted": gone,
        "item_data": {"name": name, "variations": [product]},
    }
    return json.dumps({"objects": [item]}).encode()


async def asked(*arguments: str) -> list[Any]:
    """Run a command beside the server; return the lines that it writes."""
    result = await asyncio.to_thread(CliRunner().invoke, app, ["catalog", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    # the server of the same process writes its log there, too
    lines = [line for line in result.stdout.splitlines() if line.startswith("{")]
    return [json.loads(line) for line in lines]


async def told(shop: House, account_id: str, *bodies: bytes) -> None:
    account = shop.worker.directory.account(account_id)
    assert account is not None
    for body in bodies:
        await shop.worker.ingest.append(account, Channel.POLL, "catalog_object", [body])
    await shop.settle()


async def test_products_and_their_versions_are_listed(tmp_path: Path) -> None:
    async with house(tmp_path, port=0) as shop:
        await shop.worker._serve()
        tenant = await shop.tenant("bakery")
        account = (await shop.connected(tenant))["account_id"]
        key = tenant.headers["authorization"].removeprefix("Bearer ")
        where = ("--api-key", key, "--url", shop.worker.url)
        await told(shop, account, version(1, "Latte"), version(2, "Café Latte"))
        (product,) = await asked("ls", account, *where)
        assert (product["pos_product_id"], product["deleted"]) == (LATTE, False)
        assert await asked("ls", account, "--deleted", *where) == []

        await told(shop, account, version(3, "Café Latte", gone=True))
        assert await asked("ls", account, "--sold", *where) == []
        found = await asked("versions", account, LATTE, *where)
        assert [(one["number"], one["event"]) for one in found] == [
            (1, "created"),
            (2, "updated"),
            (3, "deleted"),
        ]
        assert found[1]["fields"] == ["name"]

        pages = f"{API}/accounts/{account}/products/{LATTE}/versions"
        first = (await tenant.get(pages, params={"limit": 2})).json()
        assert len(first["items"]) == 2
        rest = {"limit": 2, "cursor": first["next_cursor"]}
        last = (await tenant.get(pages, params=rest)).json()
        assert [one["number"] for one in last["items"]] == [3]
