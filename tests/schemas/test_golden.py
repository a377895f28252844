"""
Bytes that logs hold: every version of every schema decodes to the same value for ever.

`--regold` rewrites the newest versions' files; that is right only before a version is released.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from schemas.avsc import OwnIds, SchemaFile
from schemas.codec import decode, encode
from tests.schemas.records import RECORDS, TOPIC_OF, assert_same, example

FOLDER = Path(__file__).parent / "golden"
CLASS_OF = {topic: cls for cls, topic in TOPIC_OF.items()}
FILES = sorted(OwnIds().table().values())


def golden(file: SchemaFile, ending: str) -> Path:
    return FOLDER / f"{CLASS_OF[file.topic].__name__}.v{file.version}.{ending}"


@pytest.fixture
def rewritten(regold: bool) -> None:  # noqa: FBT001
    if not regold:
        return
    for file in {file.topic: file for file in FILES}.values():
        value = example(CLASS_OF[file.topic])
        golden(file, "bin").write_bytes(encode(value))
        text = msgspec.json.format(msgspec.json.encode(value), indent=2)
        golden(file, "json").write_bytes(text + b"\n")


@pytest.mark.usefixtures("rewritten")
@pytest.mark.parametrize("file", FILES, ids=str)
def test_golden_bytes_decode_to_the_same_value_for_ever(file: SchemaFile) -> None:
    cls = CLASS_OF[file.topic]
    value = msgspec.json.decode(golden(file, "json").read_bytes(), type=cls)
    assert_same(decode(cls, golden(file, "bin").read_bytes()), value)


@pytest.mark.usefixtures("rewritten")
@pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.__name__)
def test_today_the_same_value_still_gives_the_newest_golden_bytes(
    cls: type[msgspec.Struct],
) -> None:
    newest = max(file for file in FILES if file.topic == TOPIC_OF[cls])
    value = msgspec.json.decode(golden(newest, "json").read_bytes(), type=cls)
    assert encode(value) == golden(newest, "bin").read_bytes()


@pytest.mark.usefixtures("rewritten")
def test_no_golden_file_is_without_a_schema() -> None:
    wanted = {golden(file, ending) for file in FILES for ending in ("bin", "json")}
    assert set(FOLDER.iterdir()) == wanted
