"""The newest part wins, and which one is newest does not depend on the order of arrival."""

from __future__ import annotations

from functools import reduce
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.part import Part

PARTS = st.builds(
    Part,
    transaction=st.just("order:1"),
    part_id=st.just("payment:1"),
    version=st.integers(0, 2),
    updated_at_us=st.integers(0, 2),
    content=st.sampled_from([b"", b"a", b"b"]),
)


def newer(known: Part | None, part: Part) -> Part:
    return part if part.supersedes(known) else known or part


def newest(parts: list[Part]) -> Part | None:
    return reduce(newer, parts, None)


@given(PARTS)
def test_anything_is_newer_than_nothing_and_nothing_is_newer_than_itself(part: Part) -> None:
    assert part.supersedes(None)
    assert not part.supersedes(msgspec.structs.replace(part))


@given(PARTS, PARTS)
def test_of_two_different_parts_exactly_one_is_newer(one: Part, other: Part) -> None:
    assert (one.supersedes(other) + other.supersedes(one)) == (one != other)


@given(PARTS, PARTS, PARTS)
def test_newer_than_newer_is_newer(a: Part, b: Part, c: Part) -> None:
    if a.supersedes(b) and b.supersedes(c):
        assert a.supersedes(c)


@given(st.lists(PARTS, min_size=1, max_size=8), st.data())
def test_the_newest_is_the_same_in_any_order_with_any_duplicates(
    parts: list[Part], data: Any
) -> None:
    again = data.draw(st.lists(st.sampled_from(parts), max_size=4))
    shuffled = data.draw(st.permutations(parts + again))
    assert newest(shuffled) == newest(parts)


def test_version_decides_before_time_and_time_before_content() -> None:
    part = Part("order:1", "order", 1, 5, b"m")
    assert msgspec.structs.replace(part, version=2, updated_at_us=0, content=b"").supersedes(
        part
    )
    assert msgspec.structs.replace(part, updated_at_us=6, content=b"").supersedes(part)
    assert msgspec.structs.replace(part, content=b"n").supersedes(part)
