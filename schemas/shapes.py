"""What the Avro compilers need to know of a struct: its fields in the order of the schema."""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from schemas.avsc import Schema

Orders = dict[str, list[str]]
"""Field names of each record of a schema, in the order of the wire, by the record's name."""


class SchemaDriftError(Exception):
    """A struct and its newest schema have different fields: write the next version's file."""


def orders_of(schema: Schema) -> Orders:
    """Return the field orders of a schema's record and of all records inside it."""
    return dict(_records(schema))


def fields_of(cls: type[msgspec.Struct], orders: Orders) -> list[tuple[str, Any]]:
    """
    Return names and types of a struct's fields as they follow each other on the wire.

    Raises:
        SchemaDriftError: names the fields that only one side has.
    """
    order = orders.get(cls.__name__, [])
    types = get_type_hints(cls)
    odd = set(order) ^ set(cls.__struct_fields__)
    if odd:
        raise SchemaDriftError(f"{cls.__name__} and its schema differ in {sorted(odd)}")
    return [(name, types[name]) for name in order]


def optional(hint: Any) -> Any | None:
    """Return what is beside None in a nullable type; None when the type is not nullable."""
    if get_origin(hint) not in (Union, UnionType):
        return None
    (inside,) = (one for one in get_args(hint) if one is not NoneType)
    return inside


def items(hint: Any) -> Any | None:
    """Return the type of a sequence's items; None when it is no sequence."""
    return get_args(hint)[0] if get_origin(hint) in (tuple, list) else None


def values(hint: Any) -> Any | None:
    """Return the type of a text-keyed map's values; None when it is no map."""
    return get_args(hint)[1] if get_origin(hint) is dict else None


def _records(node: Any) -> Iterator[tuple[str, list[str]]]:
    if isinstance(node, list):
        for one in node:
            yield from _records(one)
    elif isinstance(node, dict):
        if node.get("type") == "record":
            name = node["name"].rpartition(".")[2]
            yield name, [field["name"] for field in node["fields"]]
            for field in node["fields"]:
                yield from _records(field["type"])
        else:
            for key in ("type", "items", "values"):
                yield from _records(node.get(key))
