"""`tillstream topics tail`: what is in a topic, and nothing that is sealed or personal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas import topics
from schemas.codec import encode
from schemas.transaction import TransactionChange
from streams.log import TP, Record
from streams.operations.tailing import HIDDEN, page_of, positions_from, seen
from streams.runtime import open_log
from streams.topics import all_topics
from tests.cli.test_offline import deployment, run
from tests.schemas.records import RECORDS, TOPIC_OF, example
from tests.streams.stage_kit import MILL_LANE

__all__ = ["deployment"]

LANES = 2


def tail(topic: str, *arguments: str) -> list[Any]:
    return run("topics", "tail", topic, *arguments, "--json")


def test_records_are_decoded_and_bodies_stay_sealed(deployment: Path) -> None:
    raws = tail(topics.RAW)
    bodies = {raw["value"]["body"] for raw in raws}
    assert len(raws) > 6
    assert all(body.startswith("[sealed, ") for body in bodies)
    changes = tail(topics.TRANSACTIONS)
    assert {change["value"]["account_id"] for change in changes} == {MILL_LANE.account_id}
    assert [change["offset"] for change in changes] == sorted(
        change["offset"] for change in changes
    )


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_no_record_shows_bytes_or_what_tells_of_a_person(kind: Any) -> None:
    record = Record(TOPIC_OF[kind], 0, 0, 0, b"k", encode(example(kind)))
    text = json.dumps(seen(record).value)
    assert seen(record).note == ""
    for name in ("customer", "cashier", "last_four", "sha256"):
        assert f'"{name}": "' not in text.replace(f'"{name}": "{HIDDEN}"', "")


def test_where_to_begin_and_whose_records_can_be_said(deployment: Path) -> None:
    every = tail(topics.TRANSACTIONS)
    lane = str(every[0]["lane"])
    assert tail(topics.TRANSACTIONS, "--from", "end") == []
    assert tail(topics.TRANSACTIONS, "--from", "3", "--lane", lane) == every[3:]
    assert tail(topics.TRANSACTIONS, "--limit", "2") == every[:2]
    assert tail(topics.TRANSACTIONS, "--account", MILL_LANE.account_id) == every
    assert tail(topics.TRANSACTIONS, "--account", "nobody") == []
    assert tail(topics.TRANSACTIONS, "--from", every[0]["at"]) == every
    assert tail(topics.TRANSACTIONS, "--from", "2999-01-01") == []


def test_dead_letters_show_why_and_not_what(deployment: Path) -> None:
    (letter,) = tail(topics.REJECTED)
    assert letter["headers"]["__rejected.stage"] == "normalise"
    assert letter["value"] is None
    assert letter["note"] == "no public schema"


def test_what_cannot_be_asked_for_is_told(deployment: Path) -> None:
    run("topics", "tail", "pos.nothing", status=2)
    run("topics", "tail", topics.RAW, "--from", "yesterday", status=2)
    run("topics", "tail", topics.RAW, "--lane", "9", status=2)


async def test_pages_join_without_gap_or_repetition(deployment: Path) -> None:
    log = open_log(f"embedded://{deployment}/log")
    await log.start()
    try:
        await log.create(all_topics(LANES))
        at = await positions_from(log, topics.TRANSACTIONS, range(LANES), "begin")
        whole = (await page_of(log, at, None)).items
        found = []
        while True:
            page = await page_of(log, at, None, size=3)
            found += page.items
            if page.at_end:
                break
            pairs = (pair.split(":") for pair in page.after.split(","))
            at = {TP(topics.TRANSACTIONS, int(lane)): int(to) for lane, to in pairs}
    finally:
        await log.stop()
    assert found == whole
    assert len(found) > 3


def test_damaged_bytes_are_told_and_never_shown() -> None:
    change = encode(example(TransactionChange))
    broken = Record(topics.TRANSACTIONS, 0, 7, 0, b"\xff\x00", change[:-3])
    shown = seen(broken)
    assert (shown.value, shown.key) == (None, "ff00")
    assert "TransactionChange" in shown.note
