"""Logs: one JSON object a line, by structlog and by every library, with secrets taken out."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

HIDDEN = "[hidden]"
DEPTH_MAX = 8
ITEMS_MAX = 200
TEXT_MAX = 16_384

_SECRET_NAME = re.compile(
    r"authori[sz]ation|token|secret|passw|pwd|api[-_ ]?key|access[-_ ]?key|master[-_ ]?key"
    r"|data[-_ ]?key|signature|credential|cookie|private|card|\bpan\b|cvv|cvc|iban|email"
    r"|e-mail|phone|body",
    re.IGNORECASE,
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PATTERNS = (
    # an Authorization header written into a text
    re.compile(r"(?i)\b(?:bearer|basic|token)\s+[^\s\"',;]+"),
    # name=value and name: value, whatever the value looks like
    re.compile(
        r"(?i)[\w-]*(?:token|secret|passw(?:or)?d|api[-_]?key|signature|credential|pwd)"
        r"[\w-]*[\"']?\s*[=:]\s*[\"']?[^\s\"'&,;]+"
    ),
    # user and password of a URL
    re.compile(r"(?<=://)[^/@\s]*@"),
    # our own API keys, Square's tokens and secrets, JSON web tokens
    re.compile(r"\bts_[0-9A-Za-z]+_[\w-]+"),
    re.compile(r"\bEAAA[\w-]{8,}"),
    re.compile(r"\bsq0[a-z]{3}-[\w-]+"),
    re.compile(r"\beyJ[\w-]+(?:\.[\w-]*)*"),
    # 32 bytes in base64 or more: keys and HMACs
    re.compile(r"[A-Za-z0-9+/]{42,}={0,2}"),
    re.compile(r"[^\s@\"'<>=:/(\[{,;]+@[^\s@\"'<>)\]},;]+"),
)
_IDS = re.compile(rf"((?:[0-9]{{8}}T[0-9]{{12}}-)?{_UUID.pattern})")
_LONG_RUN = re.compile(r"[A-Za-z0-9_+=-]{32,}")
_DIGITS = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){12,18}(?![0-9])")


def scrubbed(text: str) -> str:
    """Return the text without what looks like a token, a key, a card number or an address."""
    text = text[:TEXT_MAX]
    for pattern in _PATTERNS:
        text = pattern.sub(HIDDEN, text)
    text = _LONG_RUN.sub(_unless_ids, text)
    # ids keep their digits: what is odd in the list is an id, the rest lies between
    parts = _IDS.split(text)
    parts[::2] = [_DIGITS.sub(_unless_no_card, part) for part in parts[::2]]
    return "".join(parts)


def _unless_ids(match: re.Match[str]) -> str:
    """Hide a long run of letters and digits, unless it is UUIDs with a short name to them."""
    rest = _UUID.sub("", match[0])
    mixed = any(char.isdigit() for char in rest) and any(char.isalpha() for char in rest)
    return HIDDEN if len(rest) >= 32 and mixed else match[0]  # noqa: PLR2004 - as the pattern


def _unless_no_card(match: re.Match[str]) -> str:
    """Hide digits that pass the check of card numbers (Luhn; ISO/IEC 7812-1 annex B)."""
    digits = [int(char) for char in match[0] if char.isdigit()][::-1]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return HIDDEN if (sum(digits[::2]) + sum(doubled)) % 10 == 0 else match[0]


def redacted(value: Any, depth: int = 0) -> Any:
    """Return a value with the same shape and without secrets; unknown objects as text."""
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return "[deep]" if depth >= DEPTH_MAX else _container(value, depth)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    if value is None or (isinstance(value, bool | int | float) and not _may_be_card(value)):
        return value
    return scrubbed(str(value))


def _container(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        items = list(value.items())[:ITEMS_MAX]
        return {scrubbed(str(name)): _named(name, item, depth) for name, item in items}
    return _sequence(list(value)[:ITEMS_MAX], depth)


def _may_be_card(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) >= 10**12


def _sequence(items: list[Any], depth: int) -> list[Any]:
    """A pair whose first is a name is a header as most libraries hand it over."""
    if len(items) == 2 and isinstance(items[0], str | bytes):  # noqa: PLR2004 - a pair
        name = items[0].decode("latin-1") if isinstance(items[0], bytes) else items[0]
        if _SECRET_NAME.search(name):
            return [scrubbed(name), HIDDEN]
    return [redacted(item, depth + 1) for item in items]


def _named(name: object, value: Any, depth: int) -> Any:
    if value is not None and not isinstance(value, bool) and _SECRET_NAME.search(str(name)):
        return value if _is_count(name, value) else HIDDEN
    return redacted(value, depth + 1)


def _is_count(name: object, value: object) -> bool:
    """Sizes keep their value: `body_bytes=1024` is no body."""
    return isinstance(value, int) and str(name).endswith(("_bytes", "_max", "_total", "_count"))


def redact(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Take secrets out of a log event: the last processor before it becomes text."""
    return {scrubbed(str(name)): _named(name, value, 0) for name, value in event.items()}


QUIET = (
    # httpx logs every URL, and a query may carry what is nobody's business
    "httpx",
    "httpcore",
    "uvicorn.access",
    # each of Faust's dozens of services tells of its start and stop, ours by its base class
    "faust",
    "mode",
    "streams.embedded.transport",
    "streams.kafka.transport",
)


def set_up(level: str = "info", stream: TextIO | None = None) -> None:
    """Send structlog and the logs of all libraries to `stream` (stderr), one JSON a line."""
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "faust", "mode", "aiokafka"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
