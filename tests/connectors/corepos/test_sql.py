"""CORE-POS's database on a real server: three days of a real shop, and all that can fail."""

# ruff: noqa: S608 - the statements are ours

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path

import pymysql
import pytest

from connectors.contract import (
    CredentialsError,
    PermanentError,
    TransientError,
)
from connectors.corepos.dsn import dsn_of
from connectors.corepos.sql import Database, Limits
from connectors.corepos.way import CoreposWay
from schemas.transaction import Transaction
from tests.connectors.corepos.rows import COREPOS, made
from tests.connectors.corepos.server import (
    THREADS,
    at,
    exchange,
    load,
    pages_of,
    polled,
    store,
)
from tests.connectors.corepos.test_samples import (
    AFTER_NIGHTLY,
    ANYWHERE,
    BEFORE_NIGHTLY,
    MIDDAY,
    by_number,
    dumped,
    expected,
    rung,
    seen,
)
from tests.connectors.golden import read, transactions
from tests.services.mariadb import MariaDb, certified, serving

FRIDAY_MORNING, AFTER_NIGHT, SATURDAY_NOON = at(20, 9, 45), at(21, 0, 45), at(21, 12)


def rows_in(bodies: Iterable[bytes]) -> list[dict[str, str | None]]:
    return [row for body in bodies for row in json.loads(body)]


def by_receipt(told: list[Transaction]) -> dict[tuple[str, str | None], Transaction]:
    """Return transactions by store and number; a number that is there twice is an error."""
    found = {(one.provider_ids["store"], one.receipt_number): one for one in told}
    assert len(found) == len(told)
    return found


@dumped
async def test_the_first_poll_of_a_real_server_brings_every_transaction_exactly(
    mariadb: MariaDb,
) -> None:
    load(mariadb, BEFORE_NIGHTLY)
    bodies = await polled(exchange(mariadb), ANYWHERE, at(17, 0), FRIDAY_MORNING)
    told = transactions(COREPOS, bodies, ANYWHERE)
    assert by_number(map(seen, told)) == by_number(expected())
    assert sorted(map(seen, told), key=str) == sorted(
        map(seen, made(rung(BEFORE_NIGHTLY), shop=ANYWHERE)), key=str
    )


@dumped
@pytest.mark.parametrize("number", [1, 2])
async def test_the_following_days_come_incrementally_nothing_lost_nothing_doubled(
    mariadb: MariaDb, number: int
) -> None:
    shop, way = store(number), exchange(mariadb)
    load(mariadb, BEFORE_NIGHTLY)
    friday = await polled(way, shop, at(17, 0), FRIDAY_MORNING)
    assert await polled(way, shop, at(20, 6, 45), at(20, 10)) == []
    load(mariadb, AFTER_NIGHTLY)
    night = await polled(way, shop, at(20, 7), AFTER_NIGHT)
    assert await polled(way, shop, at(20, 21, 45), at(21, 1)) == []
    load(mariadb, MIDDAY)
    noon = await polled(way, shop, at(20, 22), SATURDAY_NOON)

    first = by_receipt(transactions(COREPOS, friday, shop))
    after = by_receipt(transactions(COREPOS, [*friday, *night, *noon], shop))
    rows = [row for file in (BEFORE_NIGHTLY, AFTER_NIGHTLY, MIDDAY) for row in rung(file)]
    assert after == by_receipt(made(rows, shop=shop))
    assert {name: after[name] for name in first} == first
    ids = {int(str(row["store_row_id"])) for row in rows_in(noon)}
    assert min(ids) > 740 or number == 2


