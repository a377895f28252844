"""The law of the runtime: how records are cut into chunks and lives changes nothing."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.lane import pieces_of
from streams.log import Chunk, Record
from tests.streams.shop import content, expected_totals, rows_of, sale, settled, started

NUMBERS = st.lists(st.integers(1, 30), min_size=1, max_size=60)


async def lives(folder: Path, parts: list[list[int]], chunk: int, *, wait: bool):
    query = f"sync=0&cache_mb=8&chunk={chunk}"
    for part in parts:
        async with started(folder, query=query) as running:
            await running.log.append("raw", [sale(number) for number in part])
            if wait:
                await settled(running)
    async with started(folder, query=query) as running:
        await settled(running)
        tables = {name: rows_of(running, name) for name in ("till.sales", "sums.totals")}
        return tables, content(running.log, "totals")


@given(
    numbers=NUMBERS,
    cuts=st.sets(st.integers(1, 59), max_size=3),
    chunk=st.integers(1, 70),
    wait=st.booleans(),
)
@settings(max_examples=20)
def test_any_split_into_chunks_and_restarts_gives_the_same_rows(numbers, cuts, chunk, wait):
    edges = [0, *sorted(cut for cut in cuts if cut < len(numbers)), len(numbers)]
    parts = [numbers[a:b] for a, b in itertools.pairwise(edges)]
    with tempfile.TemporaryDirectory() as folder:
        tables, changelog = asyncio.run(lives(Path(folder), parts, chunk, wait=wait))
    expected = expected_totals(numbers)
    assert tables["sums.totals"] == expected
    assert changelog == expected
    assert set(tables["till.sales"]) == {b"s%d" % number for number in numbers}


@given(
    gaps=st.lists(st.integers(1, 5), min_size=1, max_size=50),
    size=st.integers(1, 60),
    tail=st.integers(0, 5),
)
def test_pieces_of_a_chunk_are_a_chain_that_leaves_nothing_out(gaps, size, tail):
    offsets = [10 + sum(gaps[: n + 1]) for n in range(len(gaps))]
    records = [Record("t", 0, offset, 0, b"", b"") for offset in offsets]
    whole = Chunk(8, offsets[-1] + 1 + tail, records)
    pieces = list(pieces_of(whole, size))
    assert [record for piece in pieces for record in piece.records] == records
    assert (pieces[0].begin, pieces[-1].end) == (whole.begin, whole.end)
    assert all(a.end == b.begin for a, b in itertools.pairwise(pieces))
    for piece in pieces:
        assert 0 < len(piece.records) <= size
        assert piece.begin <= piece.records[0].offset
        assert piece.records[-1].offset < piece.end
