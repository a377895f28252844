"""What happens to products in a real CORE-POS database between polls, as their versions."""

# ruff: noqa: S608 - the statements are ours

from __future__ import annotations

from pathlib import Path

import pytest

from tests.connectors.corepos.server import at, load
from tests.connectors.corepos.test_samples import BEFORE_NIGHTLY, dumped
from tests.connectors.corepos.test_worker import Clock, Shop, opened
from tests.http.harness import API
from tests.services.mariadb import MariaDb

EGGS, SYRUP, WATER, RAISINS = "0000000001009", "0000000001002", "0000000000800", "0000000000944"
ASKED = {"run_as": "Ada", "message": "prices of winter"}


def edit(upc: str, price: str, minute: int, user: int) -> str:
    """Return what CORE-POS's own page does: it writes the product, then the log."""
    moment = f"2026-11-20 10:{minute:02}:00"
    return (
        f"UPDATE core_op.products SET normal_price = {price}, modified = '{moment}' "
        f"WHERE upc = '{upc}'; INSERT INTO core_op.prodUpdate "
        "(updateType, upc, storeID, description, price, modified, user, inUse) "
        f"SELECT 'EDIT', upc, 0, description, normal_price, modified, {user}, inUse "
        f"FROM core_op.products WHERE upc = '{upc}';"
    )


async def versions(shop: Shop, upc: str) -> list[dict]:
    url = f"{API}/accounts/{shop.account_id}/products/{upc}/versions"
    answer = await shop.tenant.get(url)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def told(found: list[dict]) -> list[tuple]:
    return [(one["event"], one["after"]["price"], one["changed_by"]) for one in found]


async def sold(shop: Shop, upc: str) -> list[tuple]:
    """Return what was sold of a product, and as which of the tenant's own."""
    rows = (await shop.tenant.get(f"{API}/sales", params={"limit": 1000})).json()["items"]
    return [
        (row["business_day"], row["net"], row["product_id"])
        for row in rows
        if row["pos_product_id"] == upc
    ]


async def map_eggs(shop: Shop) -> None:
    mapped = {"account_id": shop.account_id, "pos_product_id": EGGS, "product_id": "P-1"}
    eggs = [{"product_id": "P-1", "name": "Six eggs"}]
    await shop.tenant.put(f"{API}/products", json={"products": eggs})
    assert (await shop.tenant.post(f"{API}/mappings", json=mapped)).status_code in (200, 201)


async def events(shop: Shop, upc: str) -> list[str]:
    return [one["event"] for one in await versions(shop, upc)]


async def edited(shop: Shop, server: MariaDb) -> None:
    """Two edits between two polls by two users; a tool renames without a word in the log."""
    server.run(edit(EGGS, "4.19", 0, user=7) + edit(EGGS, "4.29", 5, user=8))
    server.run(
        "UPDATE core_op.products SET description = 'SYRUP', "
        f"modified = '2026-11-20 10:07:00' WHERE upc = '{SYRUP}'"
    )
    shop.clock.now = at(20, 10, 15)
    await shop.sync(**ASKED)
    found = (await versions(shop, EGGS))[2:]
    assert told(found) == [("updated", 419, "7"), ("updated", 429, "8")]
    assert [{name: one[name] for name in ASKED} for one in found] == [ASKED, ASKED]
    renamed = (await versions(shop, SYRUP))[-1]
    assert (renamed["event"], renamed["fields"]) == ("updated", ["name"])
    assert renamed["changed_by"] is None


async def deleted(shop: Shop, server: MariaDb) -> None:
    """The office deletes, in HQ mode without a trace; noticed with the next night."""
    sales = await sold(shop, EGGS)
    assert sales
    assert {name for *_, name in sales} == {"P-1"}
    server.run(f"DELETE FROM core_op.products WHERE upc = '{EGGS}'")
    shop.clock.now = at(21, 0, 45)
    await shop.sync()
    gone = (await versions(shop, EGGS))[-1]
    assert (gone["event"], gone["noticed"]) == ("deleted", "compared")
    assert await sold(shop, EGGS) == sales
    listed = f"{API}/accounts/{shop.account_id}/catalog"
    answer = await shop.tenant.get(listed, params={"deleted": True, "limit": 1000})
    assert EGGS in {one["pos_product_id"] for one in answer.json()["items"]}


async def revived(shop: Shop, server: MariaDb) -> None:
    server.run(f"INSERT INTO core_op.products SELECT * FROM core_op.aside WHERE upc = '{EGGS}'")
    shop.clock.now = at(22, 0, 45)
    await shop.sync()
    assert (await events(shop, EGGS))[-1] == "revived"


@dumped
@pytest.mark.slow
async def test_products_edited_renamed_deleted_and_revived_between_polls_have_their_versions(
    mariadb: MariaDb, tmp_path: Path
) -> None:
    load(mariadb, BEFORE_NIGHTLY)
    mariadb.run("CREATE TABLE core_op.aside AS SELECT * FROM core_op.products")
    clock = Clock(at(20, 9, 45))
    async with opened(tmp_path, clock) as shop:
        assert await shop.connect(mariadb.dsn()) == 201
        await shop.sync("sync/historical", days=5)

        # what was before the shop was connected is in the log of CORE-POS's own
        before = await versions(shop, EGGS)
        assert told(before) == [("created", 349, None), ("updated", 379, None)]
        assert [one["valid_from"][:10] for one in before] == ["2026-11-17", "2026-11-19"]
        assert await events(shop, WATER) == ["created", "deleted"]
        assert await events(shop, RAISINS) == ["deleted"]

        await map_eggs(shop)
        await edited(shop, mariadb)
        await deleted(shop, mariadb)
        await revived(shop, mariadb)

        known = [await versions(shop, upc) for upc in (EGGS, SYRUP, WATER)]
        await shop.sync("sync/historical", days=5)
        assert [await versions(shop, upc) for upc in (EGGS, SYRUP, WATER)] == known