@dumped
async def test_a_second_upload_of_a_sale_and_office_rows_make_no_second_sale(
    mariadb: MariaDb,
) -> None:
    load(mariadb, BEFORE_NIGHTLY)
    load(mariadb, MIDDAY)
    bodies = await polled(exchange(mariadb), ANYWHERE, at(17, 0), SATURDAY_NOON)
    twice = [row for row in rows_in(bodies) if 655 <= int(str(row["store_row_id"])) <= 686]
    assert len({row["pos_row_id"] for row in twice}) == 16
    told = by_receipt(transactions(COREPOS, bodies, ANYWHERE))
    assert {number for _, number in told} >= {"35-2-13", "1001-30-1", "1001-30-2"}


@dumped
async def test_the_sale_over_midnight_comes_together_from_both_tables(
    mariadb: MariaDb,
) -> None:
    load(mariadb, BEFORE_NIGHTLY)
    midnight = "datetime BETWEEN '2026-11-18 23:00' AND '2026-11-19 00:15' AND emp_no = 90"
    mariadb.run(
        "USE core_trans; DELETE FROM dtransactions; INSERT INTO dtransactions "
        f"SELECT * FROM trans_archive.bigArchive WHERE {midnight} AND trans_id > 6; "
        "DELETE FROM trans_archive.bigArchive "
        "WHERE datetime >= '2026-11-19' OR datetime < '2026-11-17'"
    )
    way, shop = exchange(mariadb), store(1)
    bodies = await polled(way, shop, at(18, 21), at(19, 0, 45))
    assert len(bodies) > 2
    told = by_receipt(transactions(COREPOS, bodies, shop))
    assert told["1", "90-1-7"].totals.gross == 3212


@dumped
async def test_an_archive_of_a_table_a_month_is_read_like_the_one_big_table(
    mariadb: MariaDb,
) -> None:
    load(mariadb, BEFORE_NIGHTLY)
    window = (ANYWHERE, at(17, 0), FRIDAY_MORNING)
    one_table = await polled(exchange(mariadb), *window)
    mariadb.run(
        "USE trans_archive; CREATE TABLE transArchive202611 LIKE core_trans.dtransactions; "
        "INSERT INTO transArchive202611 SELECT * FROM bigArchive "
        "WHERE datetime >= '2026-11-01'; DROP TABLE bigArchive"
    )
    a_month = await polled(exchange(mariadb), *window)
    mariadb.run("DROP TABLE trans_archive.transArchive202611")
    assert transactions(COREPOS, a_month, ANYWHERE) == transactions(
        COREPOS, one_table, ANYWHERE
    )


@dumped
async def test_a_row_that_commits_after_a_later_one_is_brought_by_the_next_poll(
    mariadb: MariaDb,
) -> None:
    load(mariadb, BEFORE_NIGHTLY)
    way, shop = exchange(mariadb), store(1)
    columns = "datetime, store_id, register_no, emp_no, trans_no, trans_id, trans_type, total"
    rung_up = (
        f"INSERT INTO core_trans.dtransactions ({columns}) "
        "VALUES ('2026-11-20 09:40:00', 1, 1, 90, {number}, 1, 'I', 1.00)"
    )
    slow = pymysql.connect(unix_socket=str(mariadb.folder / "s.sock"), user="root")
    with slow, slow.cursor() as cursor:
        cursor.execute(rung_up.format(number=901))
        mariadb.run(rung_up.format(number=902))
        first = await polled(way, shop, at(20, 6, 45), at(20, 10))
        slow.commit()
        later = await polled(way, shop, at(20, 7), at(20, 10, 15))
    assert {row["trans_no"] for row in rows_in(first)} >= {"902"}
    assert {row["trans_no"] for row in rows_in(later)} == {"901"}


@dumped
async def test_a_count_that_began_anew_is_noticed(mariadb: MariaDb) -> None:
    load(mariadb, BEFORE_NIGHTLY)
    way, shop = exchange(mariadb), store(1)
    await polled(way, shop, at(20, 6, 45), at(20, 10))
    mariadb.run("UPDATE core_trans.dtransactions SET store_row_id = store_row_id - 460")
    again = await polled(way, shop, at(20, 7), at(20, 10, 15))
    assert len(rows_in(again)) > 50


