"""Scopes that an authorisation lacks: sales go on; people are told once, and when that ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.contract import Conversation, Page, Request, Response
from schemas import topics
from schemas.codec import unpack
from schemas.events import ErrorType, PosError
from schemas.sync import Circuit, SyncRun, SyncStatus
from streams.stages.scopes import scope_events, withheld_after
from streams.sync.scopes import ScopesSeen
from tests.streams.stage_kit import (
    MILL_LANE,
    RECEIVED,
    Normalise,
    control_record,
    decoded,
)
from tests.streams.test_circuit import a_control

ORDERS, SUPPLIERS = "orders:read", "suppliers:read"
NAMES = (ORDERS, SUPPLIERS, "stock:read")
SCOPES = st.frozensets(st.sampled_from(NAMES))
ALLOWED = 200


def told(
    stage: Normalise, number: int, status: SyncStatus, **given: object
) -> list[tuple[ErrorType, str | None]]:
    """Have a run begin and end; return what people are told."""
    name, at = f"2026052{number}-run", RECEIVED + timedelta(hours=number)
    fields = {"started_at": at, "at": at}
    stage.take([control_record(SyncStatus.RUNNING, name, **fields)])
    effects = stage.take([control_record(status, name, **fields, **given)])
    return [
        (one.error_type, one.action_required)
        for one in decoded(effects, topics.ERRORS, PosError)
        if one.error_type.value.startswith("scope")
    ]


def test_a_scope_that_lacks_is_told_once_and_once_more_when_it_was_granted() -> None:
    stage, done = Normalise(), SyncStatus.COMPLETED
    ((kind, action),) = told(stage, 1, done, withheld=(ORDERS,))
    assert kind is ErrorType.SCOPE_MISSING
    assert action is not None
    assert action.startswith(f"reconnect the account to grant {ORDERS}")
    assert told(stage, 2, done, withheld=(ORDERS,)) == []
    assert told(stage, 3, done) == [], "what was not asked is as it was"
    assert told(stage, 4, SyncStatus.FAILED, withheld=(ORDERS,)) == []
    assert told(stage, 5, done, granted=(ORDERS,)) == [(ErrorType.SCOPE_GRANTED, None)]
    assert told(stage, 6, done, granted=(ORDERS,)) == []
    ((kind, _),) = told(stage, 7, done, withheld=(ORDERS, SUPPLIERS))
    assert kind is ErrorType.SCOPE_MISSING


def test_the_row_of_a_run_says_which_scopes_are_lacking() -> None:
    stage = Normalise()
    told(stage, 1, SyncStatus.COMPLETED, withheld=(SUPPLIERS, ORDERS))
    told(stage, 2, SyncStatus.COMPLETED, granted=(ORDERS,))
    rows = stage.state.scan("syncs", b"mill-lane/")
    lacking = [unpack(SyncRun, row).withheld for _, row in sorted(rows.items())]
    assert lacking == [(ORDERS, SUPPLIERS), (SUPPLIERS,)]


@given(st.lists(st.tuples(SCOPES, SCOPES), max_size=8))
def test_what_was_told_adds_up_to_what_is_lacking(
    runs: list[tuple[frozenset[str], frozenset[str]]],
) -> None:
    lacking, known = frozenset[str](), frozenset[str]()
    for withheld, granted in runs:
        seen = replace(
            a_control(SyncStatus.COMPLETED, Circuit.CLOSED, 0),
            withheld=tuple(withheld),
            granted=tuple(granted),
        )
        for event in scope_events(MILL_LANE, lacking, seen):
            named = frozenset(scope for scope in NAMES if scope in event.error_message)
            known = known - named if event.error_type.is_good_news else known | named
        lacking = withheld_after(lacking, seen)
        assert known == lacking
        assert withheld <= lacking


def asking(*statuses: int) -> Conversation:
    """Ask as often as there are statuses, and bring what was allowed."""
    for _ in statuses:
        answer = yield Request(method="GET", path="/orders", forgone=ORDERS)
        assert answer is not None
        yield Page(resource="order", bodies=(answer.body,) if answer.status == ALLOWED else ())
    yield from plain()


def plain() -> Conversation:
    """Ask for what nobody may do without."""
    answer = yield Request(method="GET", path="/sales")
    yield Page(resource="sale", bodies=(b"",) if answer is None else (answer.body,))


def carried(talk: Conversation, statuses: Sequence[int]) -> list[Page]:
    """Answer a conversation and return its pages."""
    pages, left, answer = [], iter(statuses), None
    while True:
        try:
            said = talk.send(answer)
        except StopIteration:
            return pages
        answer = None
        if isinstance(said, Page):
            pages.append(said)
        else:
            answer = Response(status=next(left, ALLOWED), body=b"{}")


@pytest.mark.parametrize(
    ("statuses", "withheld", "granted"),
    [
        ((), set(), set()),
        ((403,), {ORDERS}, set()),
        ((200, 404), set(), {ORDERS}),
        ((200, 403), {ORDERS}, {ORDERS}),
    ],
)
def test_a_run_hears_what_is_withheld_and_its_conversation_stays_as_it_is(
    statuses: Sequence[int], withheld: set[str], granted: set[str]
) -> None:
    seen = ScopesSeen()
    heard = carried(seen.listening(asking(*statuses)), statuses)
    assert heard == carried(asking(*statuses), statuses)
    assert (seen.withheld, seen.granted) == (withheld, granted)


def test_a_conversation_that_is_listened_to_is_closed_with_its_listener() -> None:
    closed = []

    def talk() -> Conversation:
        try:
            yield Page(resource="sale", bodies=())
            yield Page(resource="sale", bodies=())
        finally:
            closed.append(True)

    listened = ScopesSeen().listening(talk())
    next(listened)
    listened.close()
    assert closed == [True]
