"""Settings of the embedded log, as its URL's query: `embedded:///path?sync=1&chunk=96`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from streams.errors import SetupError


@dataclass(frozen=True, slots=True)
class EmbeddedOptions:
    """
    What the URL may say; the defaults are measured to be good.

    Args:
        sync: 1 makes an append wait for the disk; 0 only for the operating system, which
            survives the end of the process but not a power cut.
        chunk: records handed to a step at a time. Larger ones hold up webhooks under load.
        buffer: chunks kept between the log and a lane, per stage and source topic.
        cache_mb: block cache for state; it must hold the working set or the speed halves.
        upkeep_s: seconds between two looks for records to compact.
        retention_s: seconds between two looks for records that are too old.
        dirty_min: records that must have arrived before a partition is compacted again.
        tombstones_s: seconds that readers have to see a deletion in a compacted topic.
    """

    sync: int = 1
    chunk: int = 96
    buffer: int = 4
    cache_mb: int = 256
    upkeep_s: float = 5.0
    retention_s: float = 600.0
    dirty_min: int = 20_000
    tombstones_s: float = 86_400.0

    def __post_init__(self) -> None:
        if self.sync not in (0, 1):
            raise SetupError(f"embedded log: sync={self.sync}; give 0 or 1")
        for name in ("chunk", "buffer", "cache_mb", "dirty_min", "upkeep_s", "retention_s"):
            if not getattr(self, name) > 0:
                raise SetupError(f"embedded log: {name} must be greater than 0")


def parse(url: str) -> tuple[Path, EmbeddedOptions]:
    """
    Read `embedded:///absolute/path?option=value` or a plain path.

    Raises:
        SetupError: an option is unknown or is not a number, or there is no path.
    """
    parts = urlsplit(url)
    path = unquote(parts.netloc + parts.path) if parts.scheme else url
    if not path:
        raise SetupError("embedded log: no folder; use embedded:///path/of/a/folder")
    given = dict(parse_qsl(parts.query, keep_blank_values=True)) if parts.scheme else {}
    return Path(path), _options(given)


def _options(given: dict[str, str]) -> EmbeddedOptions:
    known = {option.name: option.type for option in fields(EmbeddedOptions)}
    if unknown := sorted(set(given) - set(known)):
        raise SetupError(f"embedded log: unknown option {unknown}; known: {sorted(known)}")
    values: dict[str, float] = {}
    for name, text in given.items():
        try:
            values[name] = int(text) if known[name] == "int" else float(text)
        except ValueError as error:
            raise SetupError(f"embedded log: {name}={text!r} is not a number") from error
    return EmbeddedOptions(**values)  # type: ignore[arg-type]  # int fields got ints above