@dumped
async def test_products_come_once_and_then_those_that_changed_and_the_deleted_are_missing(
    mariadb: MariaDb,
) -> None:
    load(mariadb, BEFORE_NIGHTLY)
    way, shop = exchange(mariadb), store(1)
    pages = await pages_of(way, COREPOS.snapshot(shop))
    outcomes = [read(COREPOS, body, shop) for page in pages for body in page.bodies]
    products = [one for told in outcomes for one in told.products]  # type: ignore[union-attr]
    (whole,) = [told.all_products for told in outcomes if told.all_products]  # type: ignore[union-attr]
    known = {one.pos_product_id for one in products if not one.deleted}
    assert len(products) > 6000
    assert whole.ids == known

    mariadb.run(
        "USE core_op; DELETE FROM products WHERE upc = '0000000001009'; "
        "UPDATE products SET normal_price = 9.99, modified = '2026-11-20 09:40:00' "
        "WHERE upc = '0000000000800'"
    )
    pages = await pages_of(way, COREPOS.poll(shop, at(20, 6, 45), FRIDAY_MORNING))
    (body,) = [page.bodies[0] for page in pages if page.resource == "products"]
    changed = [row for row in json.loads(body) if row["modified"] == "2026-11-20 09:40:00"]
    assert [(row["upc"], row["normal_price"]) for row in changed] == [("0000000000800", "9.99")]
    pages = await pages_of(way, COREPOS.snapshot(shop))
    (told,) = [
        read(COREPOS, p.bodies[0], shop) for p in pages if p.resource == "products_in_use"
    ]
    assert known - told.all_products.ids == {"0000000001009"}  # type: ignore[union-attr]


async def test_names_are_read_in_utf8_and_latin1_and_where_a_table_holds_both(
    mariadb: MariaDb,
) -> None:
    mariadb.run(
        "CREATE OR REPLACE DATABASE menus; CREATE TABLE menus.products (id INT, upc "
        "VARCHAR(13) CHARSET latin1, description VARCHAR(30) CHARSET latin1, "
        "normal_price DECIMAL(10,2), store_id INT, inUse INT, modified DATETIME);"
        "INSERT INTO menus.products VALUES (1, '1', 'Crème brûlée', 4.50, 0, 1, NULL)"
    )
    old_lane = "INSERT INTO menus.products VALUES (2, '2', 'Crème brûlée', 4.5, 0, 1, NULL)"
    mariadb.run(old_lane, charset="latin1")

    async def names(options: str) -> list[str]:
        way = exchange(mariadb, f"tls=off&op=menus&{options}")
        pages = await pages_of(way, COREPOS.fetch(store(1), "products/1"))
        pages += await pages_of(way, COREPOS.fetch(store(1), "products/2"))
        return [row["description"] for page in pages for row in rows_in(page.bodies)]

    assert (await names("charset=declared"))[0] == "Crème brûlée"
    assert await names("charset=raw") == ["Crème brûlée", "Crème brûlée"]


async def refusal(way: CoreposWay) -> Exception:
    with pytest.raises((CredentialsError, PermanentError, TransientError)) as caught:
        await pages_of(way, COREPOS.fetch(store(1), "products/1"))
    told = str(caught.value)
    assert not any(word in told for word in ("127.0.0.1", "tills", "tests", "menus"))
    return caught.value


def way_of(line: str, **limits: int) -> CoreposWay:
    return CoreposWay(Database(dsn_of(line), Limits(**limits), THREADS))


async def test_what_fails_is_told_by_what_to_do_next_and_names_nobody(mariadb: MariaDb) -> None:
    wrong = way_of(mariadb.dsn(password="wrong"))
    assert isinstance(await refusal(wrong), CredentialsError)
    nobody_there = way_of(f"mysql://u:p@127.0.0.1:{mariadb.port + 1}/?tls=off")
    assert isinstance(await refusal(nobody_there), TransientError)
    elsewhere = way_of(mariadb.dsn("tls=off&op=no_such_schema"))
    assert isinstance(await refusal(elsewhere), PermanentError)


