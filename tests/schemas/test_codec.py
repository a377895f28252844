"""Records on the wire: what is written is read again, by us and by any Avro reader."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from io import BytesIO
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec, wirewrite
from schemas.avsc import AmbiguousIdError, OwnIds, SchemaFile, SchemaIds
from schemas.codec import UndecodableError, UnencodableError, decode, encode, pack, unpack
from schemas.events import MappingNeeded
from schemas.raw import Channel, RawEvent
from schemas.rows import SalesRow
from tests.schemas.records import RECORDS, TOPIC_OF, assert_same, example, records

HEADER = 5
NEWEST = {file.topic: number for number, file in sorted(OwnIds().table().items())}
any_record = pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.__name__)


def schema_of(cls: type[msgspec.Struct]) -> dict[str, Any]:
    return OwnIds().table()[NEWEST[TOPIC_OF[cls]]].schema()


def as_avro(record: Any) -> Any:
    """Say it in the words of a general Avro library."""
    return listed(msgspec.to_builtins(record, builtin_types=(bytes, datetime, date)))


def listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: listed(one) for key, one in value.items()}
    return [listed(one) for one in value] if isinstance(value, (list, tuple)) else value


def raw_event(**changed: Any) -> RawEvent:
    return msgspec.structs.replace(example(RawEvent), **changed)


@any_record
@settings(max_examples=12)
@given(data=st.data())
def test_every_record_comes_back_as_it_was(cls: type[msgspec.Struct], data: Any) -> None:
    record = data.draw(records(cls))
    assert_same(decode(cls, encode(record)), record)
    assert_same(unpack(cls, pack(record)), record)


@any_record
@settings(max_examples=12)
@given(data=st.data())
def test_other_avro_libraries_write_the_same_bytes(
    cls: type[msgspec.Struct], data: Any
) -> None:
    record = data.draw(records(cls))
    theirs = BytesIO()
    fastavro.schemaless_writer(theirs, schema_of(cls), as_avro(record))
    assert encode(record)[HEADER:] == theirs.getvalue()


@any_record
def test_other_avro_libraries_read_what_we_write(cls: type[msgspec.Struct]) -> None:
    record = example(cls)
    body = BytesIO(encode(record)[HEADER:])
    assert fastavro.schemaless_reader(body, schema_of(cls), None) == as_avro(record)


@any_record
def test_a_record_begins_with_the_magic_byte_and_the_id_of_its_newest_schema(
    cls: type[msgspec.Struct],
) -> None:
    number = NEWEST[TOPIC_OF[cls]]
    assert encode(example(cls))[:HEADER] == b"\x00" + number.to_bytes(4, "big")


@any_record
@settings(max_examples=12)
@given(data=st.data())
def test_truncated_bytes_are_undecodable(cls: type[msgspec.Struct], data: Any) -> None:
    whole = encode(example(cls))
    part = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(UndecodableError):
        decode(cls, part)


@any_record
@settings(max_examples=12)
@given(data=st.data())
def test_damaged_bytes_give_another_record_or_are_undecodable_and_nothing_else(
    cls: type[msgspec.Struct], data: Any
) -> None:
    damaged = bytearray(encode(example(cls)))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with suppress(UndecodableError):
        assert isinstance(decode(cls, bytes(damaged)), cls)


@any_record
@settings(max_examples=12)
@given(noise=st.binary(max_size=200))
def test_noise_is_undecodable_or_a_record(cls: type[msgspec.Struct], noise: bytes) -> None:
    header = encode(example(cls))[:HEADER]
    for data in (noise, header + noise):
        with suppress(UndecodableError):
            assert isinstance(decode(cls, data), cls)
    with suppress(UndecodableError):
        assert isinstance(unpack(cls, noise), cls)


def test_bytes_after_the_record_are_an_error() -> None:
    with pytest.raises(UndecodableError):
        decode(RawEvent, encode(example(RawEvent)) + b"\x00")


def test_a_wrong_magic_byte_is_named() -> None:
    with pytest.raises(UndecodableError, match="magic byte 0x00"):
        decode(RawEvent, b"\x01" + encode(example(RawEvent))[1:])


def test_an_unknown_schema_id_is_named() -> None:
    with pytest.raises(UndecodableError, match="no schema has the id 99999"):
        decode(RawEvent, b"\x00" + (99_999).to_bytes(4, "big") + b"x")


def test_the_record_of_another_topic_is_refused_by_name() -> None:
    with pytest.raises(UndecodableError, match=r"pos\.raw\.v1\.avsc"):
        decode(SalesRow, encode(example(RawEvent)))


def test_errors_never_quote_the_data() -> None:
    data = encode(raw_event(merchant="Mrs Robinson", resource="secret" * 5))
    with pytest.raises(UndecodableError) as caught:
        decode(RawEvent, data[:-3])
    assert "Robinson" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_length_that_is_negative_or_huge_is_undecodable_at_once() -> None:
    header = encode(example(RawEvent))[:HEADER]
    for length in (b"\x01", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\xff" * 12):
        with pytest.raises(UndecodableError):
            decode(RawEvent, header + length + b"rest")


def test_a_value_of_a_closed_set_that_is_not_known_is_undecodable() -> None:
    class Later(StrEnum):
        PIGEON = "pigeon"

    data = encode(raw_event(channel=Later.PIGEON))
    with pytest.raises(UndecodableError):
        decode(RawEvent, data)


def test_arrays_in_many_blocks_and_with_byte_counts_are_read() -> None:
    record = example(MappingNeeded)
    schema = schema_of(MappingNeeded)
    two = fastavro.schemaless_reader(BytesIO(encode(record)[HEADER:]), schema, None)
    body = BytesIO()
    fastavro.schemaless_writer(body, schema, two | {"new_products": []})
    sample = next(f for f in schema["fields"] if f["name"] == "sample_unmapped_products")
    samples = []
    for one in two["new_products"]:
        each = BytesIO()
        fastavro.schemaless_writer(each, sample["type"]["items"], one)
        samples.append(each.getvalue())
    blocks = b"".join(b"\x01" + zigzag(len(one)) + one for one in samples) + b"\x00"
    written = body.getvalue()
    tail = written[-len(instant(record.timestamp)) :]
    split = written[: -len(tail) - 1] + blocks + tail
    assert decode(MappingNeeded, encode(record)[:HEADER] + split) == record


def instant(moment: datetime) -> bytes:
    return zigzag((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))


def zigzag(number: int) -> bytes:
    rest, out = number << 1, bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*out, rest])


def test_instants_are_utc_whatever_zone_they_were_given_in() -> None:
    noon = datetime(2026, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    read = decode(RawEvent, encode(raw_event(received_at=noon))).received_at
    assert read == noon
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "wrong",
    [
        {"received_at": datetime(2026, 5, 1)},  # noqa: DTZ001 - the mistake itself
        {"resource": "\ud800"},
        {"raw_id": None},
        {"headers": {"a": 1}},
    ],
    ids=["naive time", "lone surrogate", "no text", "number for text"],
)
def test_what_the_schema_cannot_hold_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UnencodableError):
        encode(raw_event(**wrong))


def test_more_than_64_bits_are_refused() -> None:
    with pytest.raises(UnencodableError):
        encode(msgspec.structs.replace(example(SalesRow), net=2**63))


def test_quantities_keep_every_digit() -> None:
    exact = Decimal("12345678901234567890.000000000000000000001230")
    row = msgspec.structs.replace(example(SalesRow), units=exact)
    assert str(decode(SalesRow, encode(row)).units) == str(exact)


def test_a_type_without_a_schema_is_a_bug() -> None:
    class Stray(msgspec.Struct):
        name: str

    with pytest.raises(KeyError):
        encode(Stray("x"))


def test_ids_may_come_from_elsewhere() -> None:
    own = OwnIds().table()
    record = raw_event(channel=Channel.POLL)
    before = encode(record)
    codec.use_ids(SchemaIds({number + 70_000: file for number, file in own.items()}, own))
    try:
        assert decode(RawEvent, before) == record
        data = encode(record)
        assert int.from_bytes(data[1:HEADER], "big") == NEWEST["pos.raw"] + 70_000
        assert decode(RawEvent, data) == record
    finally:
        codec.use_ids(OwnIds())


def test_the_same_number_may_mean_something_else_in_another_topic() -> None:
    own = OwnIds().table()
    last = max(own)
    turned = {last + 1 - number: file for number, file in own.items()}
    record = raw_event(channel=Channel.POLL)
    before = encode(record)
    codec.use_ids(SchemaIds(turned, own))
    try:
        assert encode(record) != before
        assert decode(RawEvent, before) == decode(RawEvent, encode(record)) == record
    finally:
        codec.use_ids(OwnIds())


def test_the_same_number_for_two_versions_of_one_record_is_refused() -> None:
    one, two = SchemaFile("pos.raw", 1), SchemaFile("pos.raw", 2)
    with pytest.raises(AmbiguousIdError, match=r"id 7 stands for pos\.raw\.v1"):
        SchemaIds({7: two, 8: one}, {7: one}).met("pos.raw")


def test_texts_kept_at_hand_are_bounded_and_forgetting_them_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wirewrite, "_REMEMBERED_MAX", 8)
    kept = wirewrite._Texts()
    for number in [*range(100), *range(100)]:
        assert kept[f"text {number}"] == wirewrite._text(f"text {number}")
        assert len(kept) <= 8
