"""Who gets which lane: complete, balanced, sticky, warm first. Pure functions only."""

from __future__ import annotations

import pytest
from aiokafka import codec
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import SetupError
from streams.kafka.lanes import Claim, share
from streams.kafka.options import COMPRESSIONS, KafkaOptions, parse


@st.composite
def situations(draw):
    lanes = draw(st.integers(1, 24))
    names = draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8, unique=True))
    some = st.lists(st.integers(0, lanes - 1), unique=True)
    claims = {
        name: Claim(
            worker=name,
            owned={str(lane): draw(st.floats(0, 9)) for lane in draw(some)},
            warm=draw(some),
        )
        for name in names
    }
    return lanes, claims


@given(situations())
def test_every_lane_has_one_worker_and_no_worker_two_more_than_another(situation):
    lanes, claims = situation
    shared = share(range(lanes), claims)
    assert sorted(lane for owned in shared.values() for lane in owned) == list(range(lanes))
    sizes = [len(owned) for owned in shared.values()]
    assert max(sizes) - min(sizes) <= 1


@given(situations())
def test_the_order_in_which_workers_are_named_does_not_matter(situation):
    lanes, claims = situation
    assert share(range(lanes), claims) == share(
        reversed(range(lanes)), dict(reversed(claims.items()))
    )


@given(situations())
def test_sharing_again_moves_nothing(situation):
    lanes, claims = situation
    shared = share(range(lanes), claims)
    again = {
        name: Claim(worker=name, owned=dict.fromkeys(map(str, owned), 1.0))
        for name, owned in shared.items()
    }
    assert share(range(lanes), again) == shared


def test_a_worker_that_joins_gets_what_balance_asks_for_and_no_lane_moves_elsewhere():
    before = {"a": Claim(worker="a", owned=dict.fromkeys("01234567", 1.0))}
    after = share(range(8), {**before, "b": Claim(worker="b")})
    assert len(after["a"]) == len(after["b"]) == 4
    owned = {
        name: Claim(worker=name, owned={str(n): 1.0 for n in has})
        for name, has in after.items()
    }
    third = share(range(8), {**owned, "c": Claim(worker="c")})
    assert len(third["c"]) == 2
    assert set(third["a"]) < set(after["a"])
    assert set(third["b"]) < set(after["b"])


def test_a_worker_that_comes_back_gets_the_lanes_whose_state_it_has():
    claims = {
        "a": Claim(worker="a", owned=dict.fromkeys("0123", 1.0), warm=[0, 1, 2, 3]),
        "b": Claim(worker="b", warm=[2, 3]),
    }
    assert share(range(4), claims) == {"a": [0, 1], "b": [2, 3]}


def test_of_two_workers_that_claim_a_lane_the_younger_claim_counts():
    claims = {
        "frozen": Claim(worker="frozen", owned={"0": 1.0, "1": 1.0}),
        "owner": Claim(worker="owner", owned={"0": 2.0, "1": 0.5}),
    }
    assert share(range(2), claims) == {"frozen": [1], "owner": [0]}


@pytest.mark.parametrize(
    ("url", "addresses", "options"),
    [
        ("kafka://host", "host:9092", KafkaOptions()),
        ("kafka://a:1,b", "a:1,b:9092", KafkaOptions()),
        ("kafka://h?worker=w1&static=1", "h:9092", KafkaOptions(worker="w1", static=1)),
        ("kafka://h?session_s=4.5", "h:9092", KafkaOptions(session_s=4.5)),
    ],
)
def test_a_url_names_brokers_and_options(url, addresses, options):
    assert parse(url) == (addresses, options)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("kafka://", "no address"),
        ("kafka://user:secret@host", "addresses only"),
        ("kafka://host/topic", "addresses only"),
        ("kafka://host?wrker=1", "unknown option"),
        ("kafka://host?chunk=many", "not a number"),
        ("kafka://host?chunk=0", "greater than 0"),
        ("kafka://host?static=1", "needs worker="),
        ("kafka://host?static=2&worker=a", "give 0 or 1"),
        ("kafka://host?compression=rar", "must be one of"),
    ],
)
def test_a_wrong_url_is_refused_with_what_is_wrong_and_without_secrets(url, says):
    with pytest.raises(SetupError, match=says) as raised:
        parse(url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("name", [name for name in COMPRESSIONS if name != "none"])
def test_every_compression_that_can_be_chosen_can_be_written_and_read(name):
    packed = getattr(codec, f"{name}_encode")(b"takings" * 100)
    assert getattr(codec, f"{name}_decode")(packed) == b"takings" * 100