async def test_a_server_without_tls_is_not_spoken_to_where_tls_is_wanted(
    mariadb: MariaDb,
) -> None:
    for options in ("tls=verify", "tls=encrypt", ""):
        error = await refusal(way_of(mariadb.dsn(options)))
        assert not isinstance(error, CredentialsError), "it must not even try to sign in"


async def test_a_certificate_is_believed_only_of_a_known_authority(
    mariadb: MariaDb, tmp_path: Path
) -> None:
    ask = "CREATE DATABASE core_op; CREATE TABLE core_op.products (upc INT, store_id INT)"
    with serving(tmp_path, *certified(tmp_path)) as server:
        server.run(f"{ask}; ALTER USER tills@'127.0.0.1' REQUIRE SSL")
        question = COREPOS.fetch(store(1), "products/1")
        line, known = server.dsn("tls=verify"), str(tmp_path / "ca.crt")
        way = CoreposWay(Database(dsn_of(line), Limits(ca_file=known), THREADS))
        assert await pages_of(way, question) == []
        assert isinstance(await refusal(way_of(line)), PermanentError)
        assert isinstance(await refusal(way_of(server.dsn("tls=off"))), CredentialsError)
        question = COREPOS.fetch(store(1), "products/1")
        assert await pages_of(way_of(server.dsn("tls=encrypt")), question) == []


async def test_who_stops_waiting_leaves_no_connection_behind(mariadb: MariaDb) -> None:
    mariadb.run(
        "CREATE OR REPLACE DATABASE tired; CREATE VIEW tired.products AS "
        "SELECT SLEEP(1) AS upc, 0 AS store_id"
    )
    mariadb.run("GRANT ALL ON tired.* TO tills@'127.0.0.1'")
    way = way_of(mariadb.dsn("tls=off&op=tired"))
    question = COREPOS.fetch(store(1), "products/1")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await pages_of(way, question)
    count = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'tills'"
    async with asyncio.timeout(10):
        while mariadb.run(count).strip() != "0":  # noqa: ASYNC110 - a server has no event
            await asyncio.sleep(0.1)


async def test_a_statement_that_takes_too_long_is_ended_by_the_server(mariadb: MariaDb) -> None:
    mariadb.run(
        "CREATE OR REPLACE DATABASE slow; USE slow; CREATE TABLE real_ones (id INT, upc INT, "
        "store_id INT); INSERT INTO real_ones VALUES (1, 1, 0), (2, 1, 0); "
        "CREATE VIEW products AS SELECT * FROM real_ones WHERE SLEEP(5) = 0"
    )
    mariadb.run("GRANT ALL ON slow.* TO tills@'127.0.0.1'")
    error = await refusal(way_of(mariadb.dsn("tls=off&op=slow"), statement_s=1))
    assert isinstance(error, TransientError)
    assert "took too long" in str(error)


def test_a_line_that_is_no_dsn_is_refused_without_quoting_it() -> None:
    for line in (
        "postgres://u:secret@h/",
        "mysql://:secret@h/",
        "mysql://u:secret@h:port/",
        "mysql://u:secret@h/core_op",
        "mysql://u:secret@h/?op=a`b",
        "mysql://u:secret@h/?local_infile=1",
        "mysql://u:secret@h/?tls=maybe",
        "secret",
        "",
    ):
        with pytest.raises(CredentialsError) as caught:
            dsn_of(line)
        assert "secret" not in str(caught.value)
    known = dsn_of("mysql://u%40x:p%2Fw@db.example:3307/?trans=till_log")
    assert (known.user, known.password, known.port) == ("u@x", "p/w", 3307)
    assert (known.trans, known.op, known.tls) == ("till_log", "core_op", "verify")
    assert "p/w" not in repr(known)
