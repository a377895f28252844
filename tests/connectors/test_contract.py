"""What every connector owes, proven on its own samples."""

from __future__ import annotations

import contextlib
import json
from datetime import date

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.catalogue import (
    CONNECTORS,
    NEVER_ASKED,
    UnknownProviderError,
    connector_named,
)
from connectors.contract import (
    DAY_SUMS,
    Connector,
    DaySums,
    Ignored,
    NeedsFetch,
    Page,
    Parts,
    Rejected,
    Request,
    Response,
)
from projections.reconcile import FIGURES
from schemas.transaction import broken_laws
from tests.connectors.golden import (
    Sample,
    all_samples,
    home_of,
    plain,
    read,
    samples_of,
    transactions,
)

OUTCOMES = (Parts, NeedsFetch, Ignored, Rejected)
ERROR_TYPES = {"unreadable", "unbalanced", "wrong-currency", "too-large", "too-deep"}
BY_ROWS = {"corepos"}
"""Providers that are asked by SQL: nothing is no rows."""
BODIES = {name: [b for s in samples_of(name) for b in s.bodies] for name in CONNECTORS}

providers = pytest.mark.parametrize("connector", CONNECTORS.values(), ids=CONNECTORS)
samples = pytest.mark.parametrize("sample", all_samples(), ids=str)


@providers
def test_a_connector_is_found_by_its_own_name(connector: Connector) -> None:
    assert connector_named(connector.provider) is connector


def test_an_unknown_provider_is_named_with_those_that_there_are() -> None:
    with pytest.raises(UnknownProviderError, match="square"):
        connector_named("abacus")


@providers
def test_a_connector_brings_golden_samples(connector: Connector) -> None:
    assert samples_of(connector.provider)


@providers
def test_a_day_is_asked_for_of_every_provider_that_is_asked_anything(
    connector: Connector,
) -> None:
    home = home_of(connector.provider)
    talks = [connector.day(home, date(2026, 5, day)) for day in (4, 18)]
    first = [next(talk, None) for talk in talks]
    if connector.provider in NEVER_ASKED:
        assert first == [None, None]
    else:
        assert all(isinstance(one, Request) for one in first)


@providers
def test_a_day_that_the_provider_knows_nothing_of_brings_no_bodies(
    connector: Connector,
) -> None:
    if connector.provider in BY_ROWS:
        empty = Response(status=200, body=b"[]")
    else:
        empty = Response(status=404, body=b"{}")
    talk, answer = connector.day(home_of(connector.provider), date(2026, 5, 4)), None
    calls = 0
    with contextlib.suppress(StopIteration):
        while True:
            said = talk.send(answer)
            answer = empty if isinstance(said, Request) else None
            calls += isinstance(said, Request)
            if isinstance(said, Page) and said.resource == DAY_SUMS:
                (sums,) = (msgspec.json.decode(body, type=DaySums) for body in said.bodies)
                assert set(sums.figures) <= set(FIGURES)
            else:
                assert isinstance(said, Request) or not said.bodies
    assert calls < 100


@samples
def test_every_sample_means_what_it_says(sample: Sample, *, regold: bool) -> None:
    made = plain(transactions(CONNECTORS[sample.provider], sample.bodies))
    if regold:
        text = json.dumps(made, indent=1, ensure_ascii=False)
        sample.expected_path.write_text(f"{text}\n")
    assert made == json.loads(sample.expected_path.read_text())


@samples
def test_every_body_of_a_sample_is_understood(sample: Sample) -> None:
    for body in sample.bodies:
        assert not isinstance(read(CONNECTORS[sample.provider], body), Rejected | Ignored)


@samples
@settings(max_examples=15)
@given(data=st.data())
def test_neither_order_nor_repetition_of_bodies_matters(
    sample: Sample, data: st.DataObject
) -> None:
    connector, bodies = CONNECTORS[sample.provider], sample.bodies
    once = data.draw(st.permutations(bodies))
    again = data.draw(st.lists(st.sampled_from(bodies), max_size=5))
    shuffled = data.draw(st.permutations([*once, *again]))
    assert transactions(connector, shuffled) == transactions(connector, bodies)


