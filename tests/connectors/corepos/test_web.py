"""CORE-POS's web service: in place of the database for what the office has, or beside it."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from corepos.api import CoreAPIError, CoreWebAPI

from connectors.contract import CredentialsError, PermanentError, Response
from connectors.corepos.asking import DEPARTMENTS, PRODUCTS, STORES
from connectors.corepos.simulator import CoreposSimulator, stores
from connectors.corepos.ways import ways_of
from connectors.corepos.web import ENTITIES, call_of, chosen, rows_of
from connectors.simulation.calls import Call
from connectors.simulation.config import SimulatorConfig
from streams.simulate import serve_simulator
from tests.connectors.corepos.server import at, load
from tests.connectors.corepos.test_history import versions as product_versions
from tests.connectors.corepos.test_records import records, versions
from tests.connectors.corepos.test_samples import BEFORE_NIGHTLY, DUMPS, dumped
from tests.connectors.corepos.test_worker import Clock, expected, opened
from tests.http.harness import API
from tests.services.mariadb import MariaDb

NOW = at(20, 9, 45)
SAMPLES = DUMPS / "api_samples.json"


def simulated() -> CoreposSimulator:
    config = SimulatorConfig(seed=3, shops=stores(2), now=NOW, days=2, orders_per_day=5)
    return CoreposSimulator(config)


# -- what a real service has answered ------------------------------------------------------


def samples() -> list[dict]:
    """Return calls and answers; long lists end with a note that they were cut."""
    found = json.loads(SAMPLES.read_text())
    for one in found:
        match one["response"]:
            case {"result": {"result": [*rows]} as told}:
                told["result"] = [row for row in rows if row.startswith("{")]
    return found


def entity_of(sample: dict) -> str:
    return sample.get("request", {}).get("params", {}).get("entity", "")


@dumped
def test_what_we_ask_is_what_a_real_service_was_asked() -> None:
    (whole, *_) = [one for one in samples() if entity_of(one) == "Vendors"]
    assert json.loads(call_of(ENTITIES["/vendors"], {}).body or b"") == whole["request"]


@dumped
def test_the_answers_of_a_real_service_are_read_and_its_errors_are_told_as_such() -> None:
    paths = {one.name: path for path, one in ENTITIES.items() if path != "/products/in-use"}
    seen = set()
    for sample in samples():
        entity = ENTITIES.get(paths.get(entity_of(sample), ""))
        if entity is None:
            continue
        answer = Response(status=200, body=json.dumps(sample["response"]).encode())
        if "error" in (sample["response"] or {"error": 0}):
            with pytest.raises(PermanentError):
                rows_of(answer, entity)
            continue
        rows = rows_of(answer, entity)
        assert all(entity.number in row for row in rows)
        seen.add(entity.name)
    assert seen >= {"Products", "Departments", "Vendors", "Stores", "ProdUpdate"}


# -- what the bounds of a question leave ---------------------------------------------------


def product(number: int, store: str = "0", modified: str = "2026-11-20 10:00:00") -> dict:
    return {"id": str(number), "upc": f"{number:013}", "store_id": store, "modified": modified}


def test_the_bounds_that_the_service_does_not_know_are_kept_here() -> None:
    rows = [product(1), product(2, "2"), product(3, "1"), product(4, modified="2026-11-19")]
    asked = {"store": "1", "since": "2026-11-20 00:00:00", "page": "1", "limit": "9"}
    found = chosen(rows, ENTITIES[PRODUCTS], asked)
    assert [row["id"] for row in found] == ["3"]
    # a price that is NULL is left out by the service: the row is one of a product all the same
    assert found[0]["normal_price"] is None


def test_passwords_of_stores_are_not_handed_on() -> None:
    row = {"storeID": "1", "description": "Main", "dbPassword": "secret"}
    other = {**row, "storeID": "2"}
    (found,) = chosen([row, other], ENTITIES[STORES], {"store": "1"})
    assert found == {"storeID": "1", "description": "Main"}


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"result": {"result": ["{bad"]}}'])
def test_an_answer_that_is_none_says_what_to_look_at(body: bytes) -> None:
    with pytest.raises(PermanentError, match="fannie/ws/"):
        rows_of(Response(status=200, body=body), ENTITIES[DEPARTMENTS])


def test_the_line_names_a_database_a_web_service_or_both_and_never_shows_them() -> None:
    dsn, url = "mysql://u:secret@db/", "https://clerk:secret@office"
    both = ways_of(f"{dsn} {url}")
    assert both.database is not None
    assert both.web is not None
    assert (both.web.host, both.web.port) == ("office", 443)
    assert both.web.url == "https://office:443/fannie/ws"
    assert both.web.authorization.startswith("Basic ")
    assert ways_of(url).database is None
    assert "secret" not in repr(both)
    wrong = ["", f"{url} {url}", f"{dsn} {dsn}", "http://h/ws/?a=1", "http://h:x/", "ftp://h/"]
    for line in wrong:
        with pytest.raises(CredentialsError) as refused:
            ways_of(line)
        assert "secret" not in str(refused.value)


# -- the simulator, and somebody else's client ---------------------------------------------


async def test_the_client_that_others_use_takes_the_simulator_for_core_pos() -> None:
    simulator = simulated()

    def talk(url: str) -> None:
        api = CoreWebAPI(f"{url}/fannie/ws/")
        products = api.get_products()
        assert len(products) == len(simulator.select("SELECT * FROM core_op.products")[0])
        one = products[0]
        assert api.get_product(one["upc"]) == one
        assert {row["dept_no"] for row in api.get_departments()} == {"40", "41", "990"}
        assert api.get_department(41)["dept_name"] == "BAKERY"
        assert api.get_department(7) is None
        assert [row["vendorID"] for row in api.get_vendors()] == ["1", "2"]
        assert len(api.get_stores()) == 2
        assert "NULL" not in json.dumps(products)
        with pytest.raises(CoreAPIError, match="Invalid entity"):
            api.parse_response(api.post({"entity": "Nonsense", "submethod": "get"}))
        with pytest.raises(CoreAPIError, match="Invalid column"):
            api.get_vendors(shoe_size=1)

    async with serve_simulator(simulator, clock=lambda: NOW) as url:
        await asyncio.to_thread(talk, url)


@dumped
def test_the_simulator_refuses_what_a_real_service_refuses_in_the_same_words() -> None:
    simulator, compared = simulated(), 0
    for sample in samples():
        told = sample.get("response")
        if not told or "error" not in told:
            continue
        told = json.loads(told) if isinstance(told, str) else told
        body = sample.get("request_raw") or json.dumps(sample["request"])
        call = Call(method="POST", path="/fannie/ws/", body=body.encode())
        assert json.loads(simulator.handle(call, NOW).response.body) == told
        compared += 1
    assert compared >= 6


# -- the whole way -------------------------------------------------------------------------


@asynccontextmanager
async def connected(folder: Path, url: str, line: str, hosts: str = "127.0.0.1"):
    async with opened(folder, Clock(NOW), hosts) as shop:
        status = await shop.connect(line.replace("URL", f"{url}/fannie/ws/"))
        yield shop, status


async def test_an_account_with_a_web_service_alone_has_products_departments_and_vendors(
    tmp_path: Path,
) -> None:
    simulator = simulated()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serve_simulator(simulator, clock=lambda: NOW))
        shop, status = await stack.enter_async_context(connected(tmp_path, url, "URL"))
        assert status == 201
        assert (await shop.sync("sync/historical", days=1))["error"] is None
        listed = f"{API}/accounts/{shop.account_id}/catalog"
        products = (await shop.tenant.get(listed, params={"limit": 1000})).json()["items"]
        assert len(products) == len(simulator.select("SELECT * FROM core_op.products")[0])
        assert set(await records(shop, "department")) == {"40", "41", "990"}
        assert set(await records(shop, "member")) == {"1001-1", "1002-1", "1003-1"}
        assert await shop.days() == {}

        simulator.change(
            "UPDATE core_op.products SET normal_price = '99.99', "
            "modified = '2026-11-20 10:00:00' WHERE id = 1"
        )
        simulator.change(
            "INSERT INTO core_op.prodUpdate SELECT 1, 'EDIT', upc, 0, description, "
            "normal_price, modified, 7, 1 FROM core_op.products WHERE id = 1"
        )
        simulator.change("DELETE FROM core_op.vendors WHERE vendorID = 2")
        simulator.change("DELETE FROM core_op.products WHERE id = 2")
        shop.clock.now = at(21, 0, 45)
        assert (await shop.sync())["status"] == "completed"
        assert (await versions(shop, "vendor", "2"))[-1]["event"] == "deleted"
        now = shop.products()
        (dear,) = [one.pos_product_id for one in now.values() if one.price == 9999]
        edit = (await product_versions(shop, dear))[-1]
        assert (edit["fields"], edit["changed_by"]) == (["price"], "7")
        assert len([one for one in now.values() if one.deleted]) == 1


@dumped
@pytest.mark.slow
async def test_beside_a_database_the_web_service_has_the_products_and_sales_stay_in_sql(
    mariadb: MariaDb, tmp_path: Path
) -> None:
    load(mariadb, BEFORE_NIGHTLY)
    simulator = simulated()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serve_simulator(simulator, clock=lambda: NOW))
        line = f"{mariadb.dsn()} URL"
        shop, status = await stack.enter_async_context(connected(tmp_path, url, line))
        assert status == 201
        await shop.sync("sync/historical", days=5)
        assert await shop.days() == expected(BEFORE_NIGHTLY)
        assert set(await records(shop, "vendor")) == {"1", "2"}
        assert "0000000001009" not in shop.products()
        assert '"last":12' in (await shop.runs())[0]["bookmark"]


async def test_a_web_service_whose_host_is_not_allowed_is_never_called(tmp_path: Path) -> None:
    class Silent(CoreposSimulator):
        def handle(self, call, now):
            raise AssertionError("called")

    silent = Silent(simulated().config)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serve_simulator(silent, clock=lambda: NOW))
        way = connected(tmp_path, url, "URL", "office.example")
        _, status = await stack.enter_async_context(way)
        assert status == 422
