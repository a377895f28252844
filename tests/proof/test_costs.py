"""What a fault cost is computed from records, and can be other than nothing."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import encode
from schemas.raw import Channel, RawEvent
from schemas.sync import Fetch
from schemas.transaction import TransactionChange
from streams.log import Record
from tests.proof.costs import (
    Mark,
    Wait,
    done_twice,
    figures_of_waits,
    kept_twice,
    longest_waits,
    waits,
)
from tests.schemas.records import example

NOW = datetime(2026, 3, 1, tzinfo=UTC)
STOP, START = Mark(1_000, "stop"), Mark(2_000, "start")


def a_raw(raw_id: str, channel: Channel, sync_id: str | None = None) -> RawEvent:
    return msgspec.structs.replace(
        example(RawEvent), raw_id=raw_id, channel=channel, sync_id=sync_id
    )


def recorded(value: bytes, lane: int, at_ms: int) -> Record:
    return Record("any", lane, 0, at_ms, None, value)


def test_a_wait_is_from_the_first_time_in_the_log_to_the_change_that_it_caused() -> None:
    change = example(TransactionChange)
    raw = a_raw(change.cause.raw_id, Channel.WEBHOOK)
    raws = [recorded(encode(raw), 3, at) for at in (1_500, 1_800)]
    assert list(waits(raws, [recorded(encode(change), 3, 1_740)])) == [Wait(3, 1_500, 240)]


def test_of_each_lane_the_longest_wait_counts_between_two_marks() -> None:
    waited = [
        *(Wait(0, 900, 9_000), Wait(0, 1_100, 80), Wait(0, 1_900, 300), Wait(0, 2_000, 40)),
        Wait(1, 1_200, 20),
    ]
    assert longest_waits(waited, [STOP, START]) == {
        (STOP, 0): 300,
        (STOP, 1): 20,
        (START, 0): 40,
    }
    assert figures_of_waits(waited, [STOP, START]) == {
        "visible_ms_p50": 80,
        "longest_wait_s_start": {"lanes": 1, "p50": 0.04, "max": 0.04},
        "longest_wait_s_stop": {"lanes": 2, "p50": 0.16, "max": 0.3},
    }


SOME = st.lists(st.builds(Wait, st.integers(0, 3), st.integers(0, 3_000), st.integers(0, 500)))


@given(SOME.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_longest_waits_do_not_depend_on_the_order_of_the_waits(
    both: tuple[list[Wait], ...],
) -> None:
    one, other = both
    assert longest_waits(one, [STOP, START]) == longest_waits(other, [STOP, START])


def test_work_is_done_twice_when_it_is_more_than_was_wanted() -> None:
    fetch = Fetch(
        fetch_id="f",
        tenant_id="t",
        account_id="a",
        provider="square",
        resource="orders/A",
        cause_raw_id="r",
        requested_at=NOW,
    )
    raws = [
        *(a_raw("w", Channel.WEBHOOK), a_raw("w", Channel.WEBHOOK)),
        *(a_raw("p", Channel.POLL, "s1"), a_raw("p", Channel.POLL, "s2")),
        *(a_raw("c", Channel.CONTROL, "s1"), a_raw("c", Channel.CONTROL, "s1")),
    ]
    assert done_twice(raws, [fetch], {"orders/A": 1, "locations/L": 7}) == {
        "fetches_twice": 0,
        "polled_twice": 0,
    }
    again = [*raws, a_raw("p", Channel.POLL, "s1")]
    assert done_twice(again, [fetch], {"orders/A": 3}) == {
        "fetches_twice": 2,
        "polled_twice": 1,
    }


def test_a_webhook_is_kept_twice_when_its_first_answer_was_lost() -> None:
    kept = {("a", "sale"): 2, ("a", "prices"): 1, ("b", "prices"): 1}
    assert kept_twice(kept, Counter(sale=2, prices=1)) == {"webhooks_twice": 0}
    assert kept_twice(kept, Counter(sale=1, prices=1)) == {"webhooks_twice": 1}
