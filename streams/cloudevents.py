"""CloudEvents 1.0 attributes as record headers (the binary mode of its Kafka binding)."""

from __future__ import annotations

from datetime import datetime

from streams.log import Headers


def cloud_event(event_id: str, event_type: str, source: str, time: datetime) -> Headers:
    """
    Return the headers of one event.

    Args:
        event_type: reverse-free dotted name, "pos.transaction.changed".
        source: path of what it is about, "/accounts/…".

    Source: github.com/cloudevents/spec, kafka-protocol-binding.md, binary content mode
    """
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_type", event_type.encode()),
        ("ce_source", source.encode()),
        ("ce_time", time.isoformat().encode()),
        ("content-type", b"application/avro"),
    )
