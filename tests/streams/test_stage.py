"""Bisecting, dead letters and the rules that effects must keep; pure functions only."""

from __future__ import annotations

import pytest

from streams.bisecting import Bisection, TooManyInternalErrorsError
from streams.log import (
    DeadLetter,
    Effects,
    Out,
    Record,
    StageSpec,
    StateBrokenError,
    Table,
    UndeclaredError,
    rejection,
)
from streams.stage import Job
from streams.views import settling_order


class Rows:
    """Committed state of one table."""

    def __init__(self, **rows: bytes) -> None:
        self.rows = {key.encode(): row for key, row in rows.items()}

    def get(self, table, keys):
        return [self.rows.get(key) for key in keys]

    def scan(self, table, prefix):
        return {k: v for k, v in sorted(self.rows.items()) if k.startswith(prefix)}


def records(*values: bytes) -> list[Record]:
    return [Record("raw", 0, n, 1000 + n, b"k", value) for n, value in enumerate(values)]


def count(chunk, state):
    """Count values; raise on poison, also in the middle of a chunk."""
    rows = {}
    for record in chunk:
        if record.value == b"poison":
            raise KeyError("the poison's own text")
        known = rows.get(record.value) or state.get("counts", [record.value])[0] or b"0"
        rows[record.value] = b"%d" % (int(known) + 1)
    outs = [Out(record.key, record.value) for record in chunk]
    return Effects({"out": outs}, {"counts": rows})


def test_without_poison_a_step_runs_once_over_the_whole_chunk():
    runs = []
    Bisection(lambda chunk, _state: runs.append(len(chunk)) or Effects(), Rows(), 9).run(
        records(b"a", b"b", b"c")
    )
    assert runs == [3]


@pytest.mark.parametrize("at", range(8))
def test_poison_is_put_aside_and_the_rest_is_as_if_it_had_never_been_there(at):
    clean = [b"a", b"b", b"a", b"c", b"a", b"b", b"b"]
    state = Rows(a=b"10")
    effects = Bisection(count, state, 9).run(records(*clean[:at], b"poison", *clean[at:]))
    expected = count(records(*clean), state)
    assert effects.rows == expected.rows
    assert [out.value for out in effects.outputs["out"]] == clean
    (letter,) = effects.rejected
    assert (letter.record.value, letter.error_type) == (b"poison", "internal-error")
    assert letter.reason == "KeyError"


def test_too_much_poison_in_one_chunk_is_a_bug_and_stops_the_lane():
    chunk = records(*[b"poison"] * 10)
    assert len(Bisection(count, Rows(), 10).run(chunk).rejected) == 10
    with pytest.raises(TooManyInternalErrorsError) as raised:
        Bisection(count, Rows(), 9).run(chunk)
    assert "KeyError at test_stage.py:" in str(raised.value)
    assert "own text" not in str(raised.value)


def test_broken_state_is_never_a_records_fault():
    def step(chunk, state):
        raise StateBrokenError("bad block")

    with pytest.raises(StateBrokenError):
        Bisection(step, Rows(), 9).run(records(b"a"))


def test_the_right_half_sees_deletions_of_the_left_half():
    def step(chunk, state):
        if any(record.value == b"poison" for record in chunk):
            raise ValueError
        seen = [b",".join(state.scan("t", b"k")) for _ in chunk]
        rows = {record.value: None for record in chunk}
        return Effects({"out": [Out(b"", row) for row in seen]}, {"t": rows})

    state = Rows(k1=b"x", k2=b"x", k3=b"x")
    chunk = records(b"k1", b"poison", b"k3", b"k2")
    effects = Bisection(step, state, 9).run(chunk)
    seen = [out.value for out in effects.outputs["out"]]
    assert seen == [b"k1,k2,k3", b"k2,k3", b"k2,k3"]


def test_a_dead_letter_keeps_the_original_and_says_where_from_and_why():
    record = Record("raw", 3, 42, 1234, b"k", b"v", [("ce_id", b"7")])
    out = rejection("till", DeadLetter(record, "unreadable", "not JSON"))
    assert (out.key, out.value, out.lane) == (b"k", b"v", None)
    assert out.headers == [
        ("ce_id", b"7"),
        ("__rejected.topic", b"raw"),
        ("__rejected.partition", b"3"),
        ("__rejected.offset", b"42"),
        ("__rejected.timestamp", b"1234"),
        ("__rejected.stage", b"till"),
        ("__rejected.error.type", b"unreadable"),
        ("__rejected.error.reason", b"not JSON"),
    ]


SPEC = StageSpec(
    "s",
    ("in", "facts"),
    ("out", "log"),
    (
        Table("plain", "plain-log"),
        Table("derived", "log", lambda _record: []),
        Table("facts", "facts", lambda _record: []),
    ),
)
ROW = {b"k": b"v"}


@pytest.mark.parametrize(
    "effects",
    [
        Effects(),
        Effects({"out": [Out(b"k", b"v", (), 5)]}),
        Effects(rows={"plain": ROW, "facts": ROW}),
        Effects({"log": [Out(b"k", b"v")]}, {"derived": ROW}),
        Effects(rows={"derived": {}}),
    ],
)
def test_effects_that_can_be_recovered_are_accepted(effects):
    SPEC.check(effects)


@pytest.mark.parametrize(
    "effects",
    [
        Effects({"in": [Out(b"k", b"v")]}),
        Effects(rows={"unknown": ROW}),
        Effects(rows={"derived": ROW}),
        Effects({"log": [Out(b"k", b"v", (), 1)]}, {"derived": ROW}),
        Effects(rejected=[DeadLetter(records(b"x")[0], "t", "r")]),
    ],
)
def test_effects_that_could_not_be_recovered_are_refused(effects):
    with pytest.raises(UndeclaredError, match="stage s"):
        SPEC.check(effects)


def test_a_job_has_a_step_or_a_handler():
    async def handler(chunk):
        return Effects()

    assert Job(SPEC, handler=handler).step is None
    for wrong in ({}, {"step": count, "handler": handler}):
        with pytest.raises(ValueError, match="either a step or a handler"):
            Job(SPEC, **wrong)


def spec(name: str, sources: str, outputs: str) -> StageSpec:
    return StageSpec(name, tuple(sources.split()), tuple(outputs.split()))


def test_stages_settle_in_the_order_in_which_they_feed_each_other():
    specs = [spec("c", "y", ""), spec("b", "x", "y"), spec("a", "w", "x z"), spec("d", "z", "")]
    order = settling_order(specs)
    assert sorted(order) == ["a", "b", "c", "d"]
    assert order.index("a") < order.index("b") < order.index("c")
    assert order.index("a") < order.index("d")


def test_stages_in_a_circle_settle_twice_before_those_behind_them():
    specs = [
        spec("project", "transactions mappings", ""),
        spec("normalise", "raw mappings", "transactions needed"),
        spec("match", "needed products", "mappings"),
    ]
    assert settling_order(specs) == ["normalise", "match", "normalise", "match", "project"]
