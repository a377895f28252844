"""The local state of a lane where the disk is full: what was in it stays, and it is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streams.errors import StateFullError
from streams.kafka.state import State
from streams.log import Effects
from tests.streams.test_kafka_log import opened
from tests.streams.test_kafka_tables import SPEC, TOPICS, told

resource = pytest.importorskip("resource", reason="limits of file sizes are not known here")

ROWS = {b"%03d" % n: b"bread" * 200 for n in range(100)}
MORE = {b"%03d" % n: b"cakes" * 200 for n in range(50, 150)}


@contextmanager
def a_full_disk() -> Iterator[None]:
    """Let no file of this process grow any more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def a_state(folder: Path) -> State:
    return State(folder / "s-0", "of the test", cache_mb=8, buffers_mb=16)


def test_a_write_that_finds_no_room_is_left_undone_whole_and_the_rest_is_kept(tmp_path):
    state = a_state(tmp_path)
    state.write({"sums": ROWS}, {"sums": 100})
    with a_full_disk(), pytest.raises(StateFullError, match=r"no room for .*s-0"):
        state.write({"sums": MORE}, {"sums": 200})
    state.close()
    with a_full_disk(), pytest.raises(StateFullError, match="no room"):
        a_state(tmp_path)
    again = a_state(tmp_path)
    assert (dict(again.scan("sums", b"")), again.position("sums")) == (ROWS, 100)
    again.write({"sums": MORE}, {"sums": 200})
    assert again.position("sums") == 200
    again.close()


@pytest.mark.kafka
async def test_what_was_committed_while_the_disk_was_full_is_folded_once_there_is_room(
    kafka, tmp_path
):
    async with opened(kafka, tmp_path, *TOPICS) as log:
        lane = await log.open_lane(SPEC, 0)
        await lane.commit(Effects(rows={"sums": ROWS}), {"facts": 0})
        with a_full_disk(), pytest.raises(StateFullError):
            await lane.commit(Effects(rows={"sums": MORE}), {"facts": 0})
        await lane.close()
        await told(log, 0)
        again = await log.open_lane(SPEC, 0)
        assert again.scan("sums", b"") == ROWS | MORE
        assert again.recovered == len(MORE), "what was on the disk was thrown away"
