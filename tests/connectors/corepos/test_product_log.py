"""The log of changed products is read by its number: no row is missed, none brought twice."""

# ruff: noqa: S608 - the statements are ours

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.corepos.product_log import OVERLAP, RESOURCE, product_log
from schemas.sealing import generate_master_key
from streams.http.app import create_api
from tests.connectors.corepos.rows import SHOP
from tests.connectors.corepos.server import at, exchange, installed, load, pages_of, store
from tests.connectors.corepos.test_history import EGGS, edit, told, versions
from tests.connectors.corepos.test_poll import talk
from tests.connectors.corepos.test_samples import BEFORE_NIGHTLY, dumped
from tests.connectors.corepos.test_worker import Clock, Shop, worker_of
from tests.http.harness import House
from tests.services.mariadb import MariaDb

Row = dict[str, object]


def edits(*numbers: int, price: str = "3.49", modified: str = "2026-05-05 10:00:00") -> list:
    same = {"updateType": "EDIT", "upc": EGGS, "price": price, "modified": modified}
    return [{"prodUpdateID": number, **same} for number in numbers]


class Log:
    """The table and what is kept of it, poll after poll."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.archive: list[Row] = []
        self.bookmark: list[object] = []

    def poll(self) -> list[Row]:
        """Return the rows that a poll brings."""
        floor = int(str(self.bookmark[0]["last"])) - OVERLAP if self.bookmark else 0  # type: ignore[index]
        answers = {
            "/bookmark": [self.bookmark],
            "/products/log": [[r for r in self.rows if r["prodUpdateID"] > floor], self.rows],  # type: ignore[operator]
            "/products/log/archived": [self.archive],
        }
        asked, pages = talk(product_log(SHOP), answers)
        assert {page.resource for page in pages} <= {RESOURCE}
        (kept,) = [one.body for one in asked if one.method == "KEEP"]
        assert kept is not None
        self.bookmark = [json.loads(kept)]
        return [row for page in pages for body in page.bodies for row in json.loads(body)]


def test_a_row_is_brought_once_whatever_time_is_written_into_it() -> None:
    log = Log()
    log.rows = edits(1, 2)
    assert log.poll() == edits(1, 2)
    assert log.poll() == []
    log.rows += (old := edits(3, modified="1999-01-01 00:00:00"))
    assert log.poll() == old
    assert log.poll() == []


@given(st.lists(st.sets(st.integers(1, 40)), min_size=1, max_size=8))
def test_numbers_that_become_visible_out_of_order_are_brought_once_each(
    polls: list[set[int]],
) -> None:
    log, brought, there = Log(), [], set()
    for visible in polls:
        there |= visible
        log.rows = edits(*sorted(there))
        brought += [row["prodUpdateID"] for row in log.poll()]
    assert sorted(brought) == sorted(there)


def test_a_table_that_was_emptied_is_read_from_its_begin_and_its_archive_from_then_on() -> None:
    log = Log()
    log.rows = edits(1, 2)
    log.poll()
    log.archive = edits(2, 3, modified="2026-05-05 10:00:00")
    log.rows = edits(1, price="3.79")
    assert log.poll() == [*log.archive, *log.rows]
    assert log.poll() == []


def test_a_new_count_that_has_passed_the_old_one_is_seen_by_the_row_itself() -> None:
    log = Log()
    log.rows = edits(1, 2)
    log.poll()
    log.rows = edits(1, 2, 3, price="4.00")
    assert log.poll() == log.rows


def test_an_empty_table_and_a_bookmark_of_nobody_are_no_trouble() -> None:
    log = Log()
    assert log.poll() == []
    log.bookmark = [{"last": "many"}]
    answers = {"/bookmark": [log.bookmark], "/products/log": [edits(1)]}
    _, pages = talk(product_log(SHOP), answers)
    assert len(pages) == 1


async def brought(server: MariaDb, bookmark: str | None) -> tuple[list[int], str | None]:
    """Poll with an exchange of its own, as after a restart."""
    way = exchange(server)
    way.bookmark = bookmark
    pages = await pages_of(way, product_log(store(1)))
    rows = [row for page in pages for body in page.bodies for row in json.loads(body)]
    return [int(row.get("prodUpdateID") or 0) for row in rows], way.bookmark


@dumped
@installed
async def test_on_a_real_server_restarts_late_rows_and_a_truncated_table_lose_and_repeat_none(
    mariadb: MariaDb,
) -> None:
    load(mariadb, BEFORE_NIGHTLY)
    numbers, mark = await brought(mariadb, None)
    assert numbers == list(range(1, 13))
    assert (await brought(mariadb, mark)) == ([], mark)

    # two writers at once: the one with the smaller number commits last
    mariadb.run(edit(EGGS, "4.00", 0, user=7))
    mariadb.run("UPDATE core_op.prodUpdate SET prodUpdateID = 14 WHERE prodUpdateID = 13")
    numbers, mark = await brought(mariadb, mark)
    assert numbers == [14]
    mariadb.run(
        "INSERT INTO core_op.prodUpdate (prodUpdateID, updateType, upc, storeID, modified) "
        f"VALUES (13, 'EDIT', '{EGGS}', 0, '2026-11-01 00:00:00')"
    )
    numbers, mark = await brought(mariadb, mark)
    assert numbers == [13]

    # the older nightly task: one more row, then all into the archive, without their numbers
    mariadb.run(edit(EGGS, "4.10", 30, user=8))
    mariadb.run(
        "CREATE TABLE core_op.prodUpdateArchive AS SELECT * FROM core_op.prodUpdate;"
        "ALTER TABLE core_op.prodUpdateArchive DROP COLUMN prodUpdateID;"
        "TRUNCATE TABLE core_op.prodUpdate;" + edit(EGGS, "4.20", 40, user=9)
    )
    numbers, mark = await brought(mariadb, mark)
    assert numbers == [0, 0, 1]
    assert (await brought(mariadb, mark)) == ([], mark)


def whole_reads(server: MariaDb) -> int:
    """Count the statements that asked for the log from its begin."""
    asked = "argument LIKE '(SELECT%prodUpdateID > 0 %'"
    return int(server.run(f"SELECT COUNT(*) FROM mysql.general_log WHERE {asked}"))


@dumped
@pytest.mark.slow
async def test_after_a_restart_of_the_worker_the_log_is_read_on_from_where_it_was(
    mariadb: MariaDb, tmp_path: Path
) -> None:
    mariadb.run("DROP DATABASE IF EXISTS core_op")
    load(mariadb, BEFORE_NIGHTLY)
    mariadb.run("SET GLOBAL log_output = 'TABLE', GLOBAL general_log = 1")
    mariadb.run("ALTER TABLE core_op.prodUpdate AUTO_INCREMENT = 1000")
    clock, keys = Clock(at(20, 9, 45)), f"k1:{generate_master_key()}"
    edited = [("updated", 500, "7"), ("updated", 600, "8")]
    key = account_id = ""
    for step in range(2):
        worker = worker_of(tmp_path, clock, "127.0.0.1", keys)
        await worker.start(serve=False)
        try:
            house = House(worker, create_api(worker._services()))
            tenant = house.as_key(key) if key else await house.tenant("coop")
            key = tenant.headers["authorization"].removeprefix("Bearer ")
            shop = Shop(house, tenant, clock, account_id)
            if not account_id:
                assert await shop.connect(mariadb.dsn()) == 201
                account_id = shop.account_id
                await shop.sync("sync/historical", days=1)
                assert whole_reads(mariadb)
            mariadb.run("TRUNCATE TABLE mysql.general_log")
            mariadb.run(edit(EGGS, f"{5 + step}.00", 20 * step, user=7 + step))
            clock.now = at(20, 10, 25 + step)
            assert '"last":' in (await shop.sync())["bookmark"]
            found = [one for one in told(await versions(shop, EGGS)) if one[2]]
            assert found == edited[: step + 1]
            assert not step or not whole_reads(mariadb)
        finally:
            await worker.stop()
