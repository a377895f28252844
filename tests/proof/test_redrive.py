"""What is redriven late must not replace what is newer; sums commute, the newest does not."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from projections.catalogue import VIEWS
from schemas import topics
from schemas.catalogue import Product
from schemas.codec import encode, unpack
from schemas.rows import SalesRow
from schemas.transaction import Transaction
from streams.log import INTERNAL_ERROR, REDRIVE_STAGE, DeadLetter, Out, Record, rejection
from streams.operations.rebuild import MemoryState
from streams.operations.rejected import Choice, letters, redrive
from streams.stages import project
from tests.projections.builders import ACCOUNT, MONDAY, TENANT, a_bill, a_change, a_line
from tests.projections.oracle import rows_of
from tests.proof.audit import records
from tests.proof.site import Site, running
from tests.proof.trading import FAST
from tests.streams.test_project import an_account

OLD = replace(a_bill("1", a_line("p1", 300)), revision=1)
MIDDLE = replace(a_bill("1", a_line("p1", 400)), revision=2)
NEW = replace(a_bill("1", a_line("p1", 500), a_line("p2", 70)), revision=3)
HISTORIES = {
    "changed twice": (OLD, MIDDLE, NEW),
    "gone at the end": (OLD, MIDDLE, None),
    "gone and back": (OLD, None, NEW),
}


def in_turn(told: Sequence[Transaction | None]) -> list[Record]:
    """Return the changes that lead from each to the next."""
    return [
        Record(topics.TRANSACTIONS, 0, at, 0, b"k", encode(a_change(before, after, at + 1)))
        for at, (before, after) in enumerate(pairwise((None, *told)))
    ]


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("failed", [{0}, {1}, {2}, {0, 1}, {1, 2}, {0, 2}])
@pytest.mark.parametrize("history", HISTORIES)
def test_a_change_that_failed_and_comes_late_leaves_sums_and_index_as_they_must_be(
    history: str, failed: set[int], *, at_once: bool
) -> None:
    told = HISTORIES[history]
    changes, state, step = in_turn(told), MemoryState(), project.projector(4)
    redriven = ((REDRIVE_STAGE, project.NAME.encode()),)
    usual = [record for record in changes if record.offset not in failed]
    late = [dataclasses.replace(changes[at], headers=redriven) for at in sorted(failed)]
    for records_ in [[*usual, *late]] if at_once else [[one] for one in [*usual, *late]]:
        state.take(step(records_, state))
    final = [told[-1]] if told[-1] else []
    assert [unpack(Transaction, row) for row in state.scan("transactions", b"").values()] == (
        final
    )
    expected = rows_of(final)
    for view in VIEWS:
        rows = state.scan(view.table, b"").items()
        assert {k.decode(): unpack(view.row, v) for k, v in rows} == expected[view.table]
    assert all(project.fold_places(record) == () for record in late)
    assert all(project.fold_transactions(record) == () for record in late)


def test_what_was_refused_for_its_currency_counts_once_the_account_is_right() -> None:
    state, step = MemoryState(), project.projector(4)
    (record,) = in_turn([OLD])
    redriven = ((REDRIVE_STAGE, project.NAME.encode()),)
    state.take(step([an_account_of("USD")], state))
    refused = step([record], state)
    assert [letter.error_type for letter in refused.rejected] == ["wrong-currency"]
    state.take(refused)
    assert state.scan("sales", b"") == {}
    state.take(step([an_account_of("EUR")], state))
    state.take(step([dataclasses.replace(record, headers=redriven)], state))
    rows = {k.decode(): unpack(SalesRow, v) for k, v in state.scan("sales", b"").items()}
    assert rows == rows_of([OLD])["sales"]


def an_account_of(currency: str) -> Record:
    value = encode(an_account(currency))
    return Record(topics.ACCOUNTS, 0, 0, 0, ACCOUNT.encode(), value)


@pytest.mark.parametrize("newer", [False, True])
async def test_a_row_is_redriven_only_while_no_newer_one_of_its_key_was_written(
    tmp_path: Path, *, newer: bool
) -> None:
    def a_product(name: str, hours: int) -> Out:
        when = MONDAY + timedelta(hours=hours)
        product = Product(tenant_id=TENANT, product_id="p", name=name, updated_at=when)
        return Out(f"{TENANT}/p".encode(), encode(product), (), 1)

    async with running(Site(tmp_path, log=FAST), polling=False) as worker:
        log, lanes = worker.runtime.log, worker.settings.lanes
        (at,) = await log.append(topics.PRODUCTS, [a_product("old", 1)])
        if newer:
            await log.append(topics.PRODUCTS, [a_product("new", 2)])
        key, value, _, _ = a_product("old", 1)
        refused = Record(topics.PRODUCTS, 1, at.offset, 0, key, value)
        letter = rejection("match", DeadLetter(refused, INTERNAL_ERROR, "Error"))
        await log.append(topics.REJECTED, [letter], 1)
        assert await redrive(log, lanes, Choice()) == 1
        assert [it.redriven async for it, _ in letters(log, lanes)] == [True]
        sent = [r for r in await records(log, topics.PRODUCTS, lanes) if r.headers]
        assert len(sent) == (0 if newer else 1)
