"""Departments, vendors and members of a real CORE-POS: what they are, were, and since when."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.contract import Parts, Rejected
from connectors.corepos.records import tables
from schemas.catalogue import RecordKind
from tests.connectors.corepos.rows import COREPOS, SHOP
from tests.connectors.corepos.server import at, load
from tests.connectors.corepos.test_poll import talk
from tests.connectors.corepos.test_samples import BEFORE_NIGHTLY, dumped
from tests.connectors.corepos.test_worker import Clock, Shop, opened
from tests.connectors.golden import read
from tests.http.harness import API, House
from tests.services.mariadb import MariaDb

ASKED = {"run_as": "Ada", "message": "new suppliers"}
BREAD = {"dept_no": "4", "dept_name": "BREAD", "dept_tax": "1", "modified": "1900-01-01 00:00"}
FARM = {"vendorID": "3", "vendorName": "Egg Farm", "email": "me@farm", "phone": "555", "zip": 1}
ADA = {"CardNo": "7", "personNum": "1", "LastName": "Byron", "Type": "PC", "Balance": "3.20"}


def asked(
    departments: list, vendors: list, known: dict[str, str], members: list | None = None
) -> tuple[dict, list]:
    answers = {
        "/departments": [departments],
        "/vendors": [vendors],
        "/members": [members or []],
    }
    seen: dict[str, str] = {}

    def keeping():
        seen.update((yield from tables(known)))

    _, pages = talk(keeping(), answers)
    return seen, pages


def test_a_table_is_brought_when_it_is_not_as_it_was_and_an_empty_answer_never() -> None:
    seen, pages = asked([BREAD], [FARM], {})
    assert [page.resource for page in pages] == ["departments", "vendors"]
    assert asked([BREAD], [FARM], seen) == (seen, [])
    _, changed = asked([{**BREAD, "dept_name": "CAKE"}], [], seen)
    assert [page.resource for page in changed] == ["departments"]


def test_how_to_reach_a_vendor_never_gets_into_a_body() -> None:
    _, pages = asked([], [FARM], {})
    (body,) = pages[0].bodies
    assert json.loads(body) == {"vendors": [{"vendorID": "3", "vendorName": "Egg Farm"}]}
    seen, _ = asked([], [FARM], {})
    assert asked([], [{**FARM, "phone": "556"}], seen) == (seen, [])


def test_a_member_s_balance_is_not_read_and_brings_nothing() -> None:
    seen, (page,) = asked([], [], {}, [ADA])
    kept = {name: ADA[name] for name in ("CardNo", "personNum", "Type", "LastName")}
    assert json.loads(page.bodies[0]) == {"members": [kept]}
    assert asked([], [], seen, [{**ADA, "Balance": "0.00"}]) == (seen, [])


def said(table: str, *rows: dict) -> Parts | Rejected:
    return read(COREPOS, json.dumps({table: rows}).encode(), SHOP)  # type: ignore[return-value]


def test_a_department_is_read_with_its_details_and_an_unused_one_counts_as_deleted() -> None:
    told = said("departments", BREAD, {**BREAD, "dept_no": "5", "active": "0"})
    assert isinstance(told, Parts)
    assert told.all_records is not None
    bread, other = [one.record for one in told.all_records.records]
    assert (bread.kind, bread.record_id, bread.name) == (RecordKind.DEPARTMENT, "4", "BREAD")
    assert (bread.details, bread.changed_at, bread.deleted) == ({"dept_tax": "1"}, None, False)
    assert other.deleted


def test_a_member_is_named_by_card_and_person_and_one_whose_membership_ended_is_deleted() -> (
    None
):
    told = said("members", ADA, {**ADA, "personNum": "2", "Type": "TERM"})
    assert isinstance(told, Parts)
    assert told.all_records is not None
    ada, other = [one.record for one in told.all_records.records]
    assert (ada.record_id, ada.name, ada.details) == ("7-1", "7-1", {"Type": "PC"})
    assert json.loads(ada.personal or "") == {"LastName": "Byron"}
    assert (other.record_id, other.deleted) == ("7-2", True)
    assert isinstance(said("members", {"CardNo": "7", "LastName": "Byron"}), Rejected)


def test_a_table_whose_names_are_all_missing_is_refused() -> None:
    assert isinstance(said("vendors", {"vendorID": "3"}, {"vendorID": "4"}), Rejected)


async def records(shop: Shop, kind: str, **query: object) -> dict[str, dict]:
    url = f"{API}/accounts/{shop.account_id}/records/{kind}"
    answer = await shop.tenant.get(url, params={"limit": 1000, **query})
    assert answer.status_code == 200, answer.text
    return {one["record_id"]: one for one in answer.json()["items"]}


async def versions(shop: Shop, kind: str, number: str) -> list[dict]:
    url = f"{API}/accounts/{shop.account_id}/records/{kind}/{number}/versions"
    answer = await shop.tenant.get(url)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def edited(shop: Shop, server: MariaDb) -> None:
    """The office edits a department; the web service renames one and leaves the time alone."""
    server.run(
        "UPDATE core_op.departments SET dept_name = 'EGGS', dept_limit = 75, modifiedby = 9, "
        "modified = '2026-11-20 10:00:00' WHERE dept_no = 28;"
        "UPDATE core_op.departments SET dept_name = 'BEANS' WHERE dept_no = 2;"
        "UPDATE core_op.vendors SET vendorName = 'Co-op Wholesale', phone = '1' "
        "WHERE vendorID = 2;"
    )
    shop.clock.now = at(20, 10, 15)
    await shop.sync(**ASKED)
    created, office = await versions(shop, "department", "28")
    assert (created["event"], created["changed_by"]) == ("created", None)
    assert (office["event"], office["changed_by"]) == ("updated", "9")
    assert office["fields"] == ["name", "dept_limit"]
    assert office["valid_from"] == "2026-11-20T16:00:00Z"
    assert {name: office[name] for name in ASKED} == ASKED
    renamed = (await versions(shop, "department", "2"))[-1]
    assert (renamed["fields"], renamed["changed_by"]) == (["name"], None)
    assert renamed["valid_from"] is None
    assert (await versions(shop, "vendor", "2"))[-1]["after"]["name"] == "Co-op Wholesale"


async def deleted(shop: Shop, server: MariaDb) -> None:
    server.run(
        "DELETE FROM core_op.vendors WHERE vendorID = 3;"
        "DELETE FROM core_op.departments WHERE dept_no = 5;"
        "UPDATE core_op.departments SET active = 0 WHERE dept_no = 6;"
    )
    shop.clock.now = at(20, 10, 30)
    await shop.sync()
    gone = (await versions(shop, "vendor", "3"))[-1]
    assert (gone["event"], gone["noticed"]) == ("deleted", "compared")
    assert set(await records(shop, "vendor", deleted=True)) == {"3"}
    assert set(await records(shop, "vendor", deleted=False)) == {"1", "2"}
    assert {"5", "6"} <= set(await records(shop, "department", deleted=True))
    unused = (await versions(shop, "department", "6"))[-1]
    assert (unused["event"], unused["noticed"]) == ("deleted", "told")


async def unbelievable(shop: Shop, server: MariaDb) -> None:
    """Most of a table is gone at once: refused, and everything stays."""
    before = await records(shop, "department")
    server.run(
        "CREATE TABLE core_op.kept AS SELECT * FROM core_op.departments;"
        "DELETE FROM core_op.departments WHERE dept_no > 40"
    )
    shop.clock.now = at(20, 10, 45)
    assert (await shop.sync())["rejected"] == 1
    assert await records(shop, "department") == before
    server.run("REPLACE INTO core_op.departments SELECT * FROM core_op.kept")


@dumped
@pytest.mark.slow
async def test_departments_and_vendors_edited_renamed_deleted_and_back_have_their_versions(
    mariadb: MariaDb, tmp_path: Path
) -> None:
    load(mariadb, BEFORE_NIGHTLY)
    mariadb.run("CREATE TABLE core_op.farm AS SELECT * FROM core_op.vendors WHERE vendorID = 3")
    clock = Clock(at(20, 9, 45))
    async with opened(tmp_path, clock) as shop:
        assert await shop.connect(mariadb.dsn()) == 201
        await shop.sync("sync/historical", days=1)
        assert set(await records(shop, "vendor")) == {"1", "2", "3"}
        assert len(await records(shop, "department")) == 248
        await edited(shop, mariadb)
        await deleted(shop, mariadb)
        await unbelievable(shop, mariadb)
        mariadb.run("INSERT INTO core_op.vendors SELECT * FROM core_op.farm")
        shop.clock.now = at(20, 11)
        await shop.sync()
        assert (await versions(shop, "vendor", "3"))[-1]["event"] == "revived"
        known = [await versions(shop, *one) for one in (("vendor", "3"), ("department", "28"))]
        await shop.sync("sync/historical", days=1)
        again = [await versions(shop, *one) for one in (("vendor", "3"), ("department", "28"))]
        assert again == known
        assert await everything_public(shop.house, b"example.org") == 0


async def married(shop: Shop, server: MariaDb, members: list[str]) -> None:
    """A member's name changes, another is deleted, a third buys on account."""
    one, other, third = members[:3]
    cards = [member.partition("-")[0] for member in members]
    table = "core_op.custdata"
    server.run(
        f"UPDATE {table} SET LastName = 'Lovelace' WHERE CardNo = {cards[0]};"  # noqa: S608
        f"DELETE FROM {table} WHERE CardNo = {cards[1]};"
        f"UPDATE {table} SET Balance = 99 WHERE CardNo = {cards[2]}"
    )
    shop.clock.now = at(20, 10, 15)
    await shop.sync(**ASKED)
    created, renamed = await versions(shop, "member", one)
    assert (created["event"], created["after"]["personal"]) == ("created", None)
    assert renamed["fields"] == ["personal"]
    assert renamed["before"]["details"] == created["after"]["details"]
    assert renamed["after"]["details"]["LastName"] == "Lovelace"
    assert {name: renamed[name] for name in ASKED} == ASKED
    gone = (await versions(shop, "member", other))[-1]
    assert (gone["event"], gone["noticed"]) == ("deleted", "compared")
    assert len(await versions(shop, "member", third)) == 1


