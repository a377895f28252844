"""The catalogue of topics as the log must have them."""

from __future__ import annotations

from schemas.topics import CATALOGUE
from streams.log import Topic


def all_topics(lanes: int) -> list[Topic]:
    """Return every topic with as many partitions as there are lanes."""
    return [
        Topic(spec.name, lanes, compact=spec.compact, retention_s=spec.retention_s)
        for spec in CATALOGUE
    ]
