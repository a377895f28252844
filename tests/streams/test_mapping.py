"""Who decides what a POS product is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from schemas import topics
from schemas.catalogue import MappingAction, MappingRequest, MappingType, ProductMapping
from schemas.codec import encode, unpack
from streams.log import Record
from streams.operations.rebuild import MemoryState
from streams.stages.mapping import SPEC, decide, reopening, step

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
MAP, UNMAP, SUGGEST = MappingAction.MAP, MappingAction.UNMAP, MappingAction.SUGGEST
MANUAL, AUTO, SKU = MappingType.MANUAL, MappingType.AUTO, MappingType.SKU


def ask(
    action: MappingAction,
    kind: MappingType,
    product: str | None = None,
    confidence: float = 1.0,
    *,
    minute: int = 0,
) -> MappingRequest:
    return MappingRequest(
        request_id=f"{action}{kind}{product}{confidence}{minute}",
        tenant_id="t",
        account_id="a",
        pos_product_id="p/1",
        action=action,
        type=kind,
        product_id=product,
        confidence=confidence,
        requested_by="owner" if kind is MANUAL else "match",
        requested_at=NINE + timedelta(minutes=minute),
    )


def reopened(minute: int) -> MappingRequest:
    at = NINE + timedelta(minutes=minute)
    return reopening("a", "p/1", tenant="t", request_id="r", by="owner", at=at)


def after(*requests: MappingRequest) -> ProductMapping | None:
    known: ProductMapping | None = None
    for request in requests:
        known = decide(known, request)
    return known


def product(*requests: MappingRequest) -> str | None:
    known = after(*requests)
    return known.product_id if known else None


def test_a_persons_word_is_never_overwritten_by_a_guess() -> None:
    said = ask(MAP, MANUAL, "mine")
    assert product(said, ask(MAP, SKU, "x", minute=5), ask(MAP, AUTO, "y", minute=9)) == "mine"


def test_a_person_overrules_a_guess_and_an_earlier_word() -> None:
    guess = ask(MAP, SKU, "x", minute=9)
    assert (
        product(guess, ask(MAP, MANUAL, "a", minute=1), ask(MAP, MANUAL, "b", minute=2)) == "b"
    )


def test_an_equal_sku_beats_a_similar_name_and_not_the_other_way_round() -> None:
    auto, sku = ask(MAP, AUTO, "x", 0.99), ask(MAP, SKU, "y")
    assert product(auto, sku) == product(sku, auto) == "y"


def test_a_later_guess_replaces_one_only_with_more_confidence() -> None:
    first = ask(MAP, AUTO, "x", 0.90)
    assert product(first, ask(MAP, AUTO, "y", 0.90)) == "x"
    assert product(first, ask(MAP, AUTO, "y", 0.95)) == "y"


def test_what_a_person_undid_stays_undone_until_a_person_asks_for_matching_again() -> None:
    guess = ask(MAP, AUTO, "x", 0.9)
    undone = (guess, ask(UNMAP, MANUAL, minute=1), guess)
    assert product(*undone) is None
    assert after(*undone, ask(SUGGEST, AUTO, "y", 0.7)) == after(*undone)
    assert product(*undone, reopened(2), guess) == "x"


def test_asking_for_matching_again_leaves_what_is_mapped_as_it_is() -> None:
    for made in (ask(MAP, MANUAL, "x"), ask(MAP, AUTO, "x", 0.9)):
        assert after(made, reopened(2)) == after(made)


def test_a_suggestion_is_never_applied_and_never_disturbs_a_mapping() -> None:
    known = after(ask(SUGGEST, AUTO, "x", 0.7), ask(SUGGEST, AUTO, "y", 0.75))
    assert known is not None
    assert (known.product_id, known.suggested_product_id) == (None, "y")
    mapped = ask(MAP, AUTO, "z", 0.9)
    assert after(mapped, ask(SUGGEST, AUTO, "x", 0.99)) == after(mapped)


def test_a_late_word_of_a_person_does_not_undo_a_newer_one() -> None:
    old, newer = ask(MAP, MANUAL, "old", minute=1), ask(MAP, MANUAL, "new", minute=2)
    assert product(old, newer, old) == product(newer, old) == "new"
    assert product(old, ask(UNMAP, MANUAL, minute=3), old) is None


requests = st.lists(
    st.one_of(
        st.builds(
            ask,
            st.sampled_from([MAP, SUGGEST]),
            st.sampled_from([AUTO, SKU]),
            st.sampled_from(["x", "y"]),
            st.sampled_from([0.7, 0.9]),
            minute=st.integers(0, 9),
        ),
        st.builds(ask, st.just(MAP), st.just(MANUAL), st.just("z"), minute=st.integers(0, 9)),
        st.builds(ask, st.just(UNMAP), st.just(MANUAL), minute=st.integers(0, 9)),
    ),
    max_size=8,
)


@given(requests)
def test_every_request_twice_gives_the_same_mapping(asked: list[MappingRequest]) -> None:
    assert after(*(one for one in asked for _ in range(2))) == after(*asked)


@given(requests)
def test_the_newest_word_of_a_person_stands_whatever_guesses_come_between(
    asked: list[MappingRequest],
) -> None:
    said = [one for one in asked if one.type is MANUAL]
    if said:
        last = max(enumerate(said), key=lambda item: (item[1].requested_at, item[0]))[1]
        assert product(*asked) == last.product_id


def record(value: bytes | None, offset: int = 0) -> Record:
    return Record(topics.MAPPING_REQUESTS, 0, offset, 0, b"a", value)


def test_the_stage_writes_only_rows_that_changed_and_can_fold_them_again() -> None:
    state = MemoryState()
    asked = [record(encode(ask(MAP, MANUAL, "mine")))]
    effects = step(asked, state)
    SPEC.check(effects)
    state.take(effects)
    row = effects.rows["mappings"][b"a/p/1"]
    assert row is not None
    assert unpack(ProductMapping, row).product_id == "mine"
    (out,) = effects.outputs[topics.MAPPINGS]
    again = Record(topics.MAPPINGS, 0, 0, 0, out.key, out.value)
    assert SPEC.tables[0].fold is not None
    assert dict(SPEC.tables[0].fold(again)) == effects.rows["mappings"]
    assert not step(asked, state).rows


def test_a_request_that_cannot_be_read_or_names_nothing_is_rejected_alone() -> None:
    asked = [record(b"?", 1), record(encode(ask(MAP, MANUAL))), record(None)]
    effects = step([*asked, record(encode(ask(MAP, AUTO, "x", 0.9)))], MemoryState())
    assert [one.error_type for one in effects.rejected] == ["undecodable", "invalid-request"]
    assert list(effects.rows["mappings"]) == [b"a/p/1"]
