"""Every change of a product is a version: once, in its place, with who and why."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import permutations

from msgspec.structs import replace

from schemas import topics
from schemas.catalogue import PosProduct
from schemas.history import Noticed, ProductVersion, VersionEvent
from schemas.raw import Channel
from schemas.sync import SyncKind, SyncStatus
from streams.log import Effects, Record
from tests.streams.stage_kit import (
    MILL_LANE,
    Normalise,
    account_record,
    control_record,
    decoded,
    raw_record,
)

COOP = replace(MILL_LANE, provider="corepos", location_id="1", currency="USD")
EGGS = "0000000001009"


def normalise() -> Normalise:
    stage = Normalise(account=None)
    stage.take([account_record(COOP)])
    return stage


def row(
    hour: int, name: str = "EGGS", price: str = "3.49", **more: object
) -> dict[str, object]:
    at = f"2026-05-04 {hour:02}:00:00"
    product = {"upc": EGGS, "description": name, "store_id": 0, "modified": at}
    return {**product, "normal_price": price, "inUse": 1, **more}


def logged(hour: int, price: str, user: int = 0, kind: str = "EDIT") -> dict[str, object]:
    at = f"2026-05-04 {hour:02}:00:00"
    product = {"upc": EGGS, "description": "EGGS", "storeID": 0, "modified": at}
    return {**product, "updateType": kind, "price": price, "user": user, "inUse": 1}


def body(*rows: dict[str, object], **more: object) -> Record:
    return raw_record(
        json.dumps(rows).encode(), channel=Channel.POLL, provider="corepos", **more
    )


def in_use(*names: str, minutes: int = 0) -> Record:
    said = json.dumps({"products_in_use": names}).encode()
    at = MILL_LANE.created_at + timedelta(days=90, minutes=minutes)
    return raw_record(said, channel=Channel.POLL, provider="corepos", received_at=at)


def versions(*effects: Effects) -> list[ProductVersion]:
    return [
        one
        for some in effects
        for one in decoded(some, topics.CATALOG_VERSIONS, ProductVersion)
    ]


def catalog(effects: Effects) -> list[PosProduct]:
    return decoded(effects, topics.CATALOG, PosProduct)


def test_an_edit_says_what_changed_since_when_and_what_it_was_before() -> None:
    stage = normalise()
    first, second = versions(
        stage.take([body(row(9))]), stage.take([body(row(10, "EGGS LARGE", "3.79"))])
    )
    assert (first.event, first.before, first.fields) == (VersionEvent.CREATED, None, ())
    assert (second.number, second.event) == (2, VersionEvent.UPDATED)
    assert second.fields == ("name", "price")
    assert second.before == first.after
    assert second.after.price == 379
    assert second.valid_from == second.after.changed_at
    assert second.valid_from is not None
    assert second.valid_from - first.after.changed_at == timedelta(hours=1)


def test_what_is_told_twice_or_says_nothing_new_makes_no_version() -> None:
    stage = normalise()
    stage.take([body(row(9))])
    assert versions(stage.take([body(row(9)), body(row(11))])) == []
    assert versions(stage.take([body(logged(9, "3.49"), logged(12, "3.49"))])) == []


def test_the_provider_s_log_tells_who_and_what_was_between_two_polls() -> None:
    stage = normalise()
    stage.take([body(row(9))])
    log = body(logged(10, "3.79", user=7), logged(11, "3.99", user=8))
    found = versions(stage.take([log, body(row(11, price="3.99"))]))
    assert [(one.after.price, one.changed_by, one.late) for one in found] == [
        (379, "7", False),
        (399, "8", False),
    ]
    assert versions(stage.take([log])) == []


def test_the_log_alone_moves_no_product() -> None:
    stage = normalise()
    stage.take([body(row(9))])
    effects = stage.take([body(logged(10, "3.79", user=7))])
    assert len(versions(effects)) == 1
    assert catalog(effects) == []


def test_a_version_older_than_the_known_one_becomes_history_and_changes_nothing() -> None:
    stage = normalise()
    stage.take([body(row(9))])
    stage.take([body(row(12, price="4.10"))])
    effects = stage.take([body(row(10, price="3.79"))])
    (late,) = versions(effects)
    assert (late.number, late.late, late.fields) == (3, True, ("price",))
    assert late.before is not None
    assert (late.before.price, late.after.price) == (349, 379)
    assert catalog(effects) == []


def test_in_whatever_order_they_come_the_states_and_their_times_are_the_same() -> None:
    bodies = [body(row(hour, price=f"{hour}.00")) for hour in (9, 10, 11)]
    seen = set()
    for order in permutations(bodies):
        stage = normalise()
        told = versions(*(stage.take([one]) for one in order))
        states = sorted((one.after.version, one.after.price) for one in told)
        seen.add((tuple(states), next(iter(stage.state.scan("catalog", b"").values()))))
    assert len(seen) == 1


def test_one_chunk_or_many_give_the_same_versions() -> None:
    bodies = [body(row(9)), body(logged(10, "3.79", 7)), body(row(11, price="4.00"))]
    one, many = normalise(), normalise()
    together = versions(one.take(bodies))
    assert together == versions(*(many.take([each]) for each in bodies))
    assert len(together) == 3


def test_a_product_that_is_missing_from_the_set_is_deleted_and_may_come_back() -> None:
    stage = normalise()
    stage.take([body(row(9), row(9, upc="2"))])
    (gone,) = versions(stage.take([in_use("2")]))
    assert (gone.event, gone.noticed) == (VersionEvent.DELETED, Noticed.COMPARED)
    assert gone.fields == ("deleted",)
    assert gone.changed_by is None
    (back,) = versions(stage.take([in_use("2", EGGS, minutes=5)]))
    assert (back.event, back.number) == (VersionEvent.REVIVED, 3)
    assert versions(stage.take([in_use("2", EGGS, minutes=9)])) == []


def test_a_deletion_that_the_log_tells_has_its_user_and_the_set_makes_no_second_one() -> None:
    stage = normalise()
    stage.take([body(row(9), row(9, upc="2"))])
    told = stage.take([body(logged(10, "3.49", user=7, kind="DELETE")), in_use("2")])
    (gone,) = versions(told)
    assert (gone.event, gone.noticed) == (VersionEvent.DELETED, Noticed.TOLD)
    assert gone.changed_by == "7"
    assert [one.deleted for one in catalog(told)] == [True]


def test_who_asked_for_a_run_and_why_is_in_every_version_it_brought() -> None:
    stage = normalise()
    begin = control_record(
        SyncStatus.RUNNING, kind=SyncKind.MANUAL, run_as="Ada", message="prices of spring"
    )
    (version,) = versions(stage.take([begin, body(row(9), sync_id="s1")]))
    assert (version.run_as, version.message) == ("Ada", "prices of spring")
    assert version.sync_id == "s1"
    (other,) = versions(stage.take([body(row(10, price="9.99"))]))
    assert (other.run_as, other.message, other.sync_id) == (None, None, None)


def test_products_whose_ids_begin_alike_keep_their_own_history() -> None:
    stage = normalise()
    names = ("a", "a/b", "a/b/00000001")
    told = versions(*(stage.take([body(row(9, upc=name))]) for name in names))
    assert [(one.pos_product_id, one.number) for one in told] == [(name, 1) for name in names]
