"""The schema files: complete, like the structs, documented, and compatible with their past."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import Any, get_type_hints

import fastavro
import msgspec
import pytest
from fastavro.utils import generate_many

import schemas
from schemas.avsc import OwnIds, SchemaFile
from schemas.codec import encode
from schemas.resolve import resolving_reader
from schemas.shapes import SchemaDriftError, fields_of, items, optional, orders_of, values
from schemas.topics import CATALOGUE
from tests.schemas.records import RECORDS, TOPIC_OF, example

FOLDER = Path(schemas.__file__).parent / "avro"
FILES = sorted(OwnIds().table().values())
PAIRS = [(a, b) for a, b in combinations(FILES, 2) if a.topic == b.topic]
INSTANT = {"type": "long", "logicalType": "timestamp-micros"}
DAY = {"type": "int", "logicalType": "date"}
SCALARS: dict[Any, Any] = {
    str: "string",
    int: "long",
    bool: "boolean",
    bytes: "bytes",
    float: "double",
    Decimal: "string",
    datetime: INSTANT,
    date: DAY,
}


def written(hint: Any) -> Any:
    """Return the Avro type that a field of this type must have; a record as its name."""
    if (inside := optional(hint)) is not None:
        return ["null", written(inside)]
    if (item := items(hint)) is not None:
        return {"type": "array", "items": written(item)}
    if (item := values(hint)) is not None:
        return {"type": "map", "values": written(item)}
    if hint in SCALARS:
        return SCALARS[hint]
    return "string" if issubclass(hint, StrEnum) else hint.__name__


def flat(node: Any) -> Any:
    """Replace each record inside a type by its name."""
    if isinstance(node, list):
        return [flat(one) for one in node]
    if isinstance(node, dict):
        if node.get("type") == "record":
            return node["name"]
        return {key: flat(value) for key, value in node.items()}
    return node


def records_in(node: Any) -> dict[str, dict[str, Any]]:
    if isinstance(node, list):
        return {name: one for each in node for name, one in records_in(each).items()}
    if not isinstance(node, dict):
        return {}
    found = {node["name"]: node} if node.get("type") == "record" else {}
    inner = [field["type"] for field in node.get("fields", ())]
    inner += [
        node[key] for key in ("type", "items", "values") if isinstance(node.get(key), dict)
    ]
    return found | records_in(inner)


def structs_in(cls: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct]]:
    found = {cls.__name__: cls}
    for hint in get_type_hints(cls).values():
        inside = optional(hint) or hint
        inside = items(inside) or values(inside) or inside
        if isinstance(inside, type) and issubclass(inside, msgspec.Struct):
            found |= structs_in(inside)
    return found


def source(file: SchemaFile) -> Any:
    return msgspec.json.decode(file.text())


def newest(cls: type[msgspec.Struct]) -> SchemaFile:
    return max(file for file in FILES if file.topic == TOPIC_OF[cls])


def backward_compatible(writer: Any, reader: Any) -> bool:
    """Say whether a reader with today's schema can read whatever the older one wrote."""
    old, new = fastavro.parse_schema(writer), fastavro.parse_schema(reader)
    try:
        for value in generate_many(old, 50):
            body = BytesIO()
            fastavro.schemaless_writer(body, old, value)
            body.seek(0)
            fastavro.schemaless_reader(body, old, new)
    except fastavro.read.SchemaResolutionError:
        return False
    return True


def test_every_topic_that_carries_records_has_a_schema_file_with_an_id() -> None:
    topics = {spec.name for spec in CATALOGUE if spec.record is not None}
    assert {file.topic for file in FILES} == topics


def test_every_schema_file_has_exactly_one_id() -> None:
    assert sorted(map(str, FILES)) == sorted(path.name for path in FOLDER.glob("*.avsc"))


def test_versions_are_numbered_without_gaps() -> None:
    for topic in {file.topic for file in FILES}:
        versions = [file.version for file in FILES if file.topic == topic]
        assert versions == list(range(1, len(versions) + 1))


@pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.__name__)
def test_struct_and_newest_schema_have_the_same_fields_of_the_same_types(
    cls: type[msgspec.Struct],
) -> None:
    found = records_in(source(newest(cls)))
    structs = structs_in(cls)
    assert set(found) == set(structs)
    for name, struct in structs.items():
        types = {field["name"]: flat(field["type"]) for field in found[name]["fields"]}
        hints = get_type_hints(struct)
        assert types == {field: written(hint) for field, hint in hints.items()}


@pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.__name__)
def test_a_field_with_a_default_has_the_same_default_in_the_schema(
    cls: type[msgspec.Struct],
) -> None:
    found = records_in(source(newest(cls)))
    for name, struct in structs_in(cls).items():
        fields = {field["name"]: field for field in found[name]["fields"]}
        for field in msgspec.structs.fields(struct):
            if field.default is not msgspec.NODEFAULT:
                plain = msgspec.json.decode(msgspec.json.encode(field.default))
                assert fields[field.name].get("default", "none") == plain, field.name


@pytest.mark.parametrize("file", FILES, ids=str)
def test_every_record_and_field_says_what_it_is(file: SchemaFile) -> None:
    for record in records_in(source(file)).values():
        assert record["doc"].endswith(".")
        for field in record["fields"]:
            assert field["doc"].endswith((".", ";")), field["name"]


@pytest.mark.parametrize("file", FILES, ids=str)
def test_null_comes_first_and_is_the_default(file: SchemaFile) -> None:
    for record in records_in(source(file)).values():
        for field in record["fields"]:
            if isinstance(field["type"], list):
                assert field["type"][0] == "null"
                assert field["default"] is None


@pytest.mark.parametrize("file", FILES, ids=str)
def test_records_live_in_one_namespace(file: SchemaFile) -> None:
    assert source(file)["namespace"] == "tillstream.pos"


def test_every_version_reads_what_all_versions_before_it_wrote() -> None:
    broken = [
        f"{newer} cannot read {older}"
        for older, newer in PAIRS
        if not backward_compatible(source(older), source(newer))
    ]
    assert broken == []


def record(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": list(fields)}


NAME = {"name": "name", "type": "string"}


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        (record(NAME, {"name": "more", "type": ["null", "long"], "default": None}), True),
        (record(), True),
        (record({"name": "name", "type": ["null", "string"]}), True),
        (record(NAME, {"name": "more", "type": "long"}), False),
        (record({"name": "name", "type": "long"}), False),
        (record({"name": "title", "type": "string"}), False),
    ],
    ids=["new with default", "dropped", "now nullable", "no default", "retyped", "renamed"],
)
def test_the_check_of_versions_can_tell_a_breaking_change(
    change: dict[str, Any],
    allowed: bool,  # noqa: FBT001
) -> None:
    assert backward_compatible(record(NAME), change) is allowed


LATER = [
    (cls, field["name"])
    for cls in RECORDS
    for field in newest(cls).schema()["fields"]
    if "default" in field and not records_in(field["type"])
]


def default_of(cls: type[msgspec.Struct], name: str) -> Any:
    field = next(one for one in msgspec.structs.fields(cls) if one.name == name)
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None if field.default is msgspec.NODEFAULT else field.default


@pytest.mark.parametrize(("cls", "field"), LATER, ids=str)
def test_a_field_that_an_older_version_did_not_have_reads_as_its_default(
    cls: type[msgspec.Struct], field: str
) -> None:
    older, value = source(newest(cls)), example(cls)
    older["fields"] = [one for one in older["fields"] if one["name"] != field]
    old, body = fastavro.parse_schema(older), BytesIO()
    plain = msgspec.to_builtins(value, builtin_types=(bytes, datetime, date))
    fastavro.schemaless_writer(body, old, plain)
    read = resolving_reader(cls, old, newest(cls).schema())(b"12345" + body.getvalue(), 5)
    assert read == msgspec.structs.replace(value, **{field: default_of(cls, field)})


def test_a_struct_that_has_moved_away_from_its_schema_is_refused_by_name() -> None:
    class SalesRow(msgspec.Struct):
        invented: int

    orders = orders_of(SchemaFile.named("pos.sales.v1.avsc").schema())
    with pytest.raises(SchemaDriftError, match="invented"):
        fields_of(SalesRow, orders)


@pytest.mark.parametrize("name", ["pos.sales.avsc", "pos.sales.v0.avsc", "../x.v1.avsc", ""])
def test_other_names_are_no_schema_files(name: str) -> None:
    with pytest.raises(ValueError, match="not the name"):
        SchemaFile.named(name)


def test_what_is_written_is_small() -> None:
    change = next(cls for cls in RECORDS if cls.__name__ == "TransactionChange")
    value = example(change)
    assert len(encode(value)) < len(msgspec.json.encode(value)) / 1.5