def anywhere(folder: Path, text: bytes) -> bool:
    return any(text in path.read_bytes() for path in folder.rglob("*") if path.is_file())


@dumped
@pytest.mark.slow
async def test_members_have_versions_and_their_names_are_nowhere_in_clear(
    mariadb: MariaDb, tmp_path: Path
) -> None:
    load(mariadb, BEFORE_NIGHTLY)
    asked_for = "SELECT CardNo, personNum FROM core_op.custdata WHERE Type <> 'TERM'"
    members = [
        row.replace("\t", "-")
        for row in mariadb.run(f"{asked_for} ORDER BY personNum, CardNo").splitlines()
    ]
    async with opened(tmp_path, Clock(at(20, 9, 45))) as shop:
        assert await shop.connect(mariadb.dsn()) == 201
        await shop.sync("sync/historical", days=1)
        found = await records(shop, "member", deleted=False)
        assert set(found) == set(members)
        assert sum("LastName" in one["details"] for one in found.values()) > 900
        await married(shop, mariadb, members)
        assert await everything_public(shop.house, b"Lovelace") == 0
        assert not anywhere(tmp_path, b"Lovelace")


async def everything_public(house: House, text: bytes) -> int:
    """Count the public records of departments, vendors and members that hold a text."""
    views, found = house.worker.runtime.views, 0
    for table in ("normalise.records", "normalise.record_versions"):
        for lane in range(2):
            found += sum(text in row for _, row in views.scan(table, lane, b""))
    return found
