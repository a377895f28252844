"""
Keys and bytes of the embedded log.

Keys are big endian, so that RocksDB's order is the order of offsets:

    log      (topic id, partition, offset)     -> record
    state    (table id, partition) + row key   -> row
    index    (topic id, partition) + key       -> offset of the newest compacted record
    default  one letter + ...                  -> topics, tables, begins, ends, positions
"""

from __future__ import annotations

import struct

from streams.log import Headers, Record

LOG_KEY = struct.Struct(">HHQ")
PREFIX = struct.Struct(">HH")
NUMBER = struct.Struct(">Q")
READY = PREFIX.pack(0, 0)
"""Prefix of the markers of complete tables; topic and table ids begin at 1."""

TOPIC, TABLE, TABLE_LAST = b"T", b"S", b"s"
BEGIN, END, POSITION, CLEAN, TOMBSTONE = b"B", b"E", b"P", b"C", b"D"

_HEAD = struct.Struct(">qiiB")
_HEADER = struct.Struct(">HI")


def pack(
    timestamp: int, key: bytes | None, value: bytes | None, headers: Headers = ()
) -> bytes:
    """Return the stored form: head, headers, key, value; `timestamp` in milliseconds."""
    if not headers and key is not None and value is not None:
        return _HEAD.pack(timestamp, len(key), 0, 1) + key + value
    packed = b""
    for name, content in headers:
        raw_name = name.encode()
        packed += _HEADER.pack(len(raw_name), len(content)) + raw_name + content
    key_length = -1 if key is None else len(key)
    head = _HEAD.pack(timestamp, key_length, len(packed), value is not None)
    return head + packed + (key or b"") + (value or b"")


def unpack(topic: str, partition: int, offset: int, raw: bytes) -> Record:
    """Return the record that `pack` made of it."""
    timestamp, key_length, headers_length, has_value = _HEAD.unpack_from(raw)
    key_at = _HEAD.size + headers_length
    headers = _unpack_headers(raw, key_at) if headers_length else ()
    value_at = key_at + max(key_length, 0)
    return Record(
        topic,
        partition,
        offset,
        timestamp,
        raw[key_at:value_at] if key_length >= 0 else None,
        raw[value_at:] if has_value else None,
        headers,
    )


def timestamp_of(raw: bytes) -> int:
    """Return the timestamp of a stored record, milliseconds."""
    return int(_HEAD.unpack_from(raw)[0])


def _unpack_headers(raw: bytes, end: int) -> list[tuple[str, bytes]]:
    headers, at = [], _HEAD.size
    while at < end:
        name_length, length = _HEADER.unpack_from(raw, at)
        at += _HEADER.size
        name = raw[at : at + name_length].decode()
        at += name_length
        headers.append((name, raw[at : at + length]))
        at += length
    return headers


def number(raw: bytes | None, default: int = 0) -> int:
    """Return a stored number, or the default where nothing is stored."""
    return default if raw is None else int(NUMBER.unpack(raw)[0])
