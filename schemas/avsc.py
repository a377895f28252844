"""The schema files: one per version of a record, and which wire id stands for which file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import fastavro
import msgspec

_FOLDER = files("schemas").joinpath("avro")
_NAME = re.compile(r"(?P<topic>[a-z.-]+)\.v(?P<version>[1-9][0-9]*)\.avsc")

Schema = dict[str, Any]
"""An Avro schema as fastavro has parsed it."""


class SchemaFile(NamedTuple):
    """One version of one topic's record; a file is never changed once it has been released."""

    topic: str
    version: int

    @classmethod
    def named(cls, name: str) -> SchemaFile:
        """
        Read a file name such as "pos.sales.v1.avsc".

        Raises:
            ValueError: it is not such a name.
        """
        found = _NAME.fullmatch(name)
        if found is None:
            raise ValueError(f"not the name of a schema file: {name!r}")
        return cls(found["topic"], int(found["version"]))

    def __str__(self) -> str:
        return f"{self.topic}.v{self.version}.avsc"

    def text(self) -> str:
        """Return the schema as people wrote it, which is what a registry is given."""
        return _FOLDER.joinpath(str(self)).read_text(encoding="utf-8")

    def schema(self) -> Schema:
        """Return the schema, parsed once per process."""
        return _parsed(self)


class AmbiguousIdError(ValueError):
    """One id stands for two versions of a record: what it wrote could be read either way."""


class SchemaIds:
    """
    Which id of the wire stands for which file.

    Args:
        given: the ids to write with; each may be met, each file has one.
        older: ids that records of before carry. They may be the same numbers: a topic tells
            which file is meant, as a reader knows whose record it reads.
    """

    def __init__(
        self, given: Mapping[int, SchemaFile], older: Mapping[int, SchemaFile] | None = None
    ) -> None:
        self._given = dict(given)
        self._older = dict(older or {})

    def table(self) -> Mapping[int, SchemaFile]:
        """Return every id to write with."""
        return self._given

    def newest(self, topic: str) -> tuple[SchemaFile, int]:
        """Return the newest version of a topic's record, and the id to write it with."""
        return max(
            (file, number) for number, file in self._given.items() if file.topic == topic
        )

    def met(self, topic: str) -> Mapping[int, SchemaFile]:
        """
        Return every id that a record of a topic may carry.

        Raises:
            AmbiguousIdError: names the two versions.
        """
        found = {number: file for number, file in self._older.items() if file.topic == topic}
        for number, file in self._given.items():
            if file.topic == topic and found.setdefault(number, file) != file:
                raise AmbiguousIdError(f"id {number} stands for {found[number]} and {file}")
        return found


class OwnIds(SchemaIds):
    """The ids of `avro/ids.json`, for logs without a registry; an id is never given twice."""

    def __init__(self) -> None:
        named = msgspec.json.decode(
            _FOLDER.joinpath("ids.json").read_bytes(), type=dict[int, str]
        )
        super().__init__({number: SchemaFile.named(name) for number, name in named.items()})


@cache
def _parsed(file: SchemaFile) -> Schema:
    schema: Schema = fastavro.parse_schema(msgspec.json.decode(file.text()))
    return schema
