"""The schema files: one per version of a record, and which wire id stands for which file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple, Protocol

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


class SchemaIds(Protocol):
    """Who gives out the ids of the wire: the table below, or a registry of the same files."""

    def table(self) -> Mapping[int, SchemaFile]:
        """Return every id that may be met; each file has at least one."""
        ...


class OwnIds:
    """The ids of `avro/ids.json`, for logs without a registry; an id is never given twice."""

    def table(self) -> Mapping[int, SchemaFile]:
        """Return what the file says."""
        named = msgspec.json.decode(
            _FOLDER.joinpath("ids.json").read_bytes(), type=dict[int, str]
        )
        return {number: SchemaFile.named(name) for number, name in named.items()}


@cache
def _parsed(file: SchemaFile) -> Schema:
    schema: Schema = fastavro.parse_schema(msgspec.json.decode(file.text()))
    return schema
