"""
Records to bytes and back.

Public topics hold Avro in Confluent framing: 0x00, the schema's id as four bytes big-endian,
the body. What a reader of another language should know of the schemas in `avro/`:

* instants are `timestamp-micros` in UTC, business days are `date`;
* amounts of money are whole minor units (`long`); quantities are decimal *text*, because Avro's
  own decimal fixes the scale in the schema and a scale is a property of the goods;
* closed sets are `string`s whose doc lists the values, not Avro enums: a new value must not
  make a record unreadable for those who do not care. Our own reader does care and refuses a
  value that it does not know; the record waits among the rejected for a newer program.

Local state rows are MessagePack of the same structs (`pack`, `unpack`): several times faster,
and nobody else reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec

from schemas.avsc import OwnIds, SchemaFile, SchemaIds
from schemas.resolve import resolving_reader
from schemas.topics import CATALOGUE
from schemas.wireread import body_reader
from schemas.wirewrite import body_writer

R = TypeVar("R", bound=msgspec.Struct)

_HEADER_BYTES = 5
_TOPICS = {spec.record: spec.name for spec in CATALOGUE if spec.record is not None}


class UndecodableError(ValueError):
    """These bytes are not a record of that type; the text says why and never quotes them."""


class UnencodableError(ValueError):
    """A record holds what its schema cannot: a naive time, broken text, more than 64 bits."""


class _Encoders(dict[type[msgspec.Struct], Callable[[Any], bytes]]):
    """Makes the encoder of a record type when it is first needed."""

    def __missing__(self, cls: type[msgspec.Struct]) -> Callable[[Any], bytes]:
        newest, number = _newest(cls)
        encoder = body_writer(cls, newest.schema(), _header(number))
        self[cls] = encoder
        return encoder


class _Decoders(dict[type[msgspec.Struct], dict[bytes, Callable[[bytes, int], Any]]]):
    """Makes the decoders of a record type, by header, when they are first needed."""

    def __missing__(
        self, cls: type[msgspec.Struct]
    ) -> dict[bytes, Callable[[bytes, int], Any]]:
        newest, _ = _newest(cls)
        decoders = {
            _header(number): (
                body_reader(cls, file.schema())
                if file == newest
                else resolving_reader(cls, file.schema(), newest.schema())
            )
            for number, file in _ids.met(newest.topic).items()
        }
        self[cls] = decoders
        return decoders


_ids: SchemaIds = OwnIds()
_encoders = _Encoders()
_decoders = _Decoders()


def use_ids(ids: SchemaIds) -> None:
    """Write and read with the ids of `ids` from now on; once, before the first record."""
    global _ids  # noqa: PLW0603 - one process speaks to one registry
    _ids = ids
    _encoders.clear()
    _decoders.clear()


def encode(record: msgspec.Struct) -> bytes:
    """
    Return the wire form of a record of `topics.CATALOGUE`.

    Raises:
        UnencodableError: says what kind of value the schema cannot hold.
        KeyError: the type has no schema; a bug of ours.
    """
    encoder = _encoders[type(record)]
    try:
        return encoder(record)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise UnencodableError(_why(type(record), error)) from None


def decode(cls: type[R], data: bytes) -> R:
    """
    Return the record that `data` is, as today's schema sees it.

    Raises:
        UndecodableError: another record's bytes, an id nobody knows, truncated, damaged.
        KeyError: the type has no schema; a bug of ours.
    """
    reader = _decoders[cls].get(data[:_HEADER_BYTES])
    if reader is None:
        raise UndecodableError(_misfit(cls, data))
    try:
        return cast("R", reader(data, _HEADER_BYTES))
    except Exception as error:  # noqa: BLE001 - damaged bytes make a parser raise anything
        raise UndecodableError(_why(cls, error)) from None


def pack(row: msgspec.Struct) -> bytes:
    """Return the form of a struct for local state."""
    return _pack(row)


def unpack(cls: type[R], data: bytes) -> R:
    """
    Return the struct that `pack` was given.

    Raises:
        UndecodableError: the bytes are not one.
    """
    try:
        return cast("R", _unpackers[cls](data))
    except (msgspec.MsgspecError, ValueError) as error:
        raise UndecodableError(_why(cls, error)) from None


class _Unpackers(dict[type[msgspec.Struct], Callable[[bytes], Any]]):
    def __missing__(self, cls: type[msgspec.Struct]) -> Callable[[bytes], Any]:
        unpacker = msgspec.msgpack.Decoder(cls).decode
        self[cls] = unpacker
        return unpacker


_pack = msgspec.msgpack.Encoder().encode
_unpackers = _Unpackers()


def _newest(cls: type[msgspec.Struct]) -> tuple[SchemaFile, int]:
    return _ids.newest(_TOPICS[cls])


def _header(number: int) -> bytes:
    return b"\x00" + number.to_bytes(_HEADER_BYTES - 1)


def _misfit(cls: type[msgspec.Struct], data: bytes) -> str:
    if len(data) < _HEADER_BYTES:
        return f"{cls.__name__}: shorter than the header of a record"
    if data[0]:
        return f"{cls.__name__}: does not begin with the magic byte 0x00"
    number = int.from_bytes(data[1:_HEADER_BYTES])
    known = _ids.table().get(number)
    if known is None:
        return f"{cls.__name__}: no schema has the id {number}"
    return f"{cls.__name__}: schema id {number} is {known}"


def _why(cls: type[msgspec.Struct], error: Exception) -> str:
    """Name the kind of trouble only: texts of parsers quote the data."""
    return f"{cls.__name__}: {type(error).__name__}"