@samples
def test_every_transaction_obeys_the_laws_at_every_moment(sample: Sample) -> None:
    connector, bodies = CONNECTORS[sample.provider], sample.bodies
    for known in range(1, len(bodies) + 1):
        for transaction in transactions(connector, bodies[:known]):
            assert list(broken_laws(transaction)) == []


@samples
def test_no_float_gets_in(sample: Sample) -> None:
    made = transactions(CONNECTORS[sample.provider], sample.bodies)

    def floats(value: object) -> bool:
        if isinstance(value, dict):
            return any(map(floats, value.values()))
        if isinstance(value, list | tuple):
            return any(map(floats, value))
        return isinstance(value, float)

    assert not floats(msgspec.to_builtins(made))


def _believable(connector: Connector, body: bytes) -> None:
    home = home_of(connector.provider)
    for shop in (home, msgspec.structs.replace(home, location_id="")):
        outcome = read(connector, body, shop)
        assert isinstance(outcome, OUTCOMES)
        if isinstance(outcome, Rejected):
            assert outcome.error_type in ERROR_TYPES
            assert len(outcome.reason) <= 300
        for transaction in transactions(connector, [body], shop):
            assert list(broken_laws(transaction)) == []
    connector.route(body)


@providers
@settings(max_examples=200)
@given(body=st.binary(max_size=400))
def test_garbage_never_raises(connector: Connector, body: bytes) -> None:
    _believable(connector, body)


def _json() -> st.SearchStrategy[object]:
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=10)
        | st.sampled_from(["2026-05-04T06:10:00Z", "9999-12-31T23:59:59-12:00", "-1", "1e3"])
    )
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
        ),
        max_leaves=5,
    )


def _mutated(data: st.DataObject, value: object) -> object:
    """Change one place, at any depth, of a JSON value."""
    inside = data.draw(st.integers(0, 9)) > 0
    if isinstance(value, dict) and value and inside:
        key = data.draw(st.sampled_from(sorted(value)))
        if data.draw(st.integers(0, 9)) == 0:
            return {name: value[name] for name in value if name != key}
        return {**value, key: _mutated(data, value[key])}
    if isinstance(value, list) and value and inside:
        at = data.draw(st.integers(0, len(value) - 1))
        return [*value[:at], _mutated(data, value[at]), *value[at + 1 :]]
    return data.draw(_json())


@providers
@settings(max_examples=400)
@given(data=st.data())
def test_a_damaged_body_never_raises_and_never_breaks_a_law(
    connector: Connector, data: st.DataObject
) -> None:
    body = data.draw(st.sampled_from(BODIES[connector.provider]))
    damaged = json.dumps(_mutated(data, json.loads(body))).encode("utf-8", "surrogatepass")
    _believable(connector, damaged)


@providers
@settings(max_examples=150)
@given(data=st.data())
def test_a_cut_or_flipped_body_never_raises(connector: Connector, data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from(BODIES[connector.provider])))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] = data.draw(st.integers(0, 255))
    end = data.draw(st.sampled_from([len(body), at, at + 1]))
    _believable(connector, bytes(body[:end]))


@providers
def test_a_body_nested_a_thousand_deep_never_raises(connector: Connector) -> None:
    for deep in (b"[" * 1000 + b"]" * 1000, b'{"data":' * 1000 + b"1" + b"}" * 1000):
        assert isinstance(read(connector, deep), Rejected)
        inside = b'{"order":{"x":' + deep * 5 + b"}}"
        assert isinstance(read(connector, inside), Rejected)


@providers
def test_a_body_beyond_any_honest_size_is_too_large(connector: Connector) -> None:
    outcome = read(connector, b'{"order":"' + b"a" * (9 * 1024 * 1024) + b'"}')
    assert isinstance(outcome, Rejected)
    assert outcome.error_type == "too-large"
