"""One per cent of the events fail in every stage: put aside, redriven, as if nothing failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import Conversation, Shop
from connectors.square.connector import SquareConnector
from schemas import topics
from schemas.codec import decode, unpack
from schemas.raw import Channel, RawEvent
from schemas.transaction import Transaction
from streams.log import INTERNAL_ERROR, Effects, Record, StateView, Step
from streams.operations.rejected import Choice, redrive
from streams.runtime import Job
from streams.worker import Worker
from tests.proof.audit import Audit, assert_true
from tests.proof.trading import delivered, outcome, polled, settled, trading

SQUARE = SquareConnector()
PER_THOUSAND = 10
SPARED = {topics.ACCOUNTS}
"""Without its account nothing can be read at all: that is another failure."""

SMALL = {topics.PRODUCTS: 30, topics.MAPPING_NEEDED: 300, topics.MAPPING_REQUESTS: 100}
"""Topics with so few records that one per cent would be none."""


class BrokenError(Exception):
    """Stands for any bug of a step."""


class Breakage:
    """Which records fail, by position; once it is mended, none does."""

    def __init__(self) -> None:
        self.is_on = True
        self.hit: Counter[str] = Counter()
        self.seen: set[tuple[str, str, int, int]] = set()

    def strikes(self, stage: str, record: Record) -> bool:
        if not self.is_on or record.topic in SPARED or self._is_control(record):
            return False
        name = (stage, record.topic, record.partition, record.offset)
        share = SMALL.get(record.topic, PER_THOUSAND)
        if not self.unlucky("/".join(map(str, name)), share):
            return False
        if name not in self.seen:
            self.seen.add(name)
            self.hit[stage] += 1
        return True

    @staticmethod
    def unlucky(name: str, per_thousand: int) -> bool:
        return int.from_bytes(sha256(name.encode()).digest()[:4], "big") % 1000 < per_thousand

    @staticmethod
    def _is_control(record: Record) -> bool:
        """The end of a run is no event; without it the test would wait for it for ever."""
        if record.topic != topics.RAW or record.value is None:
            return False
        return decode(RawEvent, record.value).channel is Channel.CONTROL


class Square:
    """The connector, with fetches that fail once and again until the breakage is mended."""

    def __init__(self, breakage: Breakage) -> None:
        self._breakage = breakage

    def __getattr__(self, name: str) -> Any:
        return getattr(SQUARE, name)

    def fetch(self, shop: Shop, resource: str) -> Conversation:
        if self._breakage.is_on and self._breakage.unlucky(resource, PER_THOUSAND):
            self._breakage.hit["fetch"] += 1
            raise BrokenError(resource)
        return SQUARE.fetch(shop, resource)


class Fragile(Worker):
    """A worker all of whose steps fail for some records."""

    def __init__(self, *args: Any, **given: Any) -> None:
        self.breakage = Breakage()
        super().__init__(*args, connectors={"square": Square(self.breakage)}, **given)

    def _jobs(self) -> list[Job]:
        return [
            replace(job, step=self._fragile(job.spec.name, job.step)) if job.step else job
            for job in super()._jobs()
        ]

    def _fragile(self, stage: str, step: Step) -> Step:
        def broken(records: Sequence[Record], state: StateView) -> Effects:
            if sum(self.breakage.strikes(stage, record) for record in records):
                raise BrokenError(stage)
            return step(records, state)

        return broken


async def redriven(worker: Worker) -> int:
    """Send all letters again until none is left; return how many were sent."""
    sent = 0
    for _ in range(5):
        log, lanes = worker.runtime.log, worker.settings.lanes
        again = await redrive(log, lanes, Choice())
        if not again:
            return sent
        sent += again
        await settled(worker)
    raise AssertionError("letters come back")


def index(worker: Worker) -> dict[str, Transaction]:
    """Return the transactions as the API reads them."""
    views = worker.runtime.views
    found = {}
    for lane in range(worker.settings.lanes):
        for name, place in views.scan("project.places", lane, b""):
            if place.startswith(b"@"):
                continue  # it proved to be none
            (row,) = views.get("project.transactions", lane, [place])
            assert row is not None, f"{name!r} is not where the index says"
            found[name.decode()] = unpack(Transaction, row)
    kept = [
        unpack(Transaction, row)
        for lane in range(worker.settings.lanes)
        for _, row in views.scan("project.transactions", lane, b"")
    ]
    assert sorted(tx.transaction_id for tx in kept) == sorted(found)
    return found


@pytest.mark.slow
async def test_what_fails_in_any_stage_is_put_aside_and_redriven_as_if_nothing_had_failed(
    tmp_path: Path,
) -> None:
    (tmp_path / "sound").mkdir()
    (tmp_path / "fragile").mkdir()
    async with trading(tmp_path / "sound", seed=3) as (_, simulator, worker):
        await delivered(simulator, worker)
        sound = await outcome(worker)
    trade = trading(tmp_path / "fragile", Fragile, seed=3, now=simulator.config.now)
    async with trade as (site, simulator, worker):
        await delivered(simulator, worker)
        assert isinstance(worker, Fragile)
        breakage, audit = worker.breakage, Audit(worker)
        put_aside = await audit.letters()
        counted = Counter(letter.stage for letter in put_aside)
        assert set(counted) == {"normalise", "project", "mapping", "match", "fetch"}
        for letter in put_aside:
            assert (letter.error_type, letter.reason) == (INTERNAL_ERROR, "BrokenError")
        sources = {letter.source for letter in put_aside if letter.stage != "fetch"}
        assert sources == {f"{topic}/{lane}/{at}" for _, topic, lane, at in breakage.seen}
        assert counted == breakage.hit
        breakage.is_on = False
        assert await redriven(worker) >= len(put_aside)
        assert await outcome(worker) == sound
        assert index(worker) == await audit.transactions()
        await polled(site, worker)
        assert_true(simulator.totals(), (await outcome(worker))[1], site.accounts)
