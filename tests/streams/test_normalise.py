"""Raw events become transactions: in whatever order, or rejected with the reason."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas import topics
from schemas.account import Account, AccountStatus
from schemas.catalogue import MappingType, ProductMapping
from schemas.codec import encode
from schemas.events import ErrorType, PosError, SyncCompleted
from schemas.raw import Channel
from schemas.sealing import KeyRing, Sealer, generate_master_key
from schemas.sync import Fetch, SyncRun, SyncStatus
from schemas.transaction import Status, Transaction
from streams.errors import SetupError
from streams.log import Record
from streams.stages.normalise import normaliser
from tests.connectors.golden import samples_of
from tests.streams.stage_kit import (
    MILL_LANE,
    RECEIVED,
    Normalise,
    account_record,
    chunks,
    control_record,
    decoded,
    raw_record,
)

SAMPLES = {str(sample).partition("/")[2]: sample for sample in samples_of("square")}
DAY = [body for sample in SAMPLES.values() for body in sample.bodies]


def comparable(transactions: dict[str, Transaction]) -> dict[str, Transaction]:
    """The revision counts what this log learnt, so it alone depends on the order."""
    return {name: replace(tx, revision=0) for name, tx in transactions.items()}


def in_one_chunk(bodies: list[bytes]) -> dict[str, Transaction]:
    stage = Normalise()
    stage.take([raw_record(body) for body in bodies])
    return comparable(stage.transactions)


THE_DAY = in_one_chunk(DAY)


def test_the_samples_of_a_day_become_transactions() -> None:
    assert len(THE_DAY) > 30
    assert {tx.status for tx in THE_DAY.values()} == set(Status)


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_any_order_with_any_duplication_gives_the_same_transactions(
    seed: int, size: int
) -> None:
    chance = random.Random(seed)
    bodies = DAY + chance.choices(DAY, k=len(DAY) // 3)
    chance.shuffle(bodies)
    stage = Normalise()
    for chunk in chunks(bodies, size):
        stage.take([raw_record(body) for body in chunk])
    assert comparable(stage.transactions) == THE_DAY


def test_what_is_known_already_emits_nothing() -> None:
    stage = Normalise()
    records = [raw_record(body) for body in DAY]
    stage.take(records)
    again = stage.take(records)
    assert topics.TRANSACTIONS not in again.outputs
    assert topics.CATALOG not in again.outputs
    assert topics.STOCK_COUNTS not in again.outputs


def test_a_sync_run_ends_with_exact_counts() -> None:
    stage = Normalise()
    known, fresh = SAMPLES["split-tenders"].bodies, SAMPLES["card-with-tip"].bodies
    stage.take([raw_record(body) for body in known])
    poll = [
        raw_record(body, channel=Channel.POLL, sync_id="s1")
        for body in (*known, *fresh, b"not json")
    ]
    effects = stage.take(
        [
            control_record(SyncStatus.RUNNING),
            *poll,
            control_record(SyncStatus.COMPLETED, fetched=len(poll), watermark=RECEIVED),
        ]
    )
    (event,) = decoded(effects, topics.SYNC_COMPLETED, SyncCompleted)
    assert (event.status, event.transactions_new, event.transactions_updated) == (
        "completed",
        1,
        0,
    )
    assert event.duplicates == len(known)
    assert event.transactions_failed == 1
    assert event.sync_duration_seconds == 7
    assert event.location_name == "Mill Lane"
    run = decoded(effects, topics.SYNCS, SyncRun)[-1]
    assert (run.fetched, run.watermark) == (len(poll), RECEIVED)


def test_a_control_record_that_comes_twice_completes_a_run_once() -> None:
    stage = Normalise()
    end = control_record(SyncStatus.COMPLETED)
    first = stage.take([control_record(SyncStatus.RUNNING), end])
    assert len(first.outputs[topics.SYNC_COMPLETED]) == 1
    assert topics.SYNC_COMPLETED not in stage.take([end]).outputs


def test_a_failed_run_says_why_and_what_a_person_must_do() -> None:
    stage = Normalise()
    failed = control_record(
        SyncStatus.FAILED,
        error="401",
        error_type="authentication_failed",
        action_required="reconnect",
        consecutive_failures=3,
    )
    effects = stage.take([control_record(SyncStatus.RUNNING), failed])
    (error,) = decoded(effects, topics.ERRORS, PosError)
    assert error.error_type is ErrorType.AUTHENTICATION_FAILED
    assert (error.consecutive_failures, error.action_required) == (3, "reconnect")


STUB = json.dumps(
    {
        "merchant_id": "MBAKERY",
        "type": "order.updated",
        "event_id": "e1",
        "data": {
            "type": "order_updated",
            "id": "o1",
            "object": {
                "order_updated": {
                    "order_id": "o1",
                    "version": 2,
                    "state": "OPEN",
                    "location_id": "LBAKERY01",
                }
            },
        },
    }
).encode()


def test_a_stub_is_fetched_once_a_chunk_and_not_when_the_version_is_known() -> None:
    stage = Normalise()
    effects = stage.take([raw_record(STUB), raw_record(STUB)])
    (fetch,) = decoded(effects, topics.FETCHES, Fetch)
    assert (fetch.resource, fetch.account_id) == ("orders/o1", "mill-lane")
    order = {
        "id": "o1",
        "location_id": "LBAKERY01",
        "state": "OPEN",
        "version": 2,
        "created_at": "2026-05-20T08:00:00Z",
        "updated_at": "2026-05-20T08:00:00Z",
        "total_money": {"amount": 0, "currency": "EUR"},
    }
    stage.take([raw_record(json.dumps(order).encode(), channel=Channel.FETCH)])
    assert topics.FETCHES not in stage.take([raw_record(STUB)]).outputs


@pytest.mark.parametrize(
    ("record", "error_type"),
    [
        (raw_record(b"\x00garbage"), "unreadable"),
        (raw_record(b'{"order": {"id": "tru'), "unreadable"),
        (raw_record(b"[" * 1000 + b"]" * 1000), "unreadable"),
        (raw_record(b"{}", account_id="nobody"), "unknown-account"),
        (Record(topics.RAW, 0, 0, 0, b"k", b"\x00\x00\x00\x00\x09short"), "undecodable"),
    ],
)
def test_what_cannot_be_believed_is_rejected_with_the_reason(
    record: Record, error_type: str
) -> None:
    stage = Normalise()
    sale = [raw_record(body) for body in SAMPLES["card-with-tip"].bodies]
    effects = stage.take([record, *sale])
    (letter,) = effects.rejected
    assert letter.error_type == error_type
    assert letter.reason
    assert letter.record is record
    assert len(stage.transactions) == 1


def test_a_body_sealed_for_another_record_is_rejected() -> None:
    one, other = raw_record(b'{"a": 1}'), raw_record(b'{"a": 2}')
    sealed = other.value[other.value.index(b"\x01\x00") :] if other.value else b""
    forged = one.value[: one.value.index(b"\x01\x00")] + sealed if one.value else b""
    effects = Normalise().take([Record(one.topic, 0, 0, 0, one.key, forged)])
    assert effects.rejected[0].error_type in {"seal-broken", "undecodable"}


def test_a_missing_master_key_stops_the_lane_and_rejects_nothing() -> None:
    stranger = Sealer(KeyRing.from_text(f"k2:{generate_master_key()}"))
    stage = Normalise()
    stage.step = normaliser({}, stranger)
    with pytest.raises(SetupError, match="k1"):
        stage.take([raw_record(b"{}")])


REVOKED = json.dumps(
    {
        "merchant_id": "MBAKERY",
        "type": "oauth.authorization.revoked",
        "event_id": "e2",
        "created_at": "2026-05-20T08:00:00Z",
        "data": {
            "type": "revocation",
            "id": "r1",
            "object": {"revocation": {"revoked_at": "2026-05-20T08:00:00Z"}},
        },
    }
).encode()


def test_a_withdrawn_authorisation_stops_polling_and_tells_a_person() -> None:
    effects = Normalise().take([raw_record(REVOKED)])
    (account,) = decoded(effects, topics.ACCOUNTS, Account)
    (error,) = decoded(effects, topics.ERRORS, PosError)
    assert account.status is AccountStatus.REVOKED
    assert error.error_type is ErrorType.AUTHORIZATION_REVOKED
    assert error.action_required == "reconnect the account"


def test_a_revocation_from_before_the_reconnection_is_old_news() -> None:
    stage = Normalise(replace(MILL_LANE, updated_at=RECEIVED.replace(hour=13)))
    assert topics.ACCOUNTS not in stage.take([raw_record(REVOKED)]).outputs


def test_lines_are_stamped_with_the_mapping_known_at_the_time() -> None:
    stage = Normalise()
    bodies = SAMPLES["card-with-tip"].bodies
    stage.take([raw_record(body) for body in bodies])
    (unmapped,) = stage.transactions.values()
    line = unmapped.lines[0]
    assert line.product_id is None
    assert line.pos_product_id is not None
    mapping = ProductMapping(
        tenant_id="bakers",
        account_id="mill-lane",
        pos_product_id=line.pos_product_id,
        product_id="P1",
        type=MappingType.MANUAL,
        confidence=1.0,
        mapped_by="key",
        mapped_at=RECEIVED,
    )
    later = Normalise()
    key = f"mill-lane/{line.pos_product_id}".encode()
    later.take([Record(topics.MAPPINGS, 0, 0, 0, key, encode(mapping))])
    later.take([raw_record(body) for body in bodies])
    (mapped,) = later.transactions.values()
    assert mapped.lines[0].product_id == "P1"


def test_an_account_that_comes_in_the_same_chunk_is_known() -> None:
    stage = Normalise(None)
    bodies = SAMPLES["card-with-tip"].bodies
    effects = stage.take([*(raw_record(body) for body in bodies), account_record()])
    assert not effects.rejected
    assert len(stage.transactions) == 1
